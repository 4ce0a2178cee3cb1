"""Kernels as pictures: scaled together, in full rows, the deeper ones channel by channel."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.backend import keras
from kerascnn.models.build import build_model
from kerascnn.visualization.filters import (
    Filters,
    columns_for,
    draw_filters,
    draw_heat_maps,
    mosaic,
)
from kerascnn.visualization.picture import Subject
from kerascnn.visualization.writing import png_of

DIGITS = tuple("0123456789")


@pytest.mark.parametrize(
    ("count", "columns"), [(96, 12), (6, 3), (64, 8), (1, 1), (10, 5), (32, 8), (7, 4), (300, 20)]
)
def test_tiles_stand_in_full_rows_and_96_as_8_rows_of_12(count: int, columns: int) -> None:
    assert columns_for(count) == columns


def test_each_filter_is_scaled_over_its_channels_together() -> None:
    kernels = np.zeros((2, 2, 3, 2))
    kernels[..., 0] = np.arange(12).reshape(2, 2, 3)
    kernels[..., 1] = 5  # a constant one
    sheet = mosaic(kernels)
    assert sheet.shape == (5, 2, 3) or sheet.shape == (2, 5, 3)
    assert sheet[:2, :2] == pytest.approx(np.arange(12).reshape(2, 2, 3) / 11)
    assert sheet[-1, -1].tolist() == [0, 0, 0]


def test_grey_filters_have_no_colour() -> None:
    assert mosaic(np.random.default_rng(0).normal(size=(5, 5, 1, 6))).shape == (11, 17)


def test_before_and_after_stand_side_by_side() -> None:
    kernels = np.random.default_rng(0).normal(size=(5, 5, 3, 6))
    figure = draw_filters({"before training": kernels, "after training": -kernels}, "a run")
    assert [axes.get_title() for axes in figure.axes] == ["before training", "after training"]
    before, after = (axes.get_images()[0].get_array() for axes in figure.axes)
    assert before is not None
    assert after is not None
    assert np.asarray(before)[:5, :5] == pytest.approx(1 - np.asarray(after)[:5, :5], abs=1e-6)
    assert png_of(figure)


def test_deeper_kernels_are_heat_maps_on_one_scale() -> None:
    kernels = np.random.default_rng(0).normal(size=(3, 3, 4, 2))
    figure = draw_heat_maps({"after training": kernels})
    (image,) = figure.axes[0].get_images()
    sheet: np.ndarray = np.ma.filled(np.ma.asarray(image.get_array()), np.nan)
    assert sheet.shape == (2 * 4 - 1, 4 * 4 - 1)
    assert sheet[4:7, 8:11] == pytest.approx(kernels[:, :, 2, 1])
    assert np.isnan(sheet[3]).all()
    assert image.get_clim() == pytest.approx((-np.abs(kernels).max(), np.abs(kernels).max()))
    assert png_of(figure)


def _subject(model: keras.Model, untrained: keras.Model | None = None) -> Subject:
    load = None if untrained is None else (lambda: untrained)
    return Subject("a run", model, DIGITS, load_untrained=load)


def test_a_networks_filters_before_and_after() -> None:
    model, other = (build_model("lenet5", input_shape=(32, 32, 1), classes=10) for _ in range(2))
    picture = Filters().picture(_subject(model, other))
    assert np.array_equal(picture.arrays["after_training"], model.get_layer("c1").kernel)
    assert np.array_equal(picture.arrays["before_training"], other.get_layer("c1").kernel)
    assert len(picture.figure.axes) == 2
    alone = Filters(before=False).picture(_subject(model, other))
    assert set(alone.arrays) == {"after_training", "orientation"}
    random = Filters(layer="f6").picture(_subject(model))
    assert random.arrays["as_initialized"].shape == (1, 1, 120, 84)


def test_alexnets_groups_stand_apart_and_are_measured() -> None:
    images = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(8, 5, name="conv1")(images)
    x = keras.layers.ReLU()(x)
    x = keras.layers.Conv2D(8, 3, groups=2)(x)
    model = keras.Model(images, keras.layers.GlobalAveragePooling2D()(x))
    kernel = np.random.default_rng(0).normal(size=(5, 5, 3, 8))
    kernel[..., :4] = kernel[..., :4].mean(axis=2, keepdims=True)  # the first group is grey
    model.get_layer("conv1").kernel.assign(kernel)
    picture = Filters().picture(_subject(model))
    titles = [axes.get_title() for axes in picture.figure.axes]
    assert titles == ["as initialized, group 1", "as initialized, group 2"]
    assert picture.arrays["colour"][:4] == pytest.approx(0, abs=1e-6)
    first, second = picture.lines
    assert first.startswith("group 1: colour 0.00, orientation ")
    assert float(second.split()[3].rstrip(",")) > 0.5
