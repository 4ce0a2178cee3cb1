"""Processes for trials, forked from a server that has TensorFlow imported.

As everywhere in multiprocessing, a script of the user's that runs a sweep must do so below
`if __name__ == "__main__":`.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from multiprocessing import connection, forkserver, process
from pathlib import Path
from typing import Any

from kerascnn.scratch import clear_scratch, scratch_folder, socket_folder
from kerascnn.tuning import trial
from kerascnn.tuning.trial import TrialTask

_context = multiprocessing.get_context("forkserver")
_PATIENCE = 5.0  # seconds for a process to end when asked to
_TAIL = 2000  # bytes of a log that are looked at


def start_server() -> None:
    """Starts the fork server, which goes on importing while the caller does other things."""
    _context.set_forkserver_preload(["kerascnn.tuning.preloaded"])
    configuration: dict[str, Any] = vars(multiprocessing.current_process())["_config"]
    if not configuration.get("tempdir"):
        configuration["tempdir"] = str(socket_folder())  # where its socket lies
    with _working_directory_not_imported_from():
        forkserver.ensure_running()


def abandon_server() -> None:
    """Ends the fork server at once, also while it imports, and removes all temporary files.

    For a process that is about to end: it can start none again.
    """
    server = vars(forkserver._forkserver)["_forkserver_pid"]
    if server is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(server, signal.SIGKILL)
    clear_scratch()


def _import_path() -> list[str]:
    """Returns `sys.path` without the working directory that Python put there by itself.

    It stays where this package lies in it, or where `python -m` found its module there. A script's
    own folder always does: functions that are pickled are looked for in it.
    """
    here: str = vars(process)["ORIGINAL_DIR"] or ""
    needed = str(Path(__file__).parents[2]) == here
    path = [entry or here for entry in sys.path if entry or needed]
    main = getattr(sys.modules["__main__"], "__spec__", None)  # None but for `python -m`
    if main is not None and not sys.flags.safe_path and not needed and here in path:
        folder = Path(main.origin or "/").parents[main.name.count(".")]
        if str(folder) != here:
            path.remove(here)
    return path


@contextlib.contextmanager
def _working_directory_not_imported_from() -> Iterator[None]:
    """Lets a block start processes that do not import what lies in the working directory.

    People run sweeps where their data are, and a random.py among them is not Python's.
    """
    path, safe = sys.path, os.environ.get("PYTHONSAFEPATH")
    sys.path = _import_path()
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        sys.path = path
        if safe is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = safe


class TrialProcess:
    """A trial's process.

    Args:
        task: What it does.

    Attributes:
        connection: What it reports to; to be waited for.
    """

    def __init__(self, task: TrialTask):
        self._log = task.log
        self._scratch = tempfile.mkdtemp(dir=scratch_folder())
        task = replace(task, environment={**task.environment, "TMPDIR": self._scratch})
        self.connection, theirs = _context.Pipe(duplex=False)
        self._process = _context.Process(target=trial.run, args=(task, theirs), daemon=True)
        with _working_directory_not_imported_from():
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
        shutil.rmtree(self._scratch, ignore_errors=True)

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
