"""Geometric operations: composed into one gather or one projective transform per batch.

Maps of operations in sequence multiply: shown -> last -> first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from kerascnn.augment import erasing
from kerascnn.augment.draws import Draws
from kerascnn.augment.erasing import Cutout
from kerascnn.augment.operation import (
    Angle,
    Fill,
    Four,
    GeometricOperation,
    Interval,
    Operation,
    Positive,
    Shape,
    WholePixelOperation,
    within,
)
from kerascnn.backend import tf
from kerascnn.errors import UserError

Slant = Annotated[Interval, AfterValidator(within(-80, 80))]
Fraction = Annotated[Interval, AfterValidator(within(-1, 1))]


def matrix(rows: Sequence[Sequence[Any]], batch: tf.Tensor) -> tf.Tensor:
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
    return matrix([(cos, -sin, 0), (sin, cos, 0)], tf.shape(degrees)[0])


def shift(right: tf.Tensor, down: tf.Tensor) -> tf.Tensor:
    """Returns maps (B, 3, 3) that move the image by pixels (B,)."""
    return matrix([(1, 0, -right), (0, 1, -down)], tf.shape(right)[0])


def rescale(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    """Returns maps (B, 3, 3) that make what is seen larger by factors (B,)."""
    return matrix([(1 / x, 0, 0), (0, 1 / y, 0)], tf.shape(x)[0])


def shear(slant: tf.Tensor, vertical_slant: tf.Tensor) -> tf.Tensor:
    """Returns maps (B, 3, 3); slants are tangents: the top moves right, the right side down."""
    return matrix([(1, slant, 0), (-vertical_slant, 1, 0)], tf.shape(slant)[0])


class Rotation(GeometricOperation, name="rotation"):
    """Turns the image about its centre; positive is counter-clockwise."""

    degrees: Angle = (-15.0, 15.0)

    def map(self, random: Draws, image_shape: Shape) -> tf.Tensor:
        """Turns."""
        return rotation(random.between(1, self.degrees, 0.0))


class Shift(GeometricOperation, name="shift"):
    """Moves the image, in fractions of its width (positive: right) and height (positive: down)."""

    horizontal: Fraction = (-0.1, 0.1)
    vertical: Fraction = (-0.1, 0.1)

    def map(self, random: Draws, image_shape: Shape) -> tf.Tensor:
        """Moves."""
        return shift(
            random.between(1, self.horizontal, 0.0) * image_shape[1],
            random.between(2, self.vertical, 0.0) * image_shape[0],
        )


class Rescale(GeometricOperation, name="rescale"):
    """Makes what is seen larger (above 1) or smaller, about the centre, in an image of its size."""

    factor: Positive = (0.9, 1.1)

    def map(self, random: Draws, image_shape: Shape) -> tf.Tensor:
        """Rescales."""
        factor = random.between(1, self.factor, 1.0)
        return rescale(factor, factor)


class Shear(GeometricOperation, name="shear"):
    """Slants the image: the angle of vertical lines, and of horizontal ones."""

    degrees: Slant = (-10.0, 10.0)
    vertical_degrees: Slant = (0.0, 0.0)

    def map(self, random: Draws, image_shape: Shape) -> tf.Tensor:
        """Slants."""
        slants = [
            tf.tan(random.between(lane, degrees, 0.0) * (math.pi / 180))
            for lane, degrees in ((1, self.degrees), (2, self.vertical_degrees))
        ]
        return shear(*slants)


class HorizontalFlip(WholePixelOperation, name="horizontal-flip"):
    """Mirrors left and right; `alternate` instead mirrors each image in every other epoch.

    Jordan 2024, section 3.6: two epochs then always show an image both ways. Which images begin
    mirrored is a hash of their pixels, so files cropped while they are decoded flip at random.
    """

    probability: float = Field(0.5, ge=0, le=1)
    alternate: bool = False

    @model_validator(mode="after")
    def _half(self) -> HorizontalFlip:
        if self.alternate and self.probability != 0.5:
            raise UserError(
                f"probability: got {self.probability:g} with alternate, must be 0.5 (or left out)"
            )
        return self

    def drawn(self, random: Draws, images: tf.Tensor, epoch: tf.Tensor) -> Draws:
        """Alternates instead of drawing, where so asked."""
        return random.alternated(images, epoch) if self.alternate else random

    def map(self, random: Draws, image_shape: Shape) -> tf.Tensor:
        """Mirrors."""
        return rescale(_sign(random), tf.ones_like(random.unit(0)))

    def move(self, random: Draws) -> Four:
        """Mirrors."""
        one, zero = tf.ones_like(random.unit(0)), tf.zeros_like(random.unit(0))
        return _sign(random), one, zero, zero


class VerticalFlip(WholePixelOperation, name="vertical-flip"):
    """Mirrors top and bottom."""

    probability: float = Field(0.5, ge=0, le=1)

    def map(self, random: Draws, image_shape: Shape) -> tf.Tensor:
        """Mirrors."""
        return rescale(tf.ones_like(random.unit(0)), _sign(random))

    def move(self, random: Draws) -> Four:
        """Mirrors."""
        one, zero = tf.ones_like(random.unit(0)), tf.zeros_like(random.unit(0))
        return one, _sign(random), zero, zero


class PadCrop(WholePixelOperation, name="pad-crop"):
    """Pads each side by some pixels and crops back at random: a shift by whole pixels."""

    pixels: int = Field(4, ge=1, le=10_000)

    def check(self, image_shape: Shape) -> None:
        """Refuses images no larger than the padding."""
        super().check(image_shape)
        if self.pixels >= min(image_shape[:2]):
            raise UserError(
                f"augment: pad-crop pixels: got {self.pixels}, must be less than the "
                f"images' {image_shape[0]}x{image_shape[1]}"
            )

    def map(self, random: Draws, image_shape: Shape) -> tf.Tensor:
        """Shifts."""
        x, y = self.move(random)[2:]
        return shift(-x, -y)

    def move(self, random: Draws) -> Four:
        """Shifts."""
        one, places = tf.ones_like(random.unit(0)), 2 * self.pixels + 1
        x, y = (tf.floor(random.unit(lane) * places) - self.pixels for lane in (1, 2))
        if self.probability < 1:
            x, y = (tf.where(random.applied, value, 0.0) for value in (x, y))
        return one, one, x, y


def _sign(random: Draws) -> tf.Tensor:
    return tf.where(random.applied, -1.0, 1.0)


def transform(images: tf.Tensor, maps: tf.Tensor, fill: Fill) -> tf.Tensor:
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


def gather(images: tf.Tensor, run: Sequence[tuple[Operation, Draws]], fill: Fill) -> tf.Tensor:
    """Returns uint8 images (B, H, W, C) moved by whole pixels, then cut out: copies only.

    Two pixels are put behind those of the batch: one holds the fill, one the cutout's value. All
    that is left is one list of pixel numbers, built from rows and columns.
    """
    height, width, channels = images.shape[1:]
    moves = [
        operation.move(random)
        for operation, random in run
        if isinstance(operation, WholePixelOperation)
    ]
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
        if isinstance(operation, Cutout):
            box = operation.box(random, height, width)
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


def apply(images: tf.Tensor, run: Sequence[tuple[Operation, Draws]], fill: Fill) -> tf.Tensor:
    """Returns uint8 images (B, H, W, C) under geometric operations in order, moved only once.

    Cutouts may end the run where all the others move whole pixels.
    """
    if all(isinstance(operation, WholePixelOperation | Cutout) for operation, _ in run):
        return gather(images, run, fill)
    shape = tuple(images.shape[1:])
    maps = [
        operation.map(random, shape)
        for operation, random in run
        if isinstance(operation, GeometricOperation)
    ]
    total = maps[0]
    for following in maps[1:]:
        total = total @ following
    return transform(images, total, fill)
