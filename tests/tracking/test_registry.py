"""Names and aliases for the models of runs, and the runs that they stand for."""

from __future__ import annotations

from pathlib import Path

import mlflow.pyfunc
import pytest

import kerascnn
from kerascnn import tracking
from kerascnn.errors import UserError
from kerascnn.models.build import build_model
from kerascnn.recipe import load_recipe
from kerascnn.serving.archive import SavedModel, save_model
from kerascnn.tracking.registry import run_of
from kerascnn.tracking.removal import delete
from kerascnn.tracking.store import store_uri


def with_model(name: str) -> tracking.Run:
    """Returns a run with a network that nobody has trained."""
    recipe = load_recipe("mlp", data="digits")
    network = build_model("mlp", input_shape=(8, 8, 1), classes=10)
    with tracking.start_run(recipe, name, {}, {}) as run, tracking.new_files(run.id) as made:
        save_model(SavedModel(network, tuple("0123456789"), recipe), made / "model.keras")
    return tracking.load_run(name)


def test_a_version_is_its_run_wherever_a_run_is_named(
    workplace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = with_model("one"), with_model("two")
    assert one.register("digits", "champion") == 1
    assert two.register("digits", "challenger") == 2
    assert one.register("digits") == 1  # it is one already
    assert tracking.load_run("models:/digits/1").id == one.id
    assert tracking.load_run("models:/digits@champion").id == one.id
    assert kerascnn.load_model("models:/digits@challenger").classes == tuple("0123456789")
    tracking.load_run("models:/digits@challenger").register("digits", "champion")
    assert tracking.load_run("models:/digits@champion").id == two.id
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "another")  # the registry is of the whole store
    assert tracking.load_run("models:/digits/1").id == one.id
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store_uri())
    served = mlflow.pyfunc.load_model("models:/digits@champion")
    assert served.metadata.run_id == two.id
    with pytest.raises(UserError, match="^two is registered as models:/digits/2: delete that"):
        delete([two])


def test_what_is_not_registered(workplace: Path) -> None:
    with pytest.raises(UserError, match=r"unknown registered model 'digits'.*register RUN NAME"):
        run_of("models:/digits/1")
    with_model("one").register("digits", "champion")
    for reference, message in {
        "models:/digit/1": r"unknown registered model 'digit': did you mean digits\?",
        "models:/digits@champoin": r"unknown alias of digits 'champoin': did you mean champion\?",
        "models:/digits/7": "unknown version of digits '7': known: 1.",
        "models:/digits": "must be models:/NAME/VERSION or models:/NAME@ALIAS",
        "models:/": "must be models:/NAME/VERSION",
    }.items():
        with pytest.raises(UserError, match=message):
            tracking.load_run(reference)


@pytest.mark.parametrize(
    ("name", "alias", "message"),
    [
        ("a/b", None, "NAME: got 'a/b', must be"),
        ("", None, "NAME: got ''"),
        ("digits", "v3", "--alias: got 'v3', must be letters"),
        ("digits", "latest", "--alias"),
        ("digits", "the best", "--alias"),
    ],
)
def test_names_that_cannot_be(name: str, alias: str | None, message: str) -> None:
    with pytest.raises(UserError, match=message):
        tracking.check_registration(name, alias)


def test_a_run_without_a_model(workplace: Path) -> None:
    with tracking.start_run(load_recipe("mlp", data="digits"), "bare", {}, {}):
        pass
    with pytest.raises(UserError, match=r"run bare \(FINISHED\) has no model.keras"):
        tracking.load_run("bare").register("digits")
