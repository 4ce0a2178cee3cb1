"""Geometric operations: composed into one gather or one projective transform per batch.

An operation is a map from where a pixel is shown to where it comes from, in pixels from the
image's centre (x right, y down). Maps of operations in sequence multiply: shown -> last -> first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from kerascnn import augmentation as spec
from kerascnn.backend import tf
from kerascnn.data import erasing
from kerascnn.data.draws import Draws

Shape = tuple[int, int, int]
Window = tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]

WHOLE_PIXELS = (spec.HorizontalFlip, spec.VerticalFlip, spec.PadCrop)


def _matrix(rows: Sequence[Sequence[Any]], batch: tf.Tensor) -> tf.Tensor:
    """Returns (B, 3, 3) from two rows of numbers or tensors (B,)."""
    entries = [
        value if tf.is_tensor(value) else tf.fill([batch], float(value))
        for row in (*rows, (0, 0, 1))
        for value in row
    ]
    return tf.reshape(tf.stack(entries, axis=1), (-1, 3, 3))


def rotation(degrees: tf.Tensor) -> tf.Tensor:
    """Returns maps (B, 3, 3) that turn the image counter-clockwise by degrees (B,)."""
    angle = degrees * (math.pi / 180)
    cos, sin = tf.cos(angle), tf.sin(angle)
    return _matrix([(cos, -sin, 0), (sin, cos, 0)], tf.shape(degrees)[0])


def shift(right: tf.Tensor, down: tf.Tensor) -> tf.Tensor:
    """Returns maps (B, 3, 3) that move the image by pixels (B,)."""
    return _matrix([(1, 0, -right), (0, 1, -down)], tf.shape(right)[0])


def rescale(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Returns maps (B, 3, 3) that make what is seen larger by factors (B,)."""
    return _matrix([(1 / x, 0, 0), (0, 1 / y, 0)], tf.shape(x)[0])


def shear(slant: tf.Tensor, vertical_slant: tf.Tensor) -> tf.Tensor:
    """Returns maps (B, 3, 3); slants are tangents: the top moves right, the right side down."""
    return _matrix([(1, slant, 0), (-vertical_slant, 1, 0)], tf.shape(slant)[0])


def window_of(
    operation: spec.RandomResizedCrop | spec.ScaleCrop,
    random: Draws,
    height: tf.Tensor,
    width: tf.Tensor,
    image_shape: Shape,
) -> Window:
    """Returns the crop (y, x, height, width), float32 (B,), in pixels of images of that size.

    Where the operation does not apply: the largest central crop of the model's aspect.

    Args:
        operation: The spec's `window`.
        random: Its draws.
        height: float32 (B,) or scalar, of the image.
        width: float32 (B,) or scalar, of the image.
        image_shape: What the crop is stretched to.
    """
    aspect = image_shape[1] / image_shape[0]
    plain_height = tf.minimum(height, width / aspect)
    if isinstance(operation, spec.ScaleCrop):
        zoom = random.between(1, operation.short_side, operation.crop) / operation.crop
        h, w = plain_height / zoom, plain_height * aspect / zoom
    else:
        area = random.between(1, operation.area, 1.0) * height * width
        ratio = random.log_between(2, operation.aspect)
        h = tf.minimum(tf.sqrt(area / ratio), height)
        w = tf.minimum(tf.sqrt(area * ratio), width)
    if operation.probability < 1:
        h = tf.where(random.applied, h, plain_height)
        w = tf.where(random.applied, w, plain_height * aspect)
    y, x = random.unit(3), random.unit(4)
    if operation.probability < 1:
        y, x = (tf.where(random.applied, value, 0.5) for value in (y, x))
    return y * (height - h), x * (width - w), h, w


def _crop_map(operation: Any, random: Draws, image_shape: Shape) -> tf.Tensor:
    height, width = float(image_shape[0]), float(image_shape[1])
    y, x, h, w = window_of(operation, random, height, width, image_shape)
    rows = [(w / width, 0, x + (w - width) / 2), (0, h / height, y + (h - height) / 2)]
    return _matrix(rows, tf.shape(y)[0])


def _flip_sign(random: Draws) -> tf.Tensor:
    return tf.where(random.applied, -1.0, 1.0)


def _pad_crop(operation: Any, random: Draws, image_shape: Shape) -> tf.Tensor:
    x, y = _whole_pixels(operation, random)[2:]
    return shift(-x, -y)


def _shear(operation: Any, random: Draws, image_shape: Shape) -> tf.Tensor:
    slants = [
        tf.tan(random.between(lane, degrees, 0.0) * (math.pi / 180))
        for lane, degrees in ((1, operation.degrees), (2, operation.vertical_degrees))
    ]
    return shear(*slants)


def _rescale(operation: Any, random: Draws, image_shape: Shape) -> tf.Tensor:
    factor = random.between(1, operation.factor, 1.0)
    return rescale(factor, factor)


# Each takes (operation, its draws, image_shape) and returns maps (B, 3, 3).
MAPS: dict[type[spec.Operation], Callable[[Any, Draws, Shape], tf.Tensor]] = {
    spec.Rotation: lambda op, random, shape: rotation(random.between(1, op.degrees, 0.0)),
    spec.Shift: lambda op, random, shape: shift(
        random.between(1, op.horizontal, 0.0) * shape[1],
        random.between(2, op.vertical, 0.0) * shape[0],
    ),
    spec.Rescale: _rescale,
    spec.Shear: _shear,
    spec.HorizontalFlip: lambda op, random, shape: rescale(
        _flip_sign(random), tf.ones_like(random.unit(0))
    ),
    spec.VerticalFlip: lambda op, random, shape: rescale(
        tf.ones_like(random.unit(0)), _flip_sign(random)
    ),
    spec.PadCrop: _pad_crop,
    spec.RandomResizedCrop: _crop_map,
    spec.ScaleCrop: _crop_map,
}


def transform(images: tf.Tensor, maps: tf.Tensor, fill: spec.AugmentSpec) -> tf.Tensor:
    """Returns uint8 images (B, H, W, C) seen through maps (B, 3, 3)."""
    height, width = images.shape[1:3]
    # The kernel counts from the first pixel's middle, which lies at -(W - 1) / 2 from the centre.
    cx, cy = (width - 1) / 2, (height - 1) / 2
    a0, a1, a2, b0, b1, b2 = (maps[:, i, j] for i in (0, 1) for j in (0, 1, 2))
    a2 = a2 + cx - a0 * cx - a1 * cy
    b2 = b2 + cy - b0 * cx - b1 * cy
    zero = tf.zeros_like(a0)
    nearest = fill.interpolation == "nearest"
    moved = tf.raw_ops.ImageProjectiveTransformV3(
        # The kernel truncates uint8 results: in float they can be rounded, and it is no slower.
        images=images if nearest else tf.cast(images, tf.float32),
        transforms=tf.stack([a0, a1, a2, b0, b1, b2, zero, zero], axis=1),
        output_shape=[height, width],
        fill_value=float(fill.fill_value),
        interpolation=fill.interpolation.upper(),
        fill_mode=fill.fill.upper(),
    )
    return moved if nearest else tf.cast(moved + 0.5, tf.uint8)


def _whole_pixels(
    operation: Any, random: Draws
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]:
    """Returns (sign of x, sign of y, added to x, added to y), float32 (B,), of the same map."""
    one, zero = tf.ones_like(random.unit(0)), tf.zeros_like(random.unit(0))
    if isinstance(operation, spec.HorizontalFlip):
        return _flip_sign(random), one, zero, zero
    if isinstance(operation, spec.VerticalFlip):
        return one, _flip_sign(random), zero, zero
    pixels, places = operation.pixels, 2 * operation.pixels + 1
    x, y = (tf.floor(random.unit(lane) * places) - pixels for lane in (1, 2))
    if operation.probability < 1:
        x, y = (tf.where(random.applied, value, 0.0) for value in (x, y))
    return one, one, x, y


def fold(source: tf.Tensor, size: int, fill: str) -> tf.Tensor:
    """Returns pixel numbers, int32, brought inside 0..size-1 by the fill mode."""
    if fill == "wrap":
        return tf.math.floormod(source, size)
    if fill == "reflect":  # the edge pixel is shown twice, as the transform does
        source = tf.math.floormod(source, 2 * size)
        return tf.minimum(source, 2 * size - 1 - source)
    return tf.clip_by_value(source, 0, size - 1)


def _sources(sign: tf.Tensor, offset: tf.Tensor, size: int) -> tf.Tensor:
    """Returns for one axis where pixels come from, int32 (B, size), inside the image or not."""
    middle = (size - 1) / 2
    shown = tf.range(size, dtype=tf.float32)[None] - middle
    return tf.cast(sign[:, None] * shown + (offset[:, None] + middle), tf.int32)


def gather(
    images: tf.Tensor, run: Sequence[tuple[spec.Operation, Draws]], fill: spec.AugmentSpec
) -> tf.Tensor:
    """Returns uint8 images (B, H, W, C) under `WHOLE_PIXELS` operations, then cutouts: copies only.

    Two pixels are put behind those of the batch: one holds the fill, one the cutout's value. All
    that is left is one list of pixel numbers, built from rows and columns.
    """
    height, width, channels = images.shape[1:]
    moves = [_whole_pixels(*pair) for pair in run if isinstance(pair[0], WHOLE_PIXELS)]
    sign_x, sign_y, x, y = moves[-1]
    for before in reversed(moves[:-1]):  # shown -> last -> first
        sign_x, x = before[0] * sign_x, before[0] * x + before[2]
        sign_y, y = before[1] * sign_y, before[1] * y + before[3]
    rows, columns = _sources(sign_y, y, height), _sources(sign_x, x, width)
    batch = tf.shape(images)[0]
    count = batch * (height * width)
    extra = [fill.fill_value]
    if fill.fill == "constant":
        rows, columns = (
            tf.where((places >= 0) & (places < size), places * step, count)
            for places, size, step in ((rows, height, width), (columns, width, 1))
        )
    else:
        rows, columns = fold(rows, height, fill.fill) * width, fold(columns, width, fill.fill)
    rows += tf.range(batch)[:, None] * (height * width)
    index = tf.minimum(rows[:, :, None] + columns[:, None, :], count)
    for operation, random in run:
        if isinstance(operation, spec.Cutout):
            box = erasing.cutout_box(operation, random, height, width)
            inside = erasing.inside(box, height, width)
            marks = (tf.where(mask, count + len(extra), 0) for mask in inside)
            in_rows, in_columns = marks
            # A minimum and a maximum are several times faster than logic and `tf.where`.
            index = tf.maximum(index, tf.minimum(in_rows[:, :, None], in_columns[:, None, :]))
            extra.append(operation.value)
    pixels = tf.reshape(images, (-1, channels))
    more = tf.tile(tf.constant(extra, tf.uint8)[:, None], (1, channels))
    # gather_nd: for slices as short as a pixel it takes half the time of gather.
    return tf.gather_nd(tf.concat([pixels, more], axis=0), index[..., None])


def apply(
    images: tf.Tensor, run: Sequence[tuple[spec.Operation, Draws]], fill: spec.AugmentSpec
) -> tf.Tensor:
    """Returns uint8 images (B, H, W, C) under geometric operations in order, moved only once.

    Cutouts may end the run where all the others are of `WHOLE_PIXELS`.
    """
    if all(isinstance(operation, (*WHOLE_PIXELS, spec.Cutout)) for operation, _ in run):
        return gather(images, run, fill)
    shape = tuple(images.shape[1:])
    maps = [MAPS[type(operation)](operation, random, shape) for operation, random in run]
    total = maps[0]
    for following in maps[1:]:
        total = total @ following
    return transform(images, total, fill)
