"""Params: those that somebody chose are in the store, all of them in a run."""

from __future__ import annotations

from pathlib import Path

from mlflow.tracking import MlflowClient

from kerascnn import tracking
from kerascnn.recipe import load_recipe
from kerascnn.tracking.long_tags import long_tags
from kerascnn.tracking.params import RECIPE as RECIPE_TAGS
from kerascnn.tracking.params import Params, chosen, flat, flat_recipe, is_chosen
from kerascnn.tracking.store import store_uri

RECIPE = load_recipe("lenet5-mnist")


def test_nested_values_get_dotted_names() -> None:
    values = {
        "training": {"epochs": 3, "steps": None, "freeze": []},
        "augment": {"operations": [{"name": "cutout", "size": 4}]},
        "deterministic": False,
        "patterns": {"a*": 1},  # no names that MLflow would take
    }
    assert flat(values) == {
        "training.epochs": "3",
        "training.steps": "null",
        "training.freeze": "[]",
        "augment.operations": "[{name: cutout, size: 4}]",
        "deterministic": "False",
        "patterns": "{a*: 1}",
    }


def test_a_recipes_fields_are_all_there_but_for_its_own_name() -> None:
    fields = flat_recipe(RECIPE)
    assert fields["model.name"] == "lenet5"
    assert fields["training.batch_size"] == str(RECIPE.training.batch_size)
    assert fields["data.image_size"] == "[32, 32]"
    assert fields["training.steps"] == "null"
    assert not {"name", "description"} & set(fields)


def test_what_is_as_by_default_and_says_nothing_is_not_among_the_chosen() -> None:
    recipe = load_recipe(
        {"model": {"name": "lenet5"}, "data": {"name": "digits", "image_size": 20}},
        ["training.label_smoothing=0.1"],
    )
    assert chosen(recipe) == {
        "model.name": "lenet5",
        "data.name": "digits",
        "data.image_size": "[20, 20]",
        "optimizer.name": recipe.optimizer.name,
        "optimizer.schedule.name": recipe.optimizer.schedule.name,
        "optimizer.learning_rate": str(recipe.optimizer.learning_rate),
        "training.batch_size": str(recipe.training.batch_size),
        "training.epochs": str(recipe.training.epochs),
        "training.seed": str(recipe.training.seed),
        "training.label_smoothing": "0.1",
    }


def test_the_store_has_the_chosen_and_a_run_has_all(workplace: Path) -> None:
    with tracking.start_run(RECIPE, "one", {}, {"parameters": 5}) as active:
        pass
    stored = MlflowClient(store_uri()).get_run(active.id).data.params
    assert stored == chosen(RECIPE) | {"parameters": "5"}
    assert len(stored) < len(flat_recipe(RECIPE)) / 2
    run = tracking.load_run("one")
    assert dict(run.params) == flat_recipe(RECIPE) | {"parameters": "5"}
    assert run.text("data.resize") == "pad"
    assert "no.such" not in run.params


def test_one_field_is_what_it_is_among_all() -> None:
    recipe = RECIPE.model_dump(mode="json")
    recipe["training"]["costs"] = {"cat": {"a dog": 2.0}}
    params = Params({"parameters": "5"}, long_tags(RECIPE_TAGS, recipe))
    for name, value in dict(params).items():
        assert Params({"parameters": "5"}, long_tags(RECIPE_TAGS, recipe))[name] == value
    assert params["training.costs.cat"] == "{a dog: 2.0}"
    sections = ("augment", "optimizer.schedule", "model.name.length", "name", "", "training.")
    assert not any(name in params for name in sections)


def test_what_is_chosen_is_told_without_the_recipe() -> None:
    params = Params({"data.labels": "several"}, {f"{RECIPE_TAGS}.0": "not read"})
    assert is_chosen(params, "data.labels", "several")
    assert not is_chosen(params, "data.colour", "auto")
    assert is_chosen({"data.labels": "several"}, "data.labels", "several")


def test_without_a_recipe_there_is_what_is_stored() -> None:
    assert dict(Params({"a": "1"}, {})) == {"a": "1"}
