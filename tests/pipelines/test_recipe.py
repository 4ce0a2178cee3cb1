"""`kerascnn recipes`."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from kerascnn.recipe import load_recipe, recipe_names
from kerascnn.training.optimizer_spec import OptimizerSpec, ScheduleSpec


def test_every_recipe_that_ships_is_listed_with_what_it_trains(kerascnn) -> None:
    done = kerascnn("recipes")
    assert (done.code, done.err) == (0, "")
    head, *rows = done.out.splitlines()
    assert head.split() == ["recipe", "model", "data", "description"]
    assert len(rows) == len(recipe_names())
    for name, row in zip(recipe_names(), rows, strict=True):
        recipe = load_recipe(name)
        assert row.split()[:3] == [name, recipe.model.name, recipe.data.name]
        assert row.rstrip().endswith(recipe.description.strip())


def test_one_is_shown_with_every_default_and_reads_back(kerascnn, tmp_path: Path) -> None:
    done = kerascnn("recipes", "show", "digits-quick", "--set", "training.epochs=7")
    assert done.code == 0
    assert done.out == load_recipe("digits-quick", ["training.epochs=7"]).to_yaml()
    assert yaml.safe_load(done.out)["training"]["early_stopping"]
    (tmp_path / "mine.yaml").write_text(done.out)
    shown = kerascnn("recipes", "show", tmp_path / "mine.yaml")
    assert shown.out == done.out


def test_the_fields_say_which_names_there_are(kerascnn) -> None:
    done = kerascnn("recipes", "fields", "optimizer.")
    rows = {row.split()[0]: row for row in done.out.splitlines()}
    assert ", ".join(OptimizerSpec.names()) in rows["optimizer.name"]
    assert ", ".join(ScheduleSpec.names()) in rows["optimizer.schedule.name"]
    # 'kerascnn models' lists those.
    assert "'kerascnn models' lists them" in kerascnn("recipes", "fields", "model.name").out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["digits-quik"], "unknown recipe 'digits-quik': did you mean digits-quick"),
        (["gone.yaml"], "recipe gone.yaml: No such file or directory"),
        (["digits-quick", "--set", "training.epochs=0"], "training.epochs: got 0"),
        (["digits-quick", "--set", "epochs"], "--set epochs: must be field=value"),
    ],
)
def test_mistakes_are_one_line(kerascnn, workplace, arguments: list[str], message: str) -> None:
    done = kerascnn("recipes", "show", *arguments)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1
