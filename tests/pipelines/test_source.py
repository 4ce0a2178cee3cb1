"""What a command works on: MODEL and DATASET, or a --recipe."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner
from kerascnn_pipelines.source import recipe_source, replaced_parts, source_options

from kerascnn.errors import UserError
from kerascnn.recipe import load_recipe


@click.command
@source_options("a.b=1")
def command(**given: object) -> None:
    """Shows what it was given."""
    click.echo(given)


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        ([], (None, None, None, ())),
        (["lenet5", "digits"], ("lenet5", "digits", None, ())),
        (["--recipe", "digits-quick"], (None, None, "digits-quick", ())),
        (["--set", "a=1", "m", "--set", "b=2", "d"], ("m", "d", None, ("a=1", "b=2"))),
    ],
)
def test_arguments_and_options(arguments: list[str], given: tuple) -> None:
    done = CliRunner().invoke(command, arguments)
    names = ("model", "dataset", "recipe_name", "settings")
    assert eval(done.output) == dict(zip(names, given, strict=True))


def test_the_help_has_the_example() -> None:
    assert "such as a.b=1; may be repeated" in " ".join(
        CliRunner().invoke(command, ["--help"]).output.split()
    )


def test_what_is_returned_is_what_a_recipe_is_loaded_from() -> None:
    assert recipe_source("train", None, None, "digits-quick") == "digits-quick"
    recipe = load_recipe(recipe_source("train", "lenet5", "digits", None))
    assert (recipe.model.name, recipe.data.name) == ("lenet5", "digits")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((None, None, None), r"^train needs MODEL and DATASET \('kerascnn train lenet5 digits'\)"),
        (("lenet5", None, None), "^train needs MODEL and DATASET"),
        (("lenet5", "digits", "digits-quick"), "^train takes MODEL and DATASET, or --recipe NAME"),
        (("lenet5", None, "digits-quick"), "not both$"),
    ],
)
def test_neither_whole_or_both(given: tuple, message: str) -> None:
    with pytest.raises(UserError, match=message):
        recipe_source("train", *given)


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ((None, None), (None, None)),
        (("resnet50", None), ("resnet50", None)),
        (("folder:photos", None), (None, "folder:photos")),
        (("cifar10", None), (None, "cifar10")),
        (("resnet50", "folder:photos"), ("resnet50", "folder:photos")),
        (("resnet51", None), ("resnet51", None)),  # told as an unknown network
    ],
)
def test_what_a_recipe_has_instead_of_its_own(given: tuple, parts: tuple) -> None:
    assert replaced_parts(*given) == parts
