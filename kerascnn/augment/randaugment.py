"""RandAugment (Cubuk et al. 2020) for a whole batch at once.

Of the 14 operations seven change each value of a channel on its own: they become one table of 256
values per image and channel. Two blend with a second image, five are maps of geometry.
"""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from kerascnn.augment import colour, geometry
from kerascnn.augment.draws import Draws
from kerascnn.augment.operation import Fill, PixelOperation
from kerascnn.backend import tf

NAMES = (
    "identity",
    "shear-x",
    "shear-y",
    "translate-x",
    "translate-y",
    "rotate",
    "brightness",
    "color",
    "contrast",
    "sharpness",
    "posterize",
    "solarize",
    "autocontrast",
    "equalize",
)


def _equalize_tables(images: tf.Tensor) -> tf.Tensor:
    """Returns (B, C, 256) that flatten each channel's histogram, by PIL's integer rule."""
    batch, (height, width, channels) = tf.shape(images)[0], images.shape[1:]
    row = tf.range(batch)[:, None] * channels + tf.range(channels)[None]
    value = row[:, None, None, :] * 256 + tf.cast(images, tf.int32)
    counts = tf.math.bincount(tf.reshape(value, [-1]), minlength=batch * channels * 256)
    counts = tf.reshape(counts, (-1, channels, 256))
    highest = tf.reduce_max(tf.where(counts > 0, tf.range(256), 0), axis=2)
    last = tf.gather(counts, highest, batch_dims=2)
    step = ((height * width - last) // 255)[..., None]
    before = tf.cumsum(counts, axis=2, exclusive=True)
    flat = (before + step // 2) // tf.maximum(step, 1)
    return tf.where(step == 0, tf.range(256), tf.minimum(flat, 255))


def _autocontrast_tables(images: tf.Tensor) -> tf.Tensor:
    """Returns (B, C, 256) that stretch each channel to 0..255."""
    values = tf.cast(images, tf.float32)  # reducing bytes makes oneDNN print a complaint
    low = tf.reduce_min(values, axis=(1, 2))[..., None]
    high = tf.reduce_max(values, axis=(1, 2))[..., None]
    ramp = tf.range(256, dtype=tf.float32)
    stretched = tf.math.divide_no_nan((ramp - low) * 255.0, high - low)
    return tf.cast(tf.where(high > low, tf.clip_by_value(stretched, 0, 255), ramp), tf.int32)


def tables(images: tf.Tensor, chosen: tf.Tensor, factor: tf.Tensor, magnitude: float) -> tf.Tensor:
    """Returns (B, C, 256) int32: what each value of each channel becomes.

    Args:
        images: uint8 (B, H, W, C).
        chosen: int32 (B,), places in `NAMES`.
        factor: float32 (B,), of brightness and contrast.
        magnitude: From 0 to 30.
    """
    ramp = tf.range(256, dtype=tf.float32)[None, None]
    strength = magnitude / 30
    factor = factor[:, None, None]
    luma = colour.grey(tf.cast(images, tf.float32))
    mean = tf.round(tf.reduce_mean(luma, axis=(1, 2)))[..., None]
    step = 2 ** round(4 * strength)
    values = {
        "brightness": tf.cast(colour.clip(ramp * factor), tf.int32),
        "contrast": tf.cast(colour.clip(mean + factor * (ramp - mean)), tf.int32),
        "posterize": tf.cast(ramp, tf.int32) // step * step,
        "solarize": tf.cast(tf.where(ramp >= 255 * (1 - strength), 255 - ramp, ramp), tf.int32),
        "autocontrast": _autocontrast_tables(images),
        "equalize": _equalize_tables(images),
    }
    table = tf.cast(tf.tile(ramp, (tf.shape(images)[0], images.shape[-1], 1)), tf.int32)
    for name, changed in values.items():
        table = tf.where((chosen == NAMES.index(name))[:, None, None], changed, table)
    return table


def look_up(images: tf.Tensor, table: tf.Tensor) -> tf.Tensor:
    """Returns uint8 images (B, H, W, C) with each value replaced through (B, C, 256)."""
    channels = images.shape[-1]
    row = tf.range(tf.shape(images)[0])[:, None] * channels + tf.range(channels)[None]
    index = row[:, None, None, :] * 256 + tf.cast(images, tf.int32)
    # gather_nd: for single values it takes half the time of gather.
    return tf.gather_nd(tf.reshape(tf.cast(table, tf.uint8), [-1]), index[..., None])


def sharpness(images: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Returns float images (B, H, W, C), away from (above 1) or towards PIL's smoothed image."""
    channels = images.shape[-1]
    kernel = tf.constant([[1.0, 1, 1], [1, 5, 1], [1, 1, 1]]) / 13
    kernel = tf.tile(kernel[:, :, None, None], (1, 1, channels, 1))
    smooth = tf.nn.depthwise_conv2d(images, kernel, [1, 1, 1, 1], "VALID")
    inner = tf.ones_like(smooth, tf.bool)
    around = [[0, 0], [1, 1], [1, 1], [0, 0]]
    smooth = tf.where(tf.pad(inner, around), tf.pad(smooth, around), images)  # edges stay
    return colour.blend(smooth, images, factor)


def maps(
    chosen: tf.Tensor, sign: tf.Tensor, magnitude: float, height: int, width: int
) -> tf.Tensor:
    """Returns the geometric part (B, 3, 3) of one layer of choices (B,); signs are -1 or 1."""
    signed = sign * (magnitude / 30)

    def where(name: str, most: float) -> tf.Tensor:
        return tf.where(chosen == NAMES.index(name), signed * most, 0.0)

    slanted = geometry.shear(where("shear-x", 0.3), where("shear-y", 0.3))
    moved = geometry.shift(
        where("translate-x", 150 / 331 * width), where("translate-y", 150 / 331 * height)
    )
    return geometry.rotation(where("rotate", 30.0)) @ slanted @ moved  # all but one are identities


class RandAugment(PixelOperation, name="randaugment"):
    """Applies `count` of 14 operations drawn at random, all at one magnitude (Cubuk et al. 2020).

    The geometric ones of an image are composed and applied after those that change its colours.
    """

    compiles: ClassVar[bool] = False  # the projective transform is missing

    count: int = Field(2, ge=1, le=3)
    magnitude: float = Field(9.0, ge=0, le=30)

    def apply(self, images: tf.Tensor, random: Draws, fill: Fill) -> tf.Tensor:
        """Gives each image its own choice of operations."""
        height, width, channels = images.shape[1:]
        total = None
        for layer in range(self.count):
            chosen = tf.cast(random.unit(1 + 2 * layer) * len(NAMES), tf.int32)
            chosen = tf.where(random.applied, chosen, NAMES.index("identity"))
            sign = tf.where(random.unit(2 + 2 * layer) < 0.5, -1.0, 1.0)
            factor = 1.0 + sign * (0.9 * self.magnitude / 30)
            images = look_up(images, tables(images, chosen, factor, self.magnitude))
            values = tf.cast(images, tf.float32)
            if channels == 3:
                values = colour.saturation(
                    values, tf.where(chosen == NAMES.index("color"), factor, 1.0)
                )
            values = sharpness(values, tf.where(chosen == NAMES.index("sharpness"), factor, 1.0))
            images = tf.cast(values + 0.5, tf.uint8)
            layer_maps = maps(chosen, sign, self.magnitude, height, width)
            total = layer_maps if total is None else total @ layer_maps
        return geometry.transform(images, total, fill)
