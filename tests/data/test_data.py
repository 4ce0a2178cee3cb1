"""The names of the package of data."""

from __future__ import annotations

import importlib

import pytest

from kerascnn import data

HOMES = {
    "ImageData": "dataset",
    "Split": "dataset",
    "load": "loading",
    "training_batches": "pipeline",
    "evaluation_batches": "pipeline",
}


def test_every_public_name_is_what_its_module_has() -> None:
    assert sorted(HOMES) == sorted(data.__all__)
    for name, module in HOMES.items():
        home = importlib.import_module(f"kerascnn.data.{module}")
        assert getattr(data, name) is getattr(home, name)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'kerascnn.data' has no attribute 'lode'"):
        data.lode  # noqa: B018
