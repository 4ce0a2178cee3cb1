"""The head, the stages before it, and the rate of each layer."""

from __future__ import annotations

import pytest

from kerascnn.backend import keras
from kerascnn.models.build import build_model
from kerascnn.training.backbone import head_layers, rate_factors, stages
from kerascnn.training.optimizer_spec import OptimizerSpec
from kerascnn.training.optimizers import weight_rules


def _network(name: str, side: int = 32, **options):
    shape = (side, side, 1 if name == "lenet5" else 3)
    return build_model(name, input_shape=shape, classes=5, abstract=True, **options)


@pytest.mark.parametrize(
    ("name", "side", "head"),
    [
        ("cifar-resnet20", 32, {"fc"}),
        ("vgg11", 32, {"fc8"}),
        ("keras:MobileNetV3Small", 64, {"head"}),
        ("airbench", 32, {"fc"}),
    ],
)
def test_the_head_is_the_last_layer_that_learns(name: str, side: int, head: set[str]) -> None:
    assert head_layers(_network(name, side)) == head


def test_codes_that_stay_are_no_head() -> None:
    model = _network("lenet5")
    head = head_layers(model)
    trained = {layer.name for layer in model.layers if layer.trainable_weights}
    assert head & trained
    assert "c1" not in head


def test_what_is_new_belongs_to_it_and_so_do_auxiliary_heads() -> None:
    assert head_layers(_network("vgg11"), ["fc6", "fc8"]) == {"fc6", "fc8"}
    model = _network("googlenet", 96)
    head, main = head_layers(model), {"conv1", "inception_4a_1x1", "inception_5b_3x3"}
    names = {layer.name for layer in model.layers if layer.weights}
    assert {name for name in names if "aux" in name} < head
    assert not head & {name for name in names if name in main}


def test_a_stage_has_the_maps_of_one_size() -> None:
    model = _network("cifar-resnet20")
    found = stages(model, head_layers(model))
    sizes = {name: model.get_layer(name).output.shape[1] for name in found}
    assert {(stage, sizes[name]) for name, stage in found.items()} == {(2, 32), (1, 16), (0, 8)}


def test_vectors_come_after_the_maps() -> None:
    found = stages(_network("vgg11"), {"fc8"})
    assert (found["fc7"], found["fc6"]) == (0, 0)
    # 2x2 maps, and five halvings down to them
    assert [found[f"conv{n}_1"] for n in range(1, 6)] == [5, 4, 3, 2, 1]


def test_maps_that_shrink_for_a_while_are_of_their_stage() -> None:
    images = keras.Input((16, 16, 3))
    x = keras.layers.Conv2D(4, 3, padding="same", name="before")(images)
    y = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    y = keras.layers.Conv2D(4, 1, name="squeeze")(y)
    x = keras.layers.Multiply()([x, y])
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same", name="after")(x)
    model = keras.Model(images, keras.layers.Dense(2, name="fc")(keras.layers.Flatten()(x)))
    assert stages(model, {"fc"}) == {"before": 1, "squeeze": 1, "after": 0}


def test_rates_fall_towards_the_pixels() -> None:
    model = _network("cifar-resnet20")
    head = head_layers(model)
    spec = OptimizerSpec(name="adam", backbone_rate=0.1, layer_decay=0.5)
    factors = rate_factors(spec, model, head)
    assert set(factors.values()) == {0.1, 0.05, 0.025}
    assert rate_factors(OptimizerSpec(name="adam"), model, head) == {}
    twice = spec.model_copy(update={"learning_rate_multipliers": {"*/gamma": 2.0}})
    rules = weight_rules(twice, model)
    first = next(layer.name for layer in model.layers if type(layer).__name__ == "Conv2D")
    assert rules[f"{first}/kernel"].multiplier == pytest.approx(0.025)
    assert rules["fc/kernel"].multiplier == 1.0
    gammas = {rule.multiplier for path, rule in rules.items() if path.endswith("gamma")}
    assert sorted(gammas) == pytest.approx([0.05, 0.1, 0.2])
