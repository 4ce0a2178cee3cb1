"""A network over its epochs, of which every number is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.inspection.evolution import evolution
from kerascnn.models.build import build_model


def _past(network: str, shares: list[float], **options: Any):
    """A course on which a share of the way is left in the first layer, its square in the others."""
    keras.utils.set_random_seed(0)
    model = build_model(network, input_shape=(12, 12, 1), classes=10, **options)
    last = model.get_weights()
    first = [np.zeros_like(weight) for weight in last]

    def snapshots() -> Iterator[tuple[int, keras.Model]]:
        for epoch, share in enumerate(shares):
            left = [share if number < 2 else share**2 for number in range(len(last))]
            model.set_weights(
                [s * a + (1 - s) * b for s, a, b in zip(left, first, last, strict=True)]
            )
            yield 2 * epoch, model

    return snapshots, last


def test_the_way_that_is_left(noise_images) -> None:
    shares = [1.0, 0.5, 0.3, 0.09, 0.0]
    snapshots, last = _past("lenet5", shares)
    found = evolution(snapshots, noise_images(1, 12, 12, 1)[0])
    assert found.epochs.tolist() == [0, 2, 4, 6, 8]
    assert found.layers == ("c1", "c3", "c5", "f6", "output")
    np.testing.assert_allclose(found.distances[:, 0], shares, atol=1e-6)
    np.testing.assert_allclose(found.distances[:, 1], np.square(shares), atol=1e-6)
    assert found.settled().tolist() == [6, 4, 4, 4, 4]
    assert found.filter_layer == "c1"
    np.testing.assert_allclose(found.filters[2], 0.7 * last[0], atol=1e-6)
    assert found.map_layer == "c1"  # 12x12: it is the last one of 8x8 or more
    assert found.maps is not None
    assert found.maps.shape == (5, 12, 12, 6)
    np.testing.assert_allclose(found.maps[1], 0.5 * found.maps[-1], atol=1e-5)
    np.testing.assert_allclose(found.probabilities[0], 0.1, atol=1e-6)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-5)


def test_a_layer_may_be_chosen(noise_images) -> None:
    snapshots, _ = _past("lenet5", [1.0, 0.0])
    found = evolution(snapshots, noise_images(1, 12, 12, 1)[0], "c3")
    assert found.maps is not None
    assert (found.map_layer, found.maps.shape) == ("c3", (2, 2, 2, 16))
    with pytest.raises(UserError, match="unknown layer 'c33'"):
        evolution(snapshots, noise_images(1, 12, 12, 1)[0], "c33")


def test_a_network_without_maps_and_layers_that_never_move(noise_images) -> None:
    snapshots, _ = _past("linear", [0.0, 0.0])
    found = evolution(snapshots, noise_images(1, 12, 12, 1)[0])
    assert found.maps is None
    assert found.filters.shape == (2, 12, 12, 1, 10)
    assert found.distances.tolist() == [[0], [0]]
    assert found.settled().tolist() == [0]


def test_one_snapshot_is_no_evolution(noise_images) -> None:
    snapshots, _ = _past("linear", [1.0])
    with pytest.raises(UserError, match="^1 snapshots of a training show no change"):
        evolution(snapshots, noise_images(1, 12, 12, 1)[0])
