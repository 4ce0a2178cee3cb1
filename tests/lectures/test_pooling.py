"""Pooling against the lectures' numbers and the package's layers; what it leaves of a shift."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from kerascnn.layers import LpPooling2D, StochasticPooling2D
from kerascnn.lectures.convolution import EXAMPLES, slide
from kerascnn.lectures.pooling import (
    PoolName,
    expected,
    pooled,
    pooled_maps,
    probabilities,
    shift_distances,
    shifted,
)

IMAGE = EXAMPLES["downsampling"].image
LEVELS = np.random.default_rng(0).random((8, 6)).round(2)


@pytest.mark.parametrize(
    ("pool", "output"),
    [
        ("average", [[0.75, 0.75, 0.25], [0.75, 0.25, 0], [0.25, 0, 0]]),
        ("max", [[1, 1, 1], [1, 1, 0], [1, 0, 0]]),
    ],
)
def test_the_lectures_downsampling(pool: PoolName, output: list[list[float]]) -> None:
    assert pooled(slide(IMAGE, (2, 2), stride=2), pool).output.tolist() == output


@pytest.mark.parametrize(
    ("pool", "layer"),
    [
        ("max", keras.layers.MaxPooling2D(2)),
        ("average", keras.layers.AveragePooling2D(2)),
        ("l1", LpPooling2D(2, order=1)),
        ("l2", LpPooling2D(2)),
    ],
)
def test_as_the_layers_do(pool: PoolName, layer: keras.layers.Layer) -> None:
    found = pooled(slide(LEVELS, (2, 2), stride=2), pool).output
    theirs = np.asarray(layer(LEVELS[np.newaxis, ..., np.newaxis].astype("float32")))
    assert found == pytest.approx(theirs[0, ..., 0], abs=1e-6)


def test_stochastic_pooling_draws_in_proportion() -> None:
    seen = slide(np.array([[1.0, 2], [0, 5]]), (2, 2))
    assert probabilities(seen)[0, 0].tolist() == [[0.125, 0.25], [0, 0.625]]
    drawn = [pooled(seen, "stochastic", seed=seed).output.item() for seed in range(2000)]
    assert [np.mean(np.equal(drawn, cell)) for cell in (1, 2, 5, 0)] == pytest.approx(
        [0.125, 0.25, 0.625, 0], abs=0.03
    )
    again = pooled(seen, "stochastic", seed=7)
    assert again.output.item() == drawn[7]
    assert again.chosen.sum() == 1
    assert again.output.item() == seen.cells[again.chosen].item()


def test_stochastic_pooling_in_inference_is_the_layers() -> None:
    theirs = StochasticPooling2D(2, 2)(LEVELS[np.newaxis, ..., np.newaxis].astype("float32"))
    found = expected(slide(LEVELS, (2, 2), stride=2))
    assert found == pytest.approx(np.asarray(theirs)[0, ..., 0], abs=1e-6)


def test_a_window_without_a_positive_cell_gives_zero() -> None:
    seen = slide(np.array([[-1.0, 0], [0, -3]]), (2, 2))
    found = pooled(seen, "stochastic")
    assert found.output.item() == 0
    assert not found.chosen.any()
    assert expected(seen).item() == 0


def test_max_pooling_marks_one_cell_of_each_window() -> None:
    seen = slide(LEVELS, (2, 2), stride=2)
    found = pooled(seen, "max")
    assert (found.chosen.sum((2, 3)) == 1).all()
    assert (seen.cells[found.chosen].reshape(found.output.shape) == found.output).all()


def test_a_shift_moves_to_the_right() -> None:
    assert shifted(np.array([[[1, 2, 3]]]), 1).tolist() == [[[0, 1, 2]]]
    assert shifted(np.array([[[1, 2, 3]]]), 0).tolist() == [[[1, 2, 3]]]


def _digit() -> np.ndarray:
    image = np.zeros((1, 16, 16))
    image[0, 4:12, 3:8] = np.random.default_rng(1).random((8, 5))
    return image


@pytest.mark.parametrize("pool", ["max", "average"])
def test_distances_by_hand(pool) -> None:
    image = _digit()
    found = shift_distances(image, pool, 4, [0, 1, 3, 4])
    reduce = np.max if pool == "max" else np.mean

    def by_hand(picture: np.ndarray) -> np.ndarray:
        return np.array(
            [[reduce(picture[y : y + 4, x : x + 4]) for x in range(0, 16, 4)]
             for y in range(0, 16, 4)]
        )  # fmt: skip

    still = by_hand(image[0])
    assert pooled_maps(image, pool, 4)[0] == pytest.approx(still)
    for column, pixels in enumerate((0, 1, 3, 4)):
        moved = by_hand(np.roll(image[0], pixels, axis=1))  # what leaves is zeros
        distance = np.linalg.norm(moved - still) / np.linalg.norm(still)
        assert found[0, column] == pytest.approx(distance)


@pytest.mark.parametrize("pool", ["max", "average"])
def test_pooling_leaves_less_of_a_shift_and_nothing_over_the_whole_image(pool) -> None:
    image = _digit()
    unpooled, *left, whole = (
        shift_distances(image, pool, size, [1]).item() for size in (1, 2, 4, 8, 16)
    )
    assert unpooled == pytest.approx(
        np.linalg.norm(np.roll(image, 1, axis=2) - image) / np.linalg.norm(image)
    )
    assert max(left) < unpooled
    assert whole == pytest.approx(0, abs=1e-12)


def test_a_shift_by_the_stride_moves_the_map_by_one() -> None:
    image = _digit()
    maps = pooled_maps(shifted(image, 4), "max", 4)
    assert (maps[..., 1:] == pooled_maps(image, "max", 4)[..., :-1]).all()
