"""Operations that overwrite a rectangle."""

from __future__ import annotations

from kerascnn import augmentation as spec
from kerascnn.backend import tf
from kerascnn.data.draws import Draws

Box = tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]


def boxes_mask(box: Box, height: int, width: int, channels: int) -> tf.Tensor:
    """Returns bool (B, H, W * C), true inside boxes (top, left, bottom, right), each float (B,).

    Rows of pixels are left unfolded: a mask that is broadcast along channels costs twice as much.
    """
    top, left, bottom, right = (edge[:, None] for edge in box)
    rows = tf.range(height, dtype=tf.float32)[None]
    columns = tf.repeat(tf.range(width, dtype=tf.float32), channels)[None]
    in_rows = (rows >= top) & (rows < bottom)
    in_columns = (columns >= left) & (columns < right)
    return in_rows[:, :, None] & in_columns[:, None, :]


def overwrite(images: tf.Tensor, box: Box, value: tf.Tensor) -> tf.Tensor:
    """Returns images (B, H, W, C) with `value` (broadcast to (B, H, W * C)) inside the boxes."""
    height, width, channels = images.shape[1:]
    rows = tf.reshape(images, (-1, height, width * channels))
    mask = boxes_mask(box, height, width, channels)
    return tf.reshape(tf.where(mask, value, rows), (-1, height, width, channels))


def cutout_box(operation: spec.Cutout, random: Draws, height: int, width: int) -> Box:
    """Returns the square around a pixel anywhere in the image; empty where it does not apply."""
    size = float(operation.size)
    top = tf.floor(random.unit(1) * height) - operation.size // 2
    left = tf.floor(random.unit(2) * width) - operation.size // 2
    bottom = tf.where(random.applied, top + size, top)
    return top, left, bottom, left + size


def apply_cutout(operation: spec.Cutout, random: Draws, images: tf.Tensor) -> tf.Tensor:
    """Returns uint8 images (B, H, W, C) with a square of each overwritten."""
    box = cutout_box(operation, random, *images.shape[1:3])
    return overwrite(images, box, tf.constant(operation.value, tf.uint8))


def apply_random_erasing(
    operation: spec.RandomErasing, random: Draws, images: tf.Tensor
) -> tf.Tensor:
    """Returns uint8 images (B, H, W, C) with a rectangle of each overwritten."""
    height, width, channels = images.shape[1:]
    area = random.between(1, operation.area, 0.0) * (height * width)
    ratio = random.log_between(2, operation.aspect)
    # Whole pixels; a side that does not fit is cut to the image's.
    h = tf.minimum(tf.round(tf.sqrt(area / ratio)), height)
    w = tf.minimum(tf.round(tf.sqrt(area * ratio)), width)
    top = tf.floor(random.unit(3) * (height - h + 1))
    left = tf.floor(random.unit(4) * (width - w + 1))
    if operation.value == "noise":
        noise = random.field(height * width * channels) * 256.0
        value = tf.reshape(tf.cast(noise, tf.uint8), (-1, height, width * channels))
    else:
        value = tf.constant(operation.value, tf.uint8)
    return overwrite(images, (top, left, top + h, left + w), value)
