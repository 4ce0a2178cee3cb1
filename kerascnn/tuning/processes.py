"""Processes for trials, forked from a server that has TensorFlow imported.

As everywhere in multiprocessing, a script of the user's that runs a sweep must do so below
`if __name__ == "__main__":`.
"""

from __future__ import annotations

import multiprocessing
import signal
from multiprocessing import connection, forkserver
from pathlib import Path
from typing import Any

from kerascnn.tuning import trial
from kerascnn.tuning.trial import TrialTask

_context = multiprocessing.get_context("forkserver")
_PATIENCE = 5.0  # seconds for a process to end when asked to
_TAIL = 2000  # bytes of a log that are looked at


def start_server() -> None:
    """Starts the fork server, which goes on importing while the caller does other things."""
    _context.set_forkserver_preload(["kerascnn.tuning.preloaded"])
    forkserver.ensure_running()


class TrialProcess:
    """A trial's process.

    Args:
        task: What it does.

    Attributes:
        connection: What it reports to; to be waited for.
    """

    def __init__(self, task: TrialTask):
        self._log = task.log
        self.connection, theirs = _context.Pipe(duplex=False)
        self._process = _context.Process(target=trial.run, args=(task, theirs), daemon=True)
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        """The process's number."""
        assert self._process.pid is not None
        return self._process.pid

    def next_report(self) -> tuple[Any, ...]:
        """Returns the next report; ("failed", message) if the process has died."""
        try:
            report: tuple[Any, ...] = self.connection.recv()
        except (EOFError, OSError):
            return ("failed", self._cause())
        return report

    def end(self) -> None:
        """Ends the process, whatever it is doing."""
        self.connection.close()
        self._process.kill()
        self._process.join()
        self._process.close()

    def finish(self) -> None:
        """Lets a process that has sent its last report end by itself, but not for ever."""
        self._process.join(_PATIENCE)
        self.end()

    def _cause(self) -> str:
        self._process.join(_PATIENCE)
        code = self._process.exitcode
        if code == -signal.SIGKILL:
            return "its process was killed, as happens where memory runs out"
        reason = f"signal {signal.Signals(-code).name}" if code and code < 0 else f"exit {code}"
        return f"its process crashed ({reason}){_last_line(self._log)}"


def wait(processes: list[TrialProcess], seconds: float) -> list[TrialProcess]:
    """Returns the processes that have something to report, after at most so long."""
    ready = connection.wait([process.connection for process in processes], seconds)
    return [process for process in processes if process.connection in ready]


def _last_line(log: Path) -> str:
    try:
        tail = log.read_bytes()[-_TAIL:].decode(errors="replace").strip()
    except OSError:
        return ""
    return f": {tail.splitlines()[-1]}" if tail else ""
