"""What a shell offers after TAB, asked as a shell asks."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.shell_completion import ShellComplete
from kerascnn_pipelines.cli import cli

from kerascnn.data.sources import known_sets
from kerascnn.models.registry import models
from kerascnn.models.spec import known_names
from kerascnn.recipe import recipe_names


@pytest.fixture
def offered() -> Callable[..., list[str]]:
    """What is offered for the last word of a command line."""

    def ask(*words: str) -> list[str]:
        *before, incomplete = words
        shell = ShellComplete(cli, {}, "kerascnn", "_KERASCNN_COMPLETE")
        return [item.value for item in shell.get_completions(list(before), incomplete)]

    return ask


def test_networks_and_data_sets(offered, workplace) -> None:
    assert offered("train", "") == known_names()
    assert offered("train", "vgg1") == [name for name in models() if name.startswith("vgg1")]
    assert offered("train", "lenet5", "") == [
        *(known.name for known in known_sets()), "folder:", "csv:"
    ]  # fmt: skip
    assert offered("train", "lenet5", "mni") == ["mnist"]
    assert offered("summary", "lenet5-") == ["lenet5-1998"]


def test_recipes_and_fields(offered, workplace) -> None:
    assert offered("train", "--recipe", "") == recipe_names()
    assert offered("recipes", "show", "digits-q") == ["digits-quick"]
    assert offered("train", "--optimizer", "ad") == ["adam", "adamw"]
    fields = offered("train", "--set", "training.e")
    assert {"training.epochs=", "training.early_stopping="} <= set(fields)
    assert all(field.startswith("training.e") and field.endswith("=") for field in fields)


def test_runs_of_this_folder(offered, trained) -> None:
    assert offered("evaluate", "") == ["latest", "second", "first"]
    assert offered("evaluate", "fi") == ["first"]


def test_sweeps_of_this_folder(offered, wide) -> None:
    assert offered("sweeps", "show", "") == ["latest", "wide"]
    assert offered("report", "w") == ["wide"]


def test_where_nothing_can_be_read_nothing_is_offered(offered, workplace, capfd) -> None:
    (workplace / "mlruns").mkdir()
    (workplace / "mlruns" / "mlflow.db").write_text("no database")
    assert offered("evaluate", "") == []
    assert capfd.readouterr().err == ""
