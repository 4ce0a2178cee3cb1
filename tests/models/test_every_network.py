"""What every registered network must do, tried on the smallest images that it takes."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerascnn import build_model
from kerascnn.backend import keras, tf
from kerascnn.errors import UserError
from kerascnn.models.registry import ModelEntry, models
from kerascnn.models.spec import ModelSpec

CLASSES = 3
BATCH = 4


def _small(entry: ModelEntry) -> dict[str, Any]:
    """Options that make the network narrow, and the deepest ones only as deep as ResNet-50."""
    fields = type(ModelSpec(name=entry.name)).model_fields
    options: dict[str, Any] = {}
    for name, width in (("dense", 8), ("filters", 4)):
        if name in fields:
            usual = fields[name].default
            options[name] = [width] * len(usual) if isinstance(usual, tuple) else width
    if "n" in fields:
        options["n"] = min(fields["n"].default, 9)
    if "blocks" in fields:
        options["blocks"] = [min(count, 6) for count in fields["blocks"].default]
    return options


@functools.cache
def _smallest_shape(name: str) -> tuple[int, int, int]:
    """As the error for a single pixel names it."""
    entry = models()[name]
    channels = entry.input_shape[-1]
    pixel = {"input_shape": (1, 1, channels), "classes": CLASSES}
    try:
        build_model(entry.name, **pixel, abstract=True, **_small(entry))
    except UserError as error:
        message = str(error)
    else:
        return 9, 9, channels
    if entry.name == "convnet":  # says instead how the network has to change
        assert message == "pool1 would get a 1x1 map: use at most 0 stages for 1x1 input"
        return 9, 9, channels
    found = re.fullmatch(
        rf"{entry.name}: \w+ would get a \d+x\d+ map, smaller than its \d+x\d+ window; "
        r"the smallest input is (\d+)x\1",
        message,
    )
    assert found, message
    return int(found[1]), int(found[1]), channels


@pytest.fixture(params=["float32", "mixed_bfloat16"])
def precision(request: pytest.FixtureRequest) -> Iterator[str]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


def _heads(outputs: Any) -> dict[str, Any]:
    return outputs if isinstance(outputs, dict) else {"logits": outputs}


@pytest.mark.parametrize("name", models())
def test_network(name: str, precision: str, tmp_path: Path) -> None:
    options = _small(models()[name])
    shape = _smallest_shape(name)
    keras.utils.set_random_seed(0)
    model = build_model(name, input_shape=shape, classes=CLASSES, **options)
    images = np.random.default_rng(0).integers(0, 256, (BATCH, *shape), dtype=np.uint8)

    with tf.GradientTape() as tape:
        heads = _heads(model(images, training=True))
        loss = sum(tf.reduce_sum(logits * [1.0, -2.0, 0.5]) for logits in heads.values())
    for head, logits in heads.items():
        assert logits.shape == (BATCH, CLASSES)
        assert logits.dtype == "float32"
        assert np.isfinite(logits).all(), head
    gradients = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
    for weight, gradient in zip(model.trainable_weights, gradients, strict=True):
        assert gradient is not None, f"no gradient reaches {weight.path}"
        values = np.asarray(gradient, "float32")
        assert np.isfinite(values).all(), weight.path
        assert values.any(), f"the gradient of {weight.path} is zero"

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    again = _heads(loaded(images))
    for head, logits in _heads(model(images)).items():
        np.testing.assert_array_equal(logits, again[head], err_msg=head)
