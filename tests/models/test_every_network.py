"""What every registered network must do, tried on the smallest images that it takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kerascnn import build_model
from kerascnn.backend import keras, tf
from kerascnn.models.registry import models
from tests.models.smallest import CLASSES, small_options, smallest_shape

BATCH = 4


@pytest.fixture(params=["float32", pytest.param("mixed_bfloat16", marks=pytest.mark.slow)])
def precision(request: pytest.FixtureRequest) -> Iterator[str]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


def _heads(outputs: Any) -> dict[str, Any]:
    return outputs if isinstance(outputs, dict) else {"logits": outputs}


@pytest.mark.parametrize("name", models())
def test_network(name: str, precision: str, tmp_path: Path) -> None:
    options = small_options(models()[name])
    shape = smallest_shape(name)
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
