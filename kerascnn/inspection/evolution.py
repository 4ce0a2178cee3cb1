"""A network over the epochs of its training: filters, feature maps, and when each layer is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.inspection.activations import last_of_stages, maps_of_image
from kerascnn.inspection.kernels import kernels_of, layers_with_kernels
from kerascnn.inspection.layers import FeatureMaps, maps_of

SETTLED = 0.1  # of the way from the first weights to the last is left
_SMALLEST = 8  # cells a side of maps in which something can be seen

Snapshots = Callable[[], Iterator[tuple[int, keras.Model]]]


@dataclass(frozen=True)
class Evolution:
    """A network after several epochs.

    Attributes:
        epochs: That it had trained for, int (E,).
        filters: Of its first layer with kernels, float32 (E, h, w, C, N).
        filter_layer: That layer.
        maps: Feature maps of an image, float32 (E, H, W, M); None for a network without.
        map_layer: The layer that they are of; empty for a network without.
        probabilities: Of the classes for that image, float32 (E, classes).
        layers: Those with kernels, from the input on.
        distances: Of each layer's kernels from their last values, as a share of the distance
            between the first and the last ones, (E, L).
    """

    epochs: np.ndarray
    filters: np.ndarray
    filter_layer: str
    maps: np.ndarray | None
    map_layer: str
    probabilities: np.ndarray
    layers: tuple[str, ...]
    distances: np.ndarray

    def settled(self) -> np.ndarray:
        """Returns after which epoch each layer stays within a tenth of its way, int (L,)."""
        far = self.distances > SETTLED
        last = np.where(far.any(axis=0), len(far) - np.argmax(far[::-1], axis=0), 0)
        epochs: np.ndarray = self.epochs[np.minimum(last, len(far) - 1)]
        return epochs


def evolution(snapshots: Snapshots, pixels: np.ndarray, layer: str | None = None) -> Evolution:
    """Follows a network through its snapshots, twice: memory holds the weights of three epochs.

    Args:
        snapshots: Yields epochs and the network as it was then, each time anew.
        pixels: An image, uint8 (H, W, C).
        layer: Whose feature maps are wanted; if None, the last one whose maps are 8x8 or more.

    Raises:
        UserError: If there are fewer than two snapshots, or no such layer.
    """
    first, last = _ends(snapshots)
    whole = {name: _distance(first[name], last[name]) for name in last}
    epochs: list[int] = []
    filters, maps, probabilities, distances = [], [], [], []
    shown, filter_layer = None, ""
    for epoch, model in snapshots():
        if not epochs:
            shown = _shown(model, layer)
        found, logits = maps_of_image(model, pixels, [shown] if shown else [])
        filter_layer, kernels = kernels_of(model)
        epochs.append(epoch)
        filters.append(kernels)
        maps += found
        shifted = np.exp(logits - logits.max())
        probabilities.append(shifted / shifted.sum())
        now = {name: kernels_of(model, name)[1] for name in last}
        distances.append(
            [_distance(now[name], last[name]) / whole[name] if whole[name] else 0 for name in last]
        )
    return Evolution(
        epochs=np.array(epochs),
        filters=np.stack(filters),
        filter_layer=filter_layer,
        maps=np.stack(maps) if maps else None,
        map_layer=shown.name if shown else "",
        probabilities=np.stack(probabilities),
        layers=tuple(last),
        distances=np.array(distances),
    )


def _ends(snapshots: Snapshots) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Returns the kernels of every layer in the first and in the last snapshot."""
    first: dict[str, np.ndarray] = {}
    count = 0
    for _, model in snapshots():
        last = {name: kernels_of(model, name)[1] for name in layers_with_kernels(model)}
        first, count = first or last, count + 1
    if count < 2:
        raise UserError(f"{count} snapshots of a training show no change: two are needed")
    return first, last


def _distance(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.linalg.norm(first - second))


def _shown(model: keras.Model, layer: str | None) -> FeatureMaps | None:
    """Returns the layer whose feature maps are followed; None for a network that has none."""
    if layer is not None:
        return maps_of(model, layer)
    try:
        found = last_of_stages(model)
    except UserError:
        return None
    large = [maps for maps in found if min(maps.shape[:2]) >= _SMALLEST]
    return (large or found[:1])[-1]
