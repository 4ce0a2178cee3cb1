"""Every recipe that ships: its header, its network on its data, its optimizer on its network."""

from __future__ import annotations

import re

import pytest
import yaml

from kerascnn.data.sources import TFDS_SETS
from kerascnn.models.build import build_model
from kerascnn.models.spec import entry_of
from kerascnn.recipe import Recipe, load_recipe, recipe_folder, recipe_names
from kerascnn.training.budget import planned_steps
from kerascnn.training.initialization import freeze
from kerascnn.training.optimizers import weight_bounds, weight_rules
from kerascnn.training.schedules import Schedule

# (height, width, channels) of the sets whose images all have one size.
SHAPES = {"digits": (32, 32, 1), "mnist": (28, 28, 1), "cifar10": (32, 32, 3)}
FIELDS = ("Paper", "Command", "Expected", "Measured")


def _shape(recipe: Recipe) -> tuple[int, int, int]:
    channels = SHAPES.get(recipe.data.name, (0, 0, 3))[2]
    if recipe.data.image_size is not None:
        return (*recipe.data.image_size, channels)
    return SHAPES[recipe.data.name]


def test_all_that_the_documentation_names_ship() -> None:
    assert {
        "alexnet-imagenet", "bn-inception-imagenet", "cifar-resnet110", "cifar-resnet20",
        "cifar-resnet56", "ciresan-mnist", "digits-quick", "dropout-convnet-cifar10",
        "finetune", "googlenet-imagenet", "lenet5-mnist", "maxout-cifar10", "resnet50-imagenet",
        "stochastic-pooling-cifar10", "vgg16-imagenet",
    } <= set(recipe_names())  # fmt: skip


@pytest.mark.parametrize("name", recipe_names())
def test_the_header_says_what_to_expect(name: str) -> None:
    text = (recipe_folder() / f"{name}.yaml").read_text(encoding="utf-8")
    header = re.match(r"(?:#.*\n)+", text)
    assert header
    found = dict(re.findall(r"^# (\w+): +(.+)$", header[0], re.MULTILINE))
    assert set(FIELDS) <= set(found), f"{name}: header lacks {set(FIELDS) - set(found)}"
    assert f"kerascnn train --recipe {name}" in header[0]
    assert re.match(r"here|no, ", found["Measured"])
    assert re.search(r"\d", found["Expected"]) or found["Measured"] == "no, not yet"
    fields = yaml.safe_load(text)
    assert next(iter(fields)) == "description"
    assert len(fields["description"]) < 80
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("name", recipe_names())
def test_the_network_takes_the_images_and_the_optimizer_the_network(name: str) -> None:
    recipe = load_recipe(name)
    assert recipe.data.name == "digits" or recipe.data.name in TFDS_SETS
    classes, images, _ = TFDS_SETS.get(recipe.data.name, (10, 1374, ""))
    model = build_model(recipe.model, input_shape=_shape(recipe), classes=classes, abstract=True)
    entry = entry_of(recipe.model.name)
    if recipe.data.name.startswith(("imagenet", "cifar")):
        assert _shape(recipe) == entry.input_shape
        assert classes == entry.classes
    rules = weight_rules(recipe.optimizer, model)
    weight_bounds(recipe.optimizer, model)
    freeze(model, recipe.training.freeze)
    steps_per_epoch = images // recipe.training.images_per_step
    Schedule(
        recipe.optimizer,
        steps=planned_steps(recipe.training, steps_per_epoch),
        steps_per_epoch=steps_per_epoch,
    )
    if name == "maxout-cifar10":
        slow = {path.split("/")[0] for path, rule in rules.items() if rule.multiplier == 0.05}
        assert slow == {"h0", "h1", "h2"}


@pytest.mark.parametrize("name", recipe_names())
def test_papers_are_not_stopped_early(name: str) -> None:
    recipe = load_recipe(name)
    if recipe.training.early_stopping is not None:
        assert name in ("digits-quick", "finetune")


@pytest.mark.parametrize("layers", [["conv1_1", "conv2_1", "conv3_1", "conv3_2", "fc*"]])
def test_the_layers_that_the_vgg_header_names_exist_in_both_networks(layers) -> None:
    import fnmatch

    text = (recipe_folder() / "vgg16-imagenet.yaml").read_text(encoding="utf-8")
    assert ", ".join(layers) in text
    for network in ("vgg11", "vgg16"):
        model = build_model(network, input_shape=(224, 224, 3), classes=1000, abstract=True)
        names = [layer.name for layer in model.layers if layer.weights]
        chosen = [name for name in names if any(fnmatch.fnmatch(name, p) for p in layers)]
        assert len(chosen) == 7  # four convolutions and three dense layers
