"""The network that is exported, beside `predict`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerascnn.data.images import decode
from kerascnn.models.build import build_model
from kerascnn.recipe import load_recipe
from kerascnn.serving.archive import SavedModel
from kerascnn.serving.exports.network import AROUND, INPUT, NAME, with_images_in
from kerascnn.serving.predict import predictions


@pytest.mark.parametrize(
    ("settings", "thresholds"),
    [
        ([], None),
        (["augment.test_time=flips", "data.resize=pad"], None),
        (["augment.test_time=ten-crop"], None),
        ([], (0.5, 0.4, 0.3)),
    ],
)
def test_it_says_what_predict_says(
    tmp_path: Path, settings: list[str], thresholds: tuple[float, ...] | None
) -> None:
    recipe = load_recipe("digits-quick", settings)
    saved = SavedModel(
        build_model("lenet5", input_shape=(32, 32, 3), classes=3), ("a", "b", "c"), recipe,
        thresholds,
    )  # fmt: skip
    rng = np.random.default_rng(1)
    files = [tmp_path / f"{number}.png" for number in range(6)]
    for file in files:
        height, width = rng.integers(8, 90, 2)
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(file)
    exported = with_images_in(saved)
    assert exported.name == NAME
    assert exported.input.name == INPUT
    assert {layer.name for layer in exported.layers} >= {AROUND[0], AROUND[2]}
    for file, said in zip(files, predictions(saved, files), strict=True):
        got = dict(zip(saved.classes, exported(decode(file)[None])[0].numpy(), strict=True))
        for name, probability in zip(said.classes, said.probabilities, strict=True):
            assert got[name] == pytest.approx(probability, abs=2e-3)


def test_what_was_trained_in_mixed_precision_is_exported_in_float32() -> None:
    from kerascnn.backend import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        network = build_model("mlp", input_shape=(8, 8, 1), classes=3)
    finally:
        keras.config.set_dtype_policy(before)
    saved = SavedModel(network, ("a", "b", "c"), load_recipe("digits-quick"))
    inner = next(layer for layer in with_images_in(saved).layers if isinstance(layer, keras.Model))
    assert {layer.dtype_policy.name for layer in inner.layers} == {"float32"}
