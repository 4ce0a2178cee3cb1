from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.models.build import build_model
from kerascnn.models.weights.backbone import read_backbone
from kerascnn.training.initialization import StartingWeights, copy_weights
from tests.models.weights import theirs


@pytest.mark.parametrize(
    "name",
    [
        "MobileNetV2",
        pytest.param("InceptionV3", marks=pytest.mark.ci),  # has layers without names of their own
        pytest.param("ConvNeXtTiny", marks=pytest.mark.ci),  # has layers within layers
    ],
)
def test_features_are_those_of_keras_applications(name: str, tmp_path: Path) -> None:
    side = 75 if name == "InceptionV3" else 32
    reference = getattr(keras.applications, name)(
        weights=None, include_top=False, input_shape=(side, side, 3)
    )
    rng = np.random.default_rng(0)
    for weight in reference.weights:
        if len(weight.shape) == 1:
            weight.assign(rng.uniform(0.5, 1.0, weight.shape))
    theirs.write(reference, tmp_path / "theirs.h5")
    ours = build_model(f"keras:{name}", input_shape=(side, side, 3), classes=3)
    layers = read_backbone(name, tmp_path / "theirs.h5", whole=False)
    taken = copy_weights(ours, StartingWeights("theirs", layers))
    assert len(taken.left) == (2 if name == "ConvNeXtTiny" else 1)
    images = theirs.pictures(side)
    pixels = images.astype("float32")
    if name == "ConvNeXtTiny":  # ends with a normalization that the whole network has not
        reference = keras.Model(reference.input, reference.layers[-1].input)
    else:
        pixels = pixels / 127.5 - 1
    expected = np.asarray(reference(pixels))
    (pool,) = (x for x in ours.layers if isinstance(x, keras.layers.GlobalAveragePooling2D))
    received = np.asarray(keras.Model(ours.input, pool.input)(images))
    np.testing.assert_allclose(received, expected, rtol=0, atol=1e-4 * abs(expected).max())


@pytest.mark.ci
def test_efficientnet_divides_as_keras_does_with_its_own_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With weights="imagenet", Keras builds a layer more than with the same file by its path."""
    side, name = 32, "EfficientNetB0"
    plain = keras.applications.EfficientNetB0(
        weights=None, include_top=False, input_shape=(side, side, 3)
    )
    (layer,) = (x for x in plain.layers if isinstance(x, keras.layers.Normalization))
    layer.set_weights([np.array([0.485, 0.456, 0.406]), np.array([0.05, 0.05, 0.05]), np.array(1)])
    layer.finalize_state()
    theirs.write(plain, tmp_path / "theirs.h5")
    # The file that Keras would download; it asks for it by this name.
    monkeypatch.setattr(
        keras.applications.efficientnet.EfficientNetB0.__globals__["file_utils"],
        "get_file",
        lambda *arguments, **named: str(tmp_path / "theirs.h5"),
    )
    reference = keras.applications.EfficientNetB0(
        weights="imagenet", include_top=False, input_shape=(side, side, 3)
    )
    ours = build_model(f"keras:{name}", input_shape=(side, side, 3), classes=3)
    layers = read_backbone(name, tmp_path / "theirs.h5", whole=False)
    copy_weights(ours, StartingWeights("theirs", layers))
    images = theirs.pictures(side)
    expected = np.asarray(reference(images.astype("float32")))
    received = np.asarray(keras.Model(ours.input, ours.get_layer("top_activation").output)(images))
    np.testing.assert_allclose(received, expected, rtol=0, atol=1e-4 * abs(expected).max())


def test_a_file_of_another_network(tmp_path: Path) -> None:
    images = keras.Input((8, 8, 3))
    model = keras.Model(images, keras.layers.Conv2D(2, 3)(images))
    theirs.write(model, tmp_path / "other.h5")
    with pytest.raises(UserError, match="other.h5: damaged, or not of MobileNetV2 .Layer count"):
        read_backbone("MobileNetV2", tmp_path / "other.h5", whole=False)
