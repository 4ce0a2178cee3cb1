"""The random crop, and the flip after it, that are done while an image is decoded.

A crop that comes first need not wait for a batch: only its part of the file is decoded. The draws
are those of `kerascnn.augment.batch`. They are made for many images at once, the rest for each.
"""

from __future__ import annotations

from kerascnn.augment.draws import LANES, Draws, lanes, position_keys
from kerascnn.augment.operation import Shape, WindowOperation
from kerascnn.augment.spec import AugmentSpec
from kerascnn.backend import tf


def framing_numbers(
    augment: AugmentSpec, *, seed: tf.Tensor, epoch: tf.Tensor, positions: tf.Tensor
) -> tf.Tensor:
    """Returns the random numbers of `augment.framing`, float32 (B, operations, LANES).

    Args:
        augment: A spec with a `framing`.
        seed: int64 scalar.
        epoch: int64 scalar.
        positions: int64 (B,), in the epoch's order.
    """
    count = len(augment.framing)
    drawn = lanes(position_keys(seed, epoch, positions), count)
    return tf.reshape(drawn, (-1, count, LANES))


def crop_box(
    augment: AugmentSpec, image_shape: Shape, numbers: tf.Tensor, size: tf.Tensor
) -> tf.Tensor:
    """Returns the crop to cut from one image, int32 (y, x, height, width), inside the image.

    Args:
        augment: A spec with a `framing`.
        image_shape: (H, W, C) that the model takes, to which the crop is then stretched.
        numbers: The image's `framing_numbers`, float32 (operations, LANES).
        size: int32 (height, width) of the image in the file.
    """
    crop = augment.framing[0]
    assert isinstance(crop, WindowOperation), augment
    random = Draws(numbers[:1], None, crop.probability)
    height, width = tf.unstack(tf.cast(size, tf.float32))
    edges = crop.window(random, height, width, image_shape)
    box = tf.cast(tf.round(tf.concat(edges, axis=0)), tf.int32)
    part = tf.clip_by_value(box[2:], 1, size)
    return tf.concat([tf.minimum(box[:2], size - part), part], axis=0)


def mirrored(augment: AugmentSpec, numbers: tf.Tensor, image: tf.Tensor) -> tf.Tensor:
    """Returns one image (H, W, C), flipped where `augment.framing` has a flip that applies."""
    if len(augment.framing) == 1:
        return image
    random = Draws(numbers[1:], None, augment.framing[1].probability)
    return tf.cond(random.applied[0], lambda: tf.reverse(image, [1]), lambda: image)
