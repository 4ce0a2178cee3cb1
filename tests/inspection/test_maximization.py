"""Images found by climbing, against what is known to be the best."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kerascnn import build_model
from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.inspection.layers import followed
from kerascnn.inspection.maximization import activations, best_images, maximize, units_of

PLAIN: dict[str, Any] = {"decay": 0.0, "blur": 0.0, "jitter": 0}


@pytest.fixture(scope="module")
def model() -> keras.Model:
    keras.utils.set_random_seed(0)
    return build_model("lenet5", input_shape=(28, 28, 1), classes=4)


def test_of_a_first_layer_the_best_image_is_known(model: keras.Model) -> None:
    # White where the kernel is positive, black where it is negative.
    units, numbers = units_of(model, "c1"), np.arange(6)
    images = maximize(model, units, numbers, steps=300, **PLAIN)
    kernels, biases = model.get_layer("c1").get_weights()
    best = np.abs(kernels).sum((0, 1, 2)) * 127.5 / 64 + biases  # pixels are standardised
    reached = activations(units, images, numbers)
    assert (reached > 0.99 * best).all()
    assert (reached < best + 1e-5).all()
    top, left, bottom, right = units.window(units.middle)
    assert (bottom - top, right - left) == (5, 5)
    seen = images[:, top:bottom, left:right]
    strong = np.abs(kernels) > 0.3 * np.abs(kernels).max()
    white = np.where(kernels > 0, 255, 0).transpose(3, 0, 1, 2)
    assert (seen == white)[strong.transpose(3, 0, 1, 2)].all()
    # What it does not see has stayed as it was: noise.
    outside = images.astype(int)
    outside[:, top:bottom, left:right] = 127
    assert np.abs(outside - 127.5).max() < 50


@pytest.mark.parametrize("layer", [None, "c3", "s4", "f6"])
def test_a_unit_does_more_than_at_real_images(model, noise_images, layer) -> None:
    units = units_of(model, layer)
    numbers = np.arange(min(4, units.count))
    images = maximize(model, units, numbers, steps=150)
    assert images.shape == (len(numbers), 28, 28, 1)
    best = best_images(units, numbers, [noise_images(50, 28, 28, 1)])
    assert (activations(units, images, numbers) > best.values).all()


def test_it_depends_on_the_seed_alone(model: keras.Model) -> None:
    units = units_of(model)
    first = maximize(model, units, np.array([2, 0, 3]), steps=9, seed=5)
    alone = maximize(model, units, np.array([3]), steps=9, seed=5)
    np.testing.assert_array_equal(alone, maximize(model, units, np.array([3]), steps=9, seed=5))
    assert np.abs(alone[0].astype(int) - first[2]).max() <= 1, "rounding"
    other = maximize(model, units, np.array([3]), steps=9, seed=6)
    assert np.abs(other.astype(int) - alone).max() > 5


def test_regularisers_calm_the_image(model: keras.Model) -> None:
    units, numbers = units_of(model), np.array([1])

    def roughness(**options) -> tuple[float, float]:
        (image,) = maximize(model, units, numbers, steps=40, **options).astype(float)
        return float(np.abs(np.diff(image, axis=0)).mean()), float(np.abs(image - 127.5).mean())

    rough, far = roughness(**PLAIN)
    calm, near = roughness(blur=1.5, decay=0.1, jitter=0)
    assert calm < 0.8 * rough
    assert near < 0.8 * far


def test_the_best_of_real_images_is_that_of_a_full_search(model, noise_images) -> None:
    images, numbers = noise_images(60, 28, 28, 1), np.array([0, 5, 11])
    units = units_of(model, "c3")
    found = best_images(units, numbers, [images[:25], images[25:50], images[50:]])
    maps = np.asarray(followed(model, ["c3"])(images)[0])[..., numbers]
    assert found.seen == 60
    for n in range(3):
        which, row, column = np.unravel_index(maps[..., n].argmax(), maps.shape[:3])
        assert found.positions[n] == which
        assert found.places[n].tolist() == [row, column]
        assert found.values[n] == pytest.approx(maps[..., n].max(), rel=1e-5)
        np.testing.assert_array_equal(found.images[n], images[which])
        # What the unit sees there is all that it needs.
        top, left, bottom, right = units.window((int(row), int(column)))
        blank = np.full((1, 28, 28, 1), 99, np.uint8)
        rows, columns = slice(max(0, top), bottom), slice(max(0, left), right)
        blank[0, rows, columns] = images[which, rows, columns]
        same = np.asarray(followed(model, ["c3"])(blank)[0])[0, row, column, numbers[n]]
        assert same == pytest.approx(found.values[n], rel=1e-4)


def test_units_of_layers(model: keras.Model) -> None:
    logits = units_of(model)
    assert (logits.count, logits.middle, logits.window(None)) == (4, None, (0, 0, 28, 28))
    assert units_of(model, "output").output == logits.output == "logits"
    assert units_of(model, "f6").count == 84
    maps = units_of(model, "s4")
    assert (maps.count, maps.middle) == (16, (2, 2))
    # Fields of 16 pixels, 4 apart, on images in a frame of 2.
    assert maps.window((2, 2)) == (6, 6, 22, 22)
    assert maps.window((0, 4)) == (-2, 14, 14, 30)
    with pytest.raises(UserError, match="unknown layer 'c2': known: c1, c3, c5"):
        units_of(model, "c2")
