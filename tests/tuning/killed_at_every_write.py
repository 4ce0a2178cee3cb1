"""A sweep that is killed at every write in turn, and then taken up again; run by `test_kills`.

In a process of its own, which imports TensorFlow and uses none of it, so that it can be forked.
Trials give their figures without training: what is written, by whom and in which order is real.

It prints a line of JSON for each kill: what was about to be written, and what was found after it.
Its arguments are an empty folder, and how many kills there are at most.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from multiprocessing import Pipe
from pathlib import Path
from typing import Any
from unittest import mock

from kerascnn_pipelines.sweep import search
from kerascnn_pipelines.sweeps import command as sweeps
from mlflow.tracking import MlflowClient

from kerascnn import tracking
from kerascnn.tracking.runs import list_runs, load_run
from kerascnn.tuning import outcome, processes
from kerascnn.tuning import search as searching
from kerascnn.tuning.trial import TrialTask

WRITES = [
    *((MlflowClient, name) for name in vars(MlflowClient) if name.startswith(("log_", "set_"))),
    *((MlflowClient, name) for name in ("create_run", "update_run", "delete_run")),
    (os, "replace"),
]
FIGURES = {
    "validation_accuracy": 0.5, "validation_loss": 1.0, "parameters": 9, "macs": 9,
    "best_epoch": 1, "trial_seconds": 1.0,
}  # fmt: skip


class AtOnce:
    """Stands for a process that has trained already."""

    pid = 0

    def __init__(self, task: TrialTask):
        assert task.model is not None
        zipfile.ZipFile(task.model.folder / "model.keras", "w").close()  # of another program
        self.connection, theirs = Pipe(duplex=False)
        theirs.send(("done", dict(FIGURES)))

    def next_report(self) -> Any:
        return self.connection.recv()

    def finish(self) -> None:
        self.connection.close()

    end = finish


def kill_at(number: int) -> None:
    """Ends this process before a write, by its number; before one within another, too."""
    left = iter(range(number))

    def ending(write: Callable[..., Any], name: str) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            if next(left, None) is None:
                os.write(1, name.encode())
                os._exit(9)
            return write(*arguments, **options)

        return counted

    for owner, name in WRITES:
        setattr(owner, name, ending(getattr(owner, name), name))


def forked(function: Callable[[], None]) -> tuple[int, str]:
    """Calls a function in a child; returns its exit code and what it printed."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writing, 1)
        os.close(reading)
        code = 1
        try:
            function()
            code = 0
        finally:
            sys.stdout.flush()
            os._exit(code)
    os.close(writing)
    with open(reading, encoding="utf-8") as output:
        text = output.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), text


def sweep(resumed: str | None = None) -> None:
    """Starts the sweep, or goes on with it."""
    given = {"tuner": "random", "trials": 1, "max_epochs": 3, "name": "killed"}
    subject = (None, None) if resumed else ("mlp", "digits")
    search(
        *subject, None, (), None, deterministic=False, resumed=resumed, save_best=None,
        **({} if resumed else given),
    )  # fmt: skip


def look() -> None:
    """Prints what other commands make of it, and what is there when it has been taken up."""
    found: dict[str, Any] = {"sweeps": [run.name for run in tracking.list_sweeps()]}
    with contextlib.redirect_stdout(io.StringIO()) as shown:
        sweeps(["show", "killed"] if found["sweeps"] else [], standalone_mode=False)
        sweeps([], standalone_mode=False)
    found["shown"] = shown.getvalue()
    finished = [run.id for run in list_runs(kind="trial") if run.status == "FINISHED"]
    with contextlib.redirect_stdout(io.StringIO()):
        sweep("killed" if found["sweeps"] else None)
    trials = list_runs(kind="trial")
    found["trials"] = sorted((run.params["trial"], run.status) for run in trials)
    found["models"] = [run.name for run in trials if run.has("model.keras")]
    found["best"] = load_run("killed").name
    found["lost"] = sorted(set(finished) - {run.id for run in trials})
    (parent,) = tracking.list_sweeps()
    found["status"], found["params"] = parent.status, dict(parent.params)
    found["plan"] = tracking.sweep_file(parent)
    print(json.dumps(found))


def imported() -> None:
    """Prints the modules that all of it needs."""
    with contextlib.chdir("template"), contextlib.redirect_stdout(io.StringIO()):
        tracking.check_store()
        shutil.copytree("mlruns", "../warm/mlruns")
    with contextlib.chdir("warm"), contextlib.redirect_stdout(io.StringIO()):
        look()
    print(json.dumps([name for name in sys.modules if name != "__main__"]))


def kills(place: Path, most: int) -> Iterator[dict[str, Any]]:
    for number in range(most):
        shutil.copytree("template", place / str(number))
        os.chdir(place / str(number))

        def run(number: int = number) -> None:
            kill_at(number)
            with contextlib.redirect_stdout(io.StringIO()):
                sweep()

        code, write = forked(run)
        yield {"code": code, "write": write, "after": forked(look)}
        os.chdir(place)
        if code == 0:
            return


if __name__ == "__main__":
    processes.start_server = lambda: None
    mock.patch.object(searching, "TrialProcess", AtOnce).start()
    mock.patch.object(outcome, "draw_sweep").start()  # it takes seconds
    os.chdir(sys.argv[1])
    Path("template").mkdir()
    # What is imported when it is needed is imported here, once; nothing of it may run here.
    for module in json.loads(forked(imported)[1]):
        with contextlib.suppress(ImportError):
            importlib.import_module(module)

    for killed in kills(Path.cwd(), int(sys.argv[2])):
        print(json.dumps(killed), flush=True)
