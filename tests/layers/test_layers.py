"""The package of layers: its names, and that Keras knows them once it is told."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from kerascnn import layers
from kerascnn.backend import keras


@pytest.mark.parametrize("name", layers.__all__)
def test_every_name_is_defined_below_and_nowhere_else(name: str) -> None:
    found = getattr(layers, name)
    assert found.__module__.startswith("kerascnn.layers.")
    assert getattr(importlib.import_module(found.__module__), name) is found


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'kerascnn.layers' has no attribute 'Maxuot'"):
        layers.Maxuot  # noqa: B018


def test_keras_finds_every_layer_by_its_registered_name() -> None:
    layers.register()
    for name in layers.__all__:
        found = getattr(layers, name)
        assert keras.saving.get_registered_name(found).startswith("kerascnn>")
        assert keras.saving.get_registered_object(f"kerascnn>{name}") is found


def test_registering_leaves_no_module_of_the_folder_out() -> None:
    layers.register()
    files = {path.stem for path in Path(layers.__file__).parent.glob("[a-z]*.py")}
    assert {f"kerascnn.layers.{name}" for name in files} <= set(sys.modules)
