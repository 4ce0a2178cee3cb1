"""A recipe, with what was decided first."""

from __future__ import annotations

from kerascnn.recipe import load_recipe
from kerascnn.report.recipe_table import recipe_table, table_of_params
from kerascnn.tracking.params import flat_recipe


def test_what_differs_comes_first() -> None:
    recipe = load_recipe("lenet5", ["model.activation=tanh"], data="digits", epochs=7)
    table = recipe_table(recipe)
    assert table.chosen[:4] == [
        ("model.name", "lenet5", ""),
        ("data.name", "digits", ""),
        ("optimizer.name", "adam", ""),
        ("optimizer.schedule.name", "plateau", ""),
    ]
    assert {row[0]: row[1:] for row in table.chosen[4:]} == {
        "model.activation": ("tanh", "relu"),
        "training.epochs": ("7", "20"),
    }


def test_every_field_is_there_once() -> None:
    recipe = load_recipe("digits-quick", optimizer="sgd")
    table = recipe_table(recipe)
    names = [name for name, _, _ in (*table.chosen, *table.usual)]
    assert sorted(names) == sorted(flat_recipe(recipe))


def test_a_recipe_that_cannot_be_read_here() -> None:
    table = table_of_params({"model.name": "own.py:net"})
    assert (table.chosen, table.usual) == ([("model.name", "own.py:net", "")], [])
