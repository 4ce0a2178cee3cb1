"""Networks of keras.applications with weights of chance, and their files as Keras has them."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_images

from kerascnn.backend import keras
from kerascnn.models.build import build_model
from kerascnn.models.weights.published import published
from kerascnn.training.initialization import StartingWeights, copy_weights

BUILDERS = {
    "vgg16": keras.applications.VGG16,
    "vgg19": keras.applications.VGG19,
    "resnet50": keras.applications.ResNet50,
    "resnet101": keras.applications.ResNet101,
    "resnet152": keras.applications.ResNet152,
}


def build(name: str, **arguments: Any) -> keras.Model:
    """Builds a network of theirs, its biases, scales and statistics none of the usual 0 and 1."""
    rng = np.random.default_rng(0)
    model = BUILDERS[name](weights=None, classifier_activation=None, **arguments)
    for weight in model.weights:
        if len(weight.shape) == 1:
            weight.assign(rng.uniform(0.5, 1.0, weight.shape))
    return model


def write(model: keras.Model, path: Path) -> None:
    """Writes weights in the format of the files that keras.applications downloads."""
    whole = path.with_name(f"whole-{path.name}")
    model.save(whole)
    with h5py.File(whole) as old, h5py.File(path, "w") as new:
        for name, value in old["model_weights"].attrs.items():
            new.attrs[name] = value
        for name in old["model_weights"]:
            old.copy(f"model_weights/{name}", new)
    whole.unlink()


def preprocessed(name: str, images: np.ndarray) -> np.ndarray:
    """Returns images as keras.applications gives them to the network."""
    module = name if name.startswith("vgg") else "resnet"
    theirs = importlib.import_module(f"keras.applications.{module}")
    return theirs.preprocess_input(images.astype("float32"))


def pictures(side: int) -> np.ndarray:
    """Two real photographs and two of noise, uint8 (4, side, side, 3)."""
    photos = [
        np.asarray(Image.fromarray(photo).resize((side, side)))
        for photo in load_sample_images().images
    ]
    noise = np.random.default_rng(0).integers(0, 256, (2, side, side, 3))
    return np.stack([*photos, *noise]).astype("uint8")


def check_equal(name: str, folder: Path, side: int) -> None:
    """Asserts that a network of ours with the weights of theirs says what theirs says."""
    theirs = build(name, input_shape=(side, side, 3), classes=7)
    write(theirs, folder / "theirs.h5")
    found = published(name)
    ours = build_model(name, input_shape=(side, side, 3), classes=7, **found.options)
    layers = found.layers(folder / "theirs.h5")
    assert copy_weights(ours, StartingWeights("theirs", layers)).left == {}
    images = pictures(side)
    expected = np.asarray(theirs(preprocessed(name, images)))
    assert expected.std() > 1e-3 * abs(expected).max()
    received = np.asarray(ours(images))
    np.testing.assert_allclose(received, expected, rtol=0, atol=1e-4 * abs(expected).max())
    np.testing.assert_allclose(
        keras.ops.softmax(received), keras.ops.softmax(expected), rtol=0, atol=1e-4
    )
