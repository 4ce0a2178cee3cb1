"""How many images a step can hold in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psutil

from kerascnn.arithmetic import Analysis
from kerascnn.arithmetic.table import memory
from kerascnn.backend import keras, tf
from kerascnn.errors import UserError

# What "auto" keeps to even where more would fit: larger steps train no faster and generalise worse.
MOST = 512
_STEPS_PER_EPOCH = 32


def largest_that_fits(fits: Callable[[int], bool], most: int) -> int:
    """Returns the largest power of two up to `most` that fits, tried from above; 0 if none.

    Args:
        fits: Tells whether so many images do.
        most: Where to begin.
    """
    size = 1 << (most.bit_length() - 1) if most else 0
    while size and not fits(size):
        size //= 2
    return size


def takes_a_step(model: keras.Model, batch: Any, size: int) -> bool:
    """Tries one training step on black images of class 0; whether memory sufficed.

    Args:
        model: Compiled; its weights change.
        batch: `element_spec` of what it is trained on.
        size: Number of images.
    """
    zeros = tf.nest.map_structure(
        lambda part: tf.zeros((size, *part.shape[1:]), part.dtype), tuple(batch)
    )
    try:
        model.train_on_batch(*zeros)
    except tf.errors.ResourceExhaustedError:
        return False
    return True


def too_large(model: keras.Model, batch: Any, size: int) -> UserError:
    """Returns the error for a batch that memory did not hold, with the largest size that it does.

    Args:
        model: Compiled; its weights change.
        batch: `element_spec` of what it is trained on.
        size: Number of images that was too large.
    """
    largest = largest_that_fits(lambda smaller: takes_a_step(model, batch, smaller), size // 2)
    advice = (
        f"the largest that does is {largest}; --batch-size auto finds it"
        if largest
        else "nor does a single image: give a smaller image_size or network"
    )
    return UserError(f"training.batch_size: {size} does not fit into memory; {advice}")


def _sensible(images: int) -> int:
    return max(1, min(MOST, images // _STEPS_PER_EPOCH))


def from_free_memory(analysis: Analysis, images: int) -> tuple[int, str]:
    """Returns the batch size for the processor, and why: what fits into half the free memory.

    Args:
        analysis: The analysis of the network.
        images: Number of training images.
    """
    free = psutil.virtual_memory().available // 2
    most = _sensible(images)
    size = largest_that_fits(lambda size: analysis.training_bytes(size) <= free, most) or 1
    return size, f"{memory(analysis.training_bytes(size))} of memory" + (
        "" if size * 2 <= most else ", and no more would help"
    )


def from_trials(model: keras.Model, batch: Any, images: int) -> tuple[int, str]:
    """Returns the batch size for a GPU, and why: the largest that takes a training step.

    Args:
        model: Compiled; its variables are put back as they were.
        batch: `element_spec` of what it is trained on.
        images: Number of training images.

    Raises:
        UserError: If not even one image fits.
    """
    most = _sensible(images)
    before = [variable.numpy() for variable in model.variables]
    size = largest_that_fits(lambda size: takes_a_step(model, batch, size), most)
    for variable, value in zip(model.variables, before, strict=True):
        variable.assign(value)
    if not size:
        raise UserError("training.batch_size: not even one image fits into memory")
    return size, "tried" + ("" if size * 2 <= most else ", and no more would help")
