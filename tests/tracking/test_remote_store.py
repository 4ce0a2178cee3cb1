"""Everything against a store on a server: MLflow's, with PostgreSQL and its artifacts behind it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kerascnn import tracking
from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.experiment import resume, train
from kerascnn.tracking import patience
from kerascnn.tracking.store import _patient_client
from tests.tracking.remote import Database, Server, missing, remote_store

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
]


@pytest.fixture(scope="module")
def far() -> Iterator[tuple[Database, Server]]:
    with remote_store() as started:
        yield started


@pytest.fixture(autouse=True)
def elsewhere(
    far: tuple[Database, Server], workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    """An empty working directory whose store is the server; it holds nothing of it."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", far[1].uri)
    _patient_client.cache_clear()
    yield
    assert not list(workplace.glob("mlruns/*.db"))
    assert not (workplace / "mlruns" / "artifacts").exists()


def after_epoch(number: int, act: Callable[[], object]) -> keras.callbacks.Callback:
    """A callback that acts once, when so many epochs have ended."""
    return keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: act() if epoch == number - 1 else None
    )


def test_every_command_works(kerascnn, workplace: Path) -> None:
    for name, seed in (("one", 1), ("two", 2)):
        done = kerascnn("train", "mlp", "digits", "--epochs", 2, "--name", name, "--seed", seed)
        assert done.code == 0, done.err
    for arguments in (
        ("runs",),
        ("evaluate", "one"),
        ("compare", "one", "two", "--out", "compare.png"),
        ("report", "one", "--out", "one.html"),
        ("errors", "one"),
        ("visualize", "one", "filters"),
        ("sweep", "mlp", "digits", "--trials", 3, "--max-epochs", 2, "--tuner", "random",
         "--workers", 2, "--name", "search"),
        ("sweeps", "show", "search"),
        ("evaluate", "search"),
        ("report", "search"),
        ("runs", "delete", "two"),
    ):  # fmt: skip
        done = kerascnn(*arguments)
        assert done.code == 0, (arguments, done.err)
    sweep = tracking.load_sweep("search")
    assert {"ranking.csv", "objective.png", "report.html"} <= set(sweep.artifacts())
    having = [trial.id for trial in tracking.trials_of(sweep) if trial.has("model.keras")]
    assert having == [tracking.load_run("search").id]


def test_several_processes_write_at_once() -> None:
    names = [f"writer-{number}" for number in range(3)]
    writers = [
        subprocess.Popen(
            [sys.executable, "-m", "kerascnn_pipelines.cli", "train", "linear", "digits",
             "--epochs", "5", "--name", name],
            stdout=subprocess.DEVNULL,
        )
        for name in names
    ]  # fmt: skip
    for writer in writers:
        assert writer.wait(300) == 0
    for name in names:
        run = tracking.load_run(name)
        assert (run.status, len(run.history["val_loss"])) == ("FINISHED", 5)
        assert {"model.keras", "recipe.yaml", "per_class.csv"} <= set(run.artifacts())


def test_a_run_outlives_a_restart_and_no_figure_is_lost(far: tuple[Database, Server]) -> None:
    database, server = far

    def restart() -> None:
        server.kill()
        threading.Timer(3, server.start).start()

    with pytest.warns(UserWarning, match="does not answer: waiting for it, up to 60 s"):
        trained = train(
            "mlp", "digits", epochs=6, name="restarted", report=None,
            callbacks=[after_epoch(2, restart), after_epoch(4, database.restart)],
        )  # fmt: skip
    run = trained.run
    assert run.status == "FINISHED"
    for name in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert len(run.history[name]) == 6
    assert run.has("model.keras")


def test_without_a_server_it_ends_in_time_and_can_go_on(
    far: tuple[Database, Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, server = far
    monkeypatch.setattr(patience, "PATIENCE", 2.0)
    began = 0.0

    def kill() -> None:
        nonlocal began
        began = time.monotonic()
        server.kill()

    with (
        pytest.warns(UserWarning, match="does not answer: waiting for it, up to 2 s"),
        pytest.raises(UserError, match="cannot use the tracking store .*: its server does not"),
    ):
        train(
            "mlp", "digits", epochs=5, name="alone", report=None, callbacks=[after_epoch(3, kill)]
        )
    assert time.monotonic() - began < 60
    server.start()
    run = tracking.load_run("alone")
    assert run.status == "RUNNING"  # nobody could tell
    resumed = resume(run, report=None, callbacks=[after_epoch(99, kill)]).run
    assert (resumed.status, len(resumed.history["loss"])) == ("FINISHED", 5)
    assert tracking.load_run("alone").id == run.id
