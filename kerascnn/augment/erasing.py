"""Operations that overwrite a rectangle."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from kerascnn.augment.draws import Draws
from kerascnn.augment.operation import Area, Fill, Four, PixelOperation, Positive, Shape
from kerascnn.backend import tf
from kerascnn.errors import UserError


def inside(box: Four, height: int, width: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns which rows (B, H) and which columns (B, W) boxes cover, bool.

    Args:
        box: top, left, bottom, right, each float32 (B,); bottom and right are outside.
        height: The height of the images.
        width: The width of the images.
    """
    top, left, bottom, right = (edge[:, None] for edge in box)
    rows, columns = (tf.range(size, dtype=tf.float32)[None] for size in (height, width))
    return (rows >= top) & (rows < bottom), (columns >= left) & (columns < right)


def paste(images: tf.Tensor, box: Four, other: tf.Tensor | None) -> tf.Tensor:
    """Returns uint8 images (B, H, W, C) with `other` inside the boxes.

    Args:
        images: uint8 (B, H, W, C).
        box: As in `inside`.
        other: uint8, broadcast to (B, H, W * C); none for zeros.
    """
    # Bit masks over unfolded rows: `tf.where` on bytes, or a mask that is broadcast along the
    # channels, takes ten times as long.
    height, width, channels = images.shape[1:]
    outside_rows, outside_columns = (
        tf.where(mask, tf.constant(0, tf.uint8), tf.constant(255, tf.uint8))
        for mask in inside(box, height, width)
    )
    outside_columns = tf.repeat(outside_columns, channels, axis=1)
    keep = tf.bitwise.bitwise_or(outside_rows[:, :, None], outside_columns[:, None, :])
    pixels = tf.bitwise.bitwise_and(tf.reshape(images, (-1, height, width * channels)), keep)
    if other is not None:
        pixels += tf.bitwise.bitwise_and(other, tf.bitwise.invert(keep))
    return tf.reshape(pixels, (-1, height, width, channels))


class Cutout(PixelOperation, name="cutout"):
    """Overwrites a square whose centre lies anywhere in the image (DeVries and Taylor 2017)."""

    size: int = Field(16, ge=1, le=10_000, description="side in pixels")
    value: int = Field(0, ge=0, le=255)

    def check(self, image_shape: Shape) -> None:
        """Refuses images smaller than the square."""
        super().check(image_shape)
        if self.size > min(image_shape[:2]):
            raise UserError(
                f"augment: cutout size: got {self.size}, the images have only "
                f"{image_shape[0]}x{image_shape[1]} pixels"
            )

    def box(self, random: Draws, height: int, width: int) -> Four:
        """Returns the square around a pixel anywhere in the image; empty where not applied."""
        size = float(self.size)
        top = tf.floor(random.unit(1) * height) - self.size // 2
        left = tf.floor(random.unit(2) * width) - self.size // 2
        bottom = tf.where(random.applied, top + size, top)
        return top, left, bottom, left + size

    def apply(self, images: tf.Tensor, random: Draws, fill: Fill) -> tf.Tensor:
        """Overwrites."""
        box = self.box(random, *images.shape[1:3])
        return paste(images, box, tf.constant(self.value, tf.uint8) if self.value else None)


class RandomErasing(PixelOperation, name="random-erasing"):
    """Overwrites a rectangle with noise or with one value (Zhong et al. 2020, algorithm 1)."""

    probability: float = Field(0.5, ge=0, le=1)
    area: Area = (0.02, 0.4)
    aspect: Positive = (0.3, 3.3)
    value: Annotated[int, Field(ge=0, le=255)] | Literal["noise"] = "noise"

    def apply(self, images: tf.Tensor, random: Draws, fill: Fill) -> tf.Tensor:
        """Overwrites."""
        height, width, channels = images.shape[1:]
        area = random.between(1, self.area, 0.0) * (height * width)
        ratio = random.log_between(2, self.aspect)
        # Whole pixels; a side that does not fit is cut to the image's.
        h = tf.minimum(tf.round(tf.sqrt(area / ratio)), height)
        w = tf.minimum(tf.round(tf.sqrt(area * ratio)), width)
        top = tf.floor(random.unit(3) * (height - h + 1))
        left = tf.floor(random.unit(4) * (width - w + 1))
        if self.value == "noise":
            noise = random.field(height * width * channels) * 256.0
            value = tf.reshape(tf.cast(noise, tf.uint8), (-1, height, width * channels))
        else:
            value = tf.constant(self.value, tf.uint8)
        return paste(images, (top, left, top + h, left + w), value)
