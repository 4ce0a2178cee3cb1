"""The part of a recipe that is a network: options checked by the builder's own parameters."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field

from kerascnn.errors import UserError
from kerascnn.models.backbones import backbone_names
from kerascnn.models.build import build_model
from kerascnn.models.kerashub import preset_names
from kerascnn.models.registry import ModelEntry, model_entry, models
from kerascnn.models.spec import ModelSpec, OwnModelSpec, known_names, options_of
from kerascnn.recipe import Recipe, load_recipe

OWN = """
from typing import Annotated
from pydantic import Field
from kerascnn.backend import keras

with open("imported", "a") as file:
    file.write("x")

def net(x, classes, *, filters: Annotated[int, Field(ge=1, le=9)] = 4, flat: bool = False):
    return keras.layers.Dense(classes)(keras.layers.Flatten()(keras.layers.Conv2D(filters, 3)(x)))
"""


@pytest.fixture
def own(workplace: Path) -> Iterator[str]:
    (workplace / "mine.py").write_text(OWN)
    yield "mine.py:net"
    sys.modules.pop("mine", None)


def imported() -> int:
    path = Path("imported")
    return len(path.read_text()) if path.exists() else 0


def test_names_are_those_of_the_registry_and_of_keras() -> None:
    names = [*models(), *backbone_names(), *preset_names()]
    assert ModelSpec.names() == known_names() == names
    assert ModelSpec(name="lenet5").entry is model_entry("lenet5")


def test_options_are_the_builders_keyword_parameters_with_its_defaults() -> None:
    options = ModelSpec(name="convnet", filters=8, dense=[5]).options
    assert options == {
        "stages": 2, "convolutions": 2, "filters": 8, "growth": 2.0, "kernel": 3,
        "pooling": "max", "activation": "relu", "batch_norm": False, "dense": (5,),
        "input_dropout": 0.0, "dropout": 0.0, "dense_dropout": 0.5, "l2": 0.0,
        "normalization": "standardize",
    }  # fmt: skip


def test_a_variants_preset_is_its_default() -> None:
    assert ModelSpec(name="cifar-resnet20").options["n"] == 3
    assert ModelSpec(name="cifar-resnet110").options["n"] == 18
    assert ModelSpec(name="cifar-resnet110", n=1).options["n"] == 1
    assert ModelSpec(name="lenet5-1998").options["normalization"] == "lenet"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "lenet6"}, "^unknown model 'lenet6': did you mean lenet5.*'kerascnn models'"),
        ({"name": "convnet", "stages": 9}, "^stages: got 9, should be less than or equal to 8$"),
        ({"name": "convnet", "pooling": "mx"}, "^pooling: got 'mx', should be 'max' or 'average'$"),
        ({"name": "convnet", "dense": [8, 0]}, "^dense.1: got 0"),
        ({"name": "convnet", "filtres": 3}, r"^unknown field 'filtres': did you mean filters"),
        ({"name": "convnet", "normalization": "std"}, "^normalization: got 'std'"),
        ({"name": "linear", "filters": 3}, "^unknown field 'filters'"),
        ({}, "^name: is required$"),
    ],
)
def test_mistakes(fields: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        ModelSpec(**fields)


def test_a_builder_of_any_kind_gives_fields() -> None:
    def builder(
        x, classes, *, needed: int, text: str = "a", share: Annotated[float, Field(le=1)] = 0.5
    ):
        raise AssertionError("is not called")

    builder.__annotations__ |= {"needed": int, "text": str, "share": Annotated[float, Field(le=1)]}
    entry = ModelEntry("once", builder, "own", 0, "", (8, 8, 1), 2, "unit", {"text": "b"})
    try:
        kind = options_of(entry)
        assert kind(needed=3).options == {
            "needed": 3, "text": "b", "share": 0.5, "normalization": "unit"
        }  # fmt: skip
        with pytest.raises(UserError, match="^needed: is required by the model 'once'$"):
            kind()
        with pytest.raises(UserError, match="^share: got 2"):
            kind(needed=3, share=2)
    finally:
        del ModelSpec.kinds["once"]


def test_ones_own_network_is_read_without_its_file(own: str) -> None:
    spec = ModelSpec(name=own, filters=3)
    assert type(spec) is OwnModelSpec
    assert spec.options == {"filters": 3}
    assert type(ModelSpec(name="gone.py:net")) is OwnModelSpec
    recipe = Recipe(model={"name": own, "filters": 99}, data={"name": "digits"})
    stored = json.loads(json.dumps(recipe.model_dump(mode="json")))
    assert Recipe(**stored) == recipe
    assert stored["model"] == {"name": own, "filters": 99}
    assert imported() == 0


def test_a_recipe_that_is_loaded_to_train_has_its_options_checked(own: str) -> None:
    recipe = load_recipe({"model": {"name": own, "filters": 3}, "data": {"name": "digits"}})
    assert imported() == 1
    assert recipe.model.options == {"filters": 3, "flat": False, "normalization": "standardize"}
    assert Recipe(**recipe.model_dump(mode="json")).model.options == recipe.model.options
    with pytest.raises(UserError, match="^model.filters: got 99, should be less than or equal to"):
        load_recipe(recipe, ["model.filters=99"])


def test_resolved_its_options_are_checked_and_complete(own: str) -> None:
    resolved = ModelSpec(name=own, filters=3).resolved()
    assert resolved.options == {"filters": 3, "flat": False, "normalization": "standardize"}
    assert imported() == 1
    for fields, message in (
        ({"filters": 10}, "^filters: got 10, should be less than or equal to 9"),
        ({"filtres": 3}, "^unknown field 'filtres': did you mean filters"),
        ({"flat": "perhaps"}, "^flat: got 'perhaps', should be a valid boolean"),
    ):
        with pytest.raises(UserError, match=message):
            ModelSpec(name=own, **fields).resolved()
        with pytest.raises(UserError, match=message):
            build_model(own, input_shape=(8, 8, 1), classes=2, **fields)
    with pytest.raises(UserError, match="^unknown network of mine.py 'nets': did you mean net"):
        ModelSpec(name="mine.py:nets").resolved()


def test_a_registered_network_is_resolved_already() -> None:
    spec = ModelSpec(name="lenet5")
    assert spec.resolved() is spec


def test_registered_networks_are_checked_without_tensorflow() -> None:
    code = (
        "import sys\n"
        "from kerascnn.models.spec import ModelSpec\n"
        "for name in ModelSpec.names(): ModelSpec(name=name).options\n"
        "print({'tensorflow', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
