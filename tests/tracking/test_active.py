"""Runs while they are written: their fields, their names, and how they end."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from kerascnn import tracking
from kerascnn.recipe import load_recipe
from kerascnn.tracking.active import new_name
from kerascnn.tracking.params import flat_recipe
from kerascnn.tracking.process import own_process
from kerascnn.tracking.runs import Run

RECIPE = load_recipe("digits-quick")


@pytest.fixture(scope="module")
def store_place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with an empty tracking store."""
    place = tmp_path_factory.mktemp("store")
    with contextlib.chdir(place):
        tracking.check_store()
    return place


@pytest.fixture
def store(store_place: Path, work_in: Callable[[Path], Path]) -> Path:
    return work_in(store_place)


def _run(name: str) -> Run:
    return Run("0" * 32, name, "FINISHED", 0.0, {}, {}, {})


@pytest.mark.parametrize(
    ("model", "data", "taken", "name"),
    [
        ("lenet5", "digits", [], "lenet5-digits-1"),
        ("lenet5", "digits", ["lenet5-digits-1", "lenet5-digits-3"], "lenet5-digits-2"),
        ("lenet5", "digits", ["lenet5-digits-2", "mine"], "lenet5-digits-1"),
        ("mlp", "folder:some/where/photos", [], "mlp-photos-1"),
        ("mlp", "emnist/letters", [], "mlp-letters-1"),
    ],
)
def test_names_are_made_of_model_data_and_the_first_free_number(model, data, taken, name) -> None:
    recipe = load_recipe({"model": {"name": model}, "data": {"name": data}})
    assert new_name(recipe, [_run(other) for other in taken]) == name
    assert new_name(recipe, [], prefix="sweep-").startswith("sweep-")


def test_a_run_is_running_until_its_context_ends(store: Path) -> None:
    with tracking.start_run(RECIPE, "one", {"tag": "t"}, {"parameters": 5}) as run:
        found = tracking.load_run("one")
        assert (found.id, found.status) == (run.id, "RUNNING")
        assert found.params == {**flat_recipe(RECIPE), "parameters": "5"}
        assert found.tags.items() >= {"tag": "t", **own_process()}.items()
    assert tracking.load_run("one").status == "FINISHED"


@pytest.mark.parametrize("write", ["log_batch", "log_text"])
def test_a_run_that_is_cut_off_in_its_opening_goes_on(
    store: Path, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    """What it is goes into the store with its row; the rest is made good."""

    def cut_off(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, write, cut_off)
        with (
            pytest.raises(KeyboardInterrupt),
            tracking.start_run(RECIPE, f"cut-{write}", {"data": "d"}, {"parameters": 5}),
        ):
            pass
    found = tracking.load_run(f"cut-{write}")
    assert found.recipe == RECIPE
    assert found.tags["data"] == "d"
    with tracking.resume_run(found, {"parameters": 5}):
        pass
    found = tracking.load_run(f"cut-{write}")
    assert found.params == {**flat_recipe(RECIPE), "parameters": "5"}
    assert found.artifact("recipe.yaml").read_text() == RECIPE.to_yaml()


@pytest.mark.parametrize(
    ("error", "status"), [(RuntimeError, "FAILED"), (KeyboardInterrupt, "KILLED")]
)
def test_status_after_an_exception_and_after_ctrl_c(store: Path, error, status: str) -> None:
    with pytest.raises(error), tracking.start_run(RECIPE, status, {}, {}):
        raise error
    assert tracking.load_run(status).status == status


def test_a_run_that_says_so_ends_killed(store: Path) -> None:
    with tracking.start_run(RECIPE, "marked", {}, {}) as run:
        run.mark_killed()
    assert tracking.load_run("marked").status == "KILLED"


def test_figures_and_files(store: Path, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("hello")
    with tracking.start_run(RECIPE, "figures", {}, {}) as run:
        for epoch, loss in enumerate((3.0, 2.0, 1.5)):
            run.log_epoch({"loss": loss}, epoch)
        run.log_metrics({"test_accuracy": 0.5}, step=3)
        run.log_files(tmp_path)
    found = tracking.load_run("figures")
    assert found.history == {"loss": [3.0, 2.0, 1.5]}
    assert found.metrics == {"loss": 1.5, "test_accuracy": 0.5}
    assert found.artifact("note.txt").read_text() == "hello"


def test_epochs_that_are_gone_through_again_are_logged_once(store: Path) -> None:
    with tracking.start_run(RECIPE, "again", {}, {}) as active:
        for epoch in range(3):
            active.log_epoch({"loss": float(epoch)}, epoch)
        active.mark_killed()
    with tracking.resume_run(tracking.load_run("again"), {}) as active:
        assert tracking.load_run("again").status == "RUNNING"
        for epoch in (1, 2, 3):
            active.log_epoch({"loss": float(epoch)}, epoch)
    run = tracking.load_run("again")
    assert run.status == "FINISHED"
    assert run.history["loss"] == [0, 1, 2, 3]


def test_a_figure_has_one_name_in_the_store_while_training_and_at_the_end(store: Path) -> None:
    with tracking.start_run(RECIPE, "named", {}, {}) as run:
        for epoch, loss in enumerate((0.5, 0.3, 0.4)):
            run.log_epoch({"loss": loss, "val_loss": loss + 1, "learning_rate": 0.1}, epoch)
        run.log_metrics({"validation_loss": 1.3, "validation_accuracy_low": 0.7}, step=3)
    found = tracking.load_run("named")
    assert found.metrics["validation_loss"] == 1.3  # of the weights that were kept
    assert not [name for name in found.metrics if name.startswith("val_")]
    assert found.history == {
        "loss": [0.5, 0.3, 0.4],
        "val_loss": [1.5, 1.3, 1.4],
        "learning_rate": [0.1, 0.1, 0.1],
    }


def test_a_run_of_an_earlier_version_goes_on_with_its_figures(store: Path) -> None:
    with tracking.start_run(RECIPE, "earlier", {}, {}) as run:
        run.log_metrics({"loss": 0.5, "val_loss": 1.5}, step=1)
        run._epochs = 1
        run.log_epoch({"loss": 0.3, "val_loss": 1.3}, 1)
        run.log_metrics({"validation_loss": 1.2}, step=2)
    assert tracking.load_run("earlier").history == {"loss": [0.5, 0.3], "val_loss": [1.5, 1.3]}
