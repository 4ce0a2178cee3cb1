"""Contestants that take turns, each a process in an environment of its own; others are watched.

`make bench-env` makes the environments, under build/bench. Two libraries in one process, or in one
environment, disturb each other: their thread pools starve each other, and one may not even import
beside the other. A contestant answers lines of JSON with lines of JSON (`contestants/answers.py`);
while it is not asked it is stopped, so that threads which spin take nothing from who is. One that
dies, or does not answer in time, is out of the contest, with the last line that it wrote.

Beside each answer stands how many processors were busy with anything else meanwhile. A figure that
was taken beside more than `QUIET` says nothing of the contestants.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).parent.parent
PLACE = ROOT / "build" / "bench"
QUIET = 0.1  # processors busy with other work

# Flags of /proc/cpuinfo, the best first, and what they are called.
_UNITS = {
    "amx_bf16": "AMX",
    "avx512_bf16": "AVX512-BF16",
    "avx512f": "AVX512",
    "avx2": "AVX2",
}


class Gone(Exception):
    """A contestant that is out of the contest, and why."""


def hardware() -> str:
    """Returns the processor, its threads and its best units: what a figure depends on."""
    name, flags = "unknown processor", set[str]()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                name = value.strip()
            elif key.strip() == "flags":
                flags = set(value.split())
    units = next((label for flag, label in _UNITS.items() if flag in flags), "no vector units")
    return f"{name} ({len(os.sched_getaffinity(0))} threads, {units})"


def python_of(environment: str) -> Path:
    """Returns the Python of an environment that `make bench-env` made.

    Raises:
        Gone: Where there is none.
    """
    python = PLACE / environment / "bin" / "python"
    if not python.exists():
        raise Gone(f"there is no environment {environment}: make bench-env")
    return python


def last_line(log: Path) -> str:
    """Returns the last words of a log, after a colon; nothing where it is empty."""
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return f": {last}" if last else ""


class Contestant:
    """A process that is asked in its turns, and stopped in between."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        patience: float = 180,
        variables: Mapping[str, str] | None = None,
    ):
        """Says what is to be started.

        Args:
            name: Of its log, too.
            command: Program and arguments; it runs in the root of the checkout.
            patience: Seconds until it has to have said that it is ready.
            variables: Of its environment, beside those that there are.
        """
        self.name = name
        self._command = [str(word) for word in command]
        self._patience = patience
        self._variables = dict(variables or {})
        self._log = PLACE / "logs" / f"{name}.txt".replace("/", " ")
        self._pending = b""
        self._process: subprocess.Popen[bytes] | None = None

    def ready(self) -> dict[str, Any]:
        """Starts it and waits until it can be asked; returns what it says of itself.

        Raises:
            Gone: If it died, or took too long.
        """
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("w", encoding="utf-8") as log:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=ROOT,
                env={**os.environ, **self._variables},
                start_new_session=True,
            )
        answer = self._answer(self._patience)
        self._signal(signal.SIGSTOP)
        return answer

    def ask(self, question: Mapping[str, Any], patience: float) -> tuple[dict[str, Any], float]:
        """Asks it, alone; returns its answer, and the processors that others kept busy meanwhile.

        Raises:
            Gone: If it died, or did not answer within so many seconds.
        """
        assert self._process is not None
        assert self._process.stdin is not None
        self._signal(signal.SIGCONT)
        own, busy, start = self._own(), busy_seconds(), time.perf_counter()
        with contextlib.suppress(BrokenPipeError):  # its end is found below
            self._process.stdin.write(json.dumps(question).encode() + b"\n")
            self._process.stdin.flush()
        answer = self._answer(patience)
        seconds = time.perf_counter() - start
        others = (busy_seconds() - busy) - (self._own() - own)
        self._signal(signal.SIGSTOP)
        return answer, max(0.0, others / seconds)

    def end(self) -> None:
        """Ends it and all that it started."""
        if self._process is None:
            return
        self._signal(signal.SIGKILL)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        self._process = None

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def _own(self) -> float:
        """Seconds of processor time of its processes so far."""
        assert self._process is not None
        seconds = 0.0
        with contextlib.suppress(psutil.Error):
            first = psutil.Process(self._process.pid)
            for process in (first, *first.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    seconds += sum(process.cpu_times()[:2])
        return seconds

    def _answer(self, patience: float) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        end = time.monotonic() + patience
        while True:
            while b"\n" not in self._pending:
                left = end - time.monotonic()
                if left <= 0 or not select.select([pipe], [], [], left)[0]:
                    self.end()
                    raise Gone(f"did not answer within {patience:g} s{last_line(self._log)}")
                part = os.read(pipe, 2**16)
                if not part:
                    code = self._process.wait()
                    self.end()
                    raise Gone(f"died with code {code}{last_line(self._log)}")
                self._pending += part
            line, _, self._pending = self._pending.partition(b"\n")
            with contextlib.suppress(ValueError):  # what a program says before it begins
                answer: dict[str, Any] = json.loads(line)
                return answer


def busy_seconds() -> float:
    """Seconds that the processors were busy so far, or taken away by what this machine runs on."""
    times = psutil.cpu_times()
    idle = times.idle + getattr(times, "iowait", 0) + getattr(times, "guest", 0)
    return float(sum(times) - idle - getattr(times, "guest_nice", 0))


@contextlib.contextmanager
def contest(
    contestants: Sequence[Contestant],
) -> Iterator[dict[str, tuple[Contestant, dict[str, Any]]]]:
    """Gives those that are ready, by name, with what they say; prints who is out. Ends all.

    A few start at a time, so that each has a processor.
    """

    def introduced(contestant: Contestant) -> dict[str, Any] | Gone:
        try:
            return contestant.ready()
        except Gone as gone:
            return gone

    def stopped(number: int, _: Any) -> None:
        sys.exit(128 + number)

    before = signal.signal(signal.SIGTERM, stopped)  # so that it ends all then, too
    try:
        with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            words = list(pool.map(introduced, contestants))
        found = {}
        for contestant, word in zip(contestants, words, strict=True):
            if isinstance(word, Gone):
                print(f"  {contestant.name}: {word}", flush=True)
            else:
                found[contestant.name] = (contestant, word)
        yield found
    finally:
        signal.signal(signal.SIGTERM, before)
        for contestant in contestants:
            contestant.end()
