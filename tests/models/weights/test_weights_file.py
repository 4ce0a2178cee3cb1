from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.models.weights.weights_file import is_weights_file, layer_names, read_layers
from tests.models.weights.theirs import write


@pytest.fixture(scope="module")
def model() -> keras.Model:
    x = images = keras.Input((8, 8, 3))
    for index in range(11):  # "conv2d_10" is before "conv2d_2" in a file
        x = keras.layers.Conv2D(2 + index, 1, name=f"first{index}")(x)
    x = keras.layers.BatchNormalization(name="normed")(x)
    x = keras.layers.Flatten(name="nothing")(x)
    model = keras.Model(images, keras.layers.Dense(2, name="last")(x))
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.weights])
    return model


@pytest.mark.parametrize("name", ["a.keras", "a.weights.h5", "whole.h5", "published.h5"])
def test_every_format(model: keras.Model, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    if name == "published.h5":
        write(model, path)
    elif name == "a.weights.h5":
        model.save_weights(path)
    else:
        model.save(path)
    assert is_weights_file(name)
    found = read_layers(path)
    assert sorted(found) == sorted(layer_names(path))
    assert sorted(found) == sorted(layer.name for layer in model.layers if layer.weights)
    for layer, weights in found.items():
        for one, other in zip(weights, model.get_layer(layer).get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


def test_what_is_no_file_of_weights(tmp_path: Path) -> None:
    (tmp_path / "text.h5").write_text("weights")
    with h5py.File(tmp_path / "empty.h5", "w"):
        pass
    with h5py.File(tmp_path / "leads.h5", "w") as file:
        file["conv"] = h5py.ExternalLink("/etc/passwd", "/")
    with h5py.File(tmp_path / "unnamed.h5", "w") as file:
        file["layers/dense/vars/0"] = [1.0]
    for name, reason in (
        ("gone.h5", "No such file"),
        ("text.h5", "damaged, or no file of weights"),
        ("empty.h5", "it holds no layers"),
        ("leads.h5", "lead out of the file"),
        ("unnamed.h5", "its layers have no names"),
        ("text.keras", "damaged, or no file of weights"),
    ):
        if name == "text.keras":
            (tmp_path / name).write_text("weights")
        with pytest.raises(UserError, match=reason) as raised:
            read_layers(tmp_path / name)
        assert "\n" not in str(raised.value)


def test_a_file_cut_off(model: keras.Model, tmp_path: Path) -> None:
    path = tmp_path / "a.weights.h5"
    model.save_weights(path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(UserError, match="damaged, or no file of weights .*truncated"):
        read_layers(path)
