"""Kernels, and the two measures of what they respond to, on kernels of which both are known."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.inspection.kernels import (
    colour_share,
    groups_behind,
    kernels_of,
    layers_with_kernels,
    orientation_selectivity,
)
from kerascnn.models.build import build_model


def test_kernels_are_those_of_the_layer() -> None:
    model = build_model("lenet5", input_shape=(32, 32, 1), classes=10)
    assert layers_with_kernels(model)[0] == "c1"
    name, first = kernels_of(model)
    assert (name, first.shape) == ("c1", (5, 5, 1, 6))
    assert np.array_equal(first, model.get_layer("c1").kernel)
    _, dense = kernels_of(model, "f6")
    assert dense.shape == (1, 1, 120, 84)


def test_a_fully_connected_layer_on_the_pixels_has_images() -> None:
    model = build_model("mlp", input_shape=(8, 8, 1), classes=10)
    name, kernels = kernels_of(model)
    assert kernels.shape[:3] == (8, 8, 1)
    weights = np.asarray(model.get_layer(name).kernel)
    assert np.array_equal(kernels[3, 5, 0], weights[3 * 8 + 5])


def test_layers_without_kernels_are_told() -> None:
    model = build_model("lenet5", input_shape=(32, 32, 1), classes=10)
    with pytest.raises(UserError, match=r"^layer 'images' has no kernels: known: c1"):
        kernels_of(model, "images")
    with pytest.raises(UserError, match=r"^unknown layer 'conv1': .*'kerascnn summary' lists them"):
        kernels_of(model, "conv1")


def test_alexnets_first_filters_are_in_two_groups_and_lenets_are_not() -> None:
    alexnet = build_model("alexnet", input_shape=(227, 227, 3), classes=10, abstract=True)
    assert groups_behind(alexnet, "conv1") == 2
    lenet = build_model("lenet5", input_shape=(32, 32, 1), classes=10, abstract=True)
    assert groups_behind(lenet, "c1") == 1


def test_the_colour_of_filters() -> None:
    grey = np.ones((3, 3, 3))
    green_against_magenta = np.zeros((3, 3, 3))
    green_against_magenta[..., 1], green_against_magenta[..., [0, 2]] = 2, -1
    red = np.zeros((3, 3, 3))
    red[..., 0] = 1
    kernels = np.stack([grey, green_against_magenta, red, 0 * grey], axis=-1)
    assert colour_share(kernels) == pytest.approx([0, 1, 2 / 3, 0])


def test_the_orientation_of_filters() -> None:
    x = np.arange(11)
    grating = np.tile(np.sin(2 * np.pi * x / 5.5), (11, 1))
    round_one = np.exp(-((x[:, None] - 5) ** 2 + (x - 5) ** 2) / 4)
    noise = np.random.default_rng(0).normal(size=(11, 11))
    kernels = np.stack([grating, grating.T, round_one, noise], axis=-1)[:, :, None]
    vertical, horizontal, symmetric, random = orientation_selectivity(kernels)
    assert vertical == pytest.approx(horizontal)
    assert vertical > 0.7  # a grating that ends at the edge of its window
    assert symmetric == pytest.approx(0, abs=1e-6)
    assert random < 0.35
    assert orientation_selectivity(np.zeros((5, 5, 1, 2))).tolist() == [0, 0]
