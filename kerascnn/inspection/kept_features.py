"""The last hidden layer's features of a whole split, computed once and kept on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import numpy as np

from kerascnn.backend import keras
from kerascnn.cache import cache_folder, make_room
from kerascnn.data.array_file import file_size, open_array, write_array
from kerascnn.data.cache import pixels_key
from kerascnn.data.dataset import ImageData
from kerascnn.data.failure import named_failures
from kerascnn.data.pipeline import evaluation_batches
from kerascnn.errors import UserError
from kerascnn.inspection.embedding import hidden, last_hidden
from kerascnn.inspection.layers import images_at_once

_WIDTH = 4  # bytes of a number


def split_features(
    model: keras.Model,
    data: ImageData,
    split: str,
    *,
    quick: Callable[[keras.Model], keras.Model] = lambda model: model,
    advance: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Returns what the last hidden layer computes for every image of a split.

    It is kept on disk, by the network's weights and the images: the next time it is read.

    Args:
        model: Functional, from uint8 images to logits.
        data: From `load`, in the size that the network takes.
        split: "train", "validation" or "test".
        quick: Makes the network quick for its device; called if something is to be computed.
        advance: Called with the number of images done since the last call.

    Returns:
        float32 (N, D), in the order of the split.

    Raises:
        UserError: For images that cannot be read.
    """
    size = data.splits[split].size
    width = int(last_hidden(model).outputs[0].shape[-1])
    shape = (size, width * _WIDTH)
    key = hashlib.sha256(pixels_key(data, data.splits[split], data.image_shape).encode())
    key.update(weights_digest(model))
    path = cache_folder() / "features" / f"{key.hexdigest()[:24]}.npy"
    try:
        found = open_array(path, shape)
        if found is not None:
            kept = found[np.arange(size)]
            if advance:
                advance(size)
            return kept.view(np.float32)
    except OSError:  # it is made again
        pass
    values = np.concatenate(list(_computed(quick(model), data, split, advance)))
    try:
        make_room(file_size(shape))
        write_array(path, shape, [values.view(np.uint8)])
    except (OSError, UserError):  # there is no room for it: it is used and forgotten
        pass
    return values


def _computed(
    model: keras.Model, data: ImageData, split: str, advance: Callable[[int], None] | None
) -> Iterator[np.ndarray]:
    batches = evaluation_batches(data, split, batch_size=images_at_once(model))
    with named_failures(data):
        for values, _ in hidden(model, (images for images, _ in batches)):
            yield values
            if advance:
                advance(len(values))


def weights_digest(model: keras.Model) -> bytes:
    """Returns a digest of a network: of its layers and all their weights."""
    digest = hashlib.sha256(model.to_json().encode())
    for weight in model.get_weights():
        digest.update(np.ascontiguousarray(weight).data)
    return digest.digest()
