"""The installed command line in folders of its own, with what it took and what it left."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

KERASCNN = Path(sys.executable).with_name("kerascnn")
PATIENCE = 300.0  # seconds; what takes longer hangs
MOST_BYTES = 2 * 2**30  # of memory
_DYING = 15.0  # seconds, for the children of a process that was killed


@dataclass(frozen=True)
class Finished:
    """A command that has ended.

    Attributes:
        code: Its exit code; negative for a signal.
        out: What it printed.
        err: What it printed to stderr.
        seconds: From start to end.
        peak: Bytes of memory at most, of it or one of its children.
        children_left: Of its processes, some while after its end.
    """

    code: int
    out: str
    err: str
    seconds: float
    peak: int
    children_left: int

    def faults(self, codes: Sequence[int] = (0, 1, 2)) -> list[str]:
        """Returns what is wrong with how it ended, whatever it was asked to do."""
        errors = [line for line in self.err.splitlines() if not line.startswith("Warning: ")]
        found = []
        if self.code not in codes:
            found.append(f"exit code {self.code}: {' '.join(errors)[-300:]}")
        if "Traceback" in self.err or "unexpected" in self.err:
            found.append(f"unexpected: {self.err.strip()[-300:]}")
        if self.code == 2 and (len(errors) != 1 or not errors[0].startswith("Error: ")):
            found.append(f"{len(errors)} lines of errors: {self.err[-300:]}")
        if self.peak > MOST_BYTES:
            found.append(f"{self.peak / 2**30:.1f} GiB")
        if self.children_left:
            found.append(f"{self.children_left} processes left")
        return found


class Place:
    """A working directory with a store, a cache and a place for temporary files of its own."""

    def __init__(self, folder: Path):
        self.work, self.temporary, self.cache = (
            folder / name for name in ("work", "temporary", "cache")
        )
        for path in (self.work, self.temporary, self.cache):
            path.mkdir(parents=True)
        self._variables = {
            **os.environ,
            "TMPDIR": str(self.temporary),
            "KERASCNN_CACHE": str(self.cache),
            "PYTHONUNBUFFERED": "1",
        }
        self._variables.pop("MLFLOW_TRACKING_URI", None)

    def start(self, *arguments: object) -> Started:
        """Starts a command."""
        return Started(self, [str(KERASCNN), *map(str, arguments)], self._variables)

    def run(self, *arguments: object) -> Finished:
        """Runs a command to its end."""
        return self.start(*arguments).finished()

    def left_over(self) -> list[str]:
        """Returns what commands have left where temporary files are."""
        return sorted(path.name for path in self.temporary.iterdir())


class Started:
    """A command that runs; in a session of its own, so that all its processes are found."""

    def __init__(self, place: Place, line: list[str], variables: dict[str, str]):
        self._began = time.perf_counter()
        self._out, self._err = (
            (place.cache.parent / f"{name}-{time.monotonic_ns()}") for name in ("out", "err")
        )
        with self._out.open("wb") as out, self._err.open("wb") as err:
            self._process = subprocess.Popen(
                line, cwd=place.work, env=variables, stdin=subprocess.DEVNULL, stdout=out,
                stderr=err, start_new_session=True,
            )  # fmt: skip
        self._ended: tuple[int, int] | None = None

    @property
    def out(self) -> str:
        """What it has printed so far."""
        return self._out.read_text(encoding="utf-8", errors="replace")

    @property
    def err(self) -> str:
        """What it has printed to stderr so far."""
        return self._err.read_text(encoding="utf-8", errors="replace")

    def ended(self) -> bool:
        """Whether it has ended; takes its exit code and its peak of memory."""
        if self._ended is None:
            process, status, usage = os.wait4(self._process.pid, os.WNOHANG)
            if process:
                code = os.waitstatus_to_exitcode(status)
                self._process.returncode = code
                self._ended = code, usage.ru_maxrss * 1024
        return self._ended is not None

    def wait_until(self, condition: Callable[[], bool], seconds: float = PATIENCE) -> bool:
        """Waits until a condition holds or the command has ended; returns whether it holds."""
        end = time.perf_counter() + seconds
        while not condition():
            if self.ended() or time.perf_counter() > end:
                return condition()
            time.sleep(0.02)
        return True

    def kill(self) -> None:
        """Kills the command's own process, as if the machine had lost it; nothing is told."""
        if not self.ended():
            os.kill(self._process.pid, signal.SIGKILL)

    def finished(self, seconds: float = PATIENCE) -> Finished:
        """Waits for its end; what takes too long is ended, and has the code -9."""
        self.wait_until(self.ended, seconds)
        self.kill()
        self.wait_until(self.ended)
        assert self._ended is not None
        took = time.perf_counter() - self._began
        end = time.perf_counter() + _DYING
        while (left := self._session()) and time.perf_counter() < end:
            time.sleep(0.1)
        for process in left:
            with contextlib.suppress(psutil.Error):
                process.kill()
        code, peak = self._ended
        return Finished(code, self.out, self.err, took, peak, len(left))

    def _session(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                dead = process.status() == psutil.STATUS_ZOMBIE
                if not dead and os.getsid(process.pid) == self._process.pid:
                    found.append(process)
        return found
