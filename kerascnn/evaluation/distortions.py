"""Distortions of set strength that a network's answers are tested under.

Where a distortion has a direction, images take it in turn: moved right, left, down and up; turned
left and right; larger and smaller; brighter and darker. What lies beyond an image's edge repeats
the edge.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kerascnn.augment.colour import brightness, clip
from kerascnn.augment.draws import Draws, draws, position_keys
from kerascnn.augment.elastic import blur
from kerascnn.augment.erasing import paste
from kerascnn.augment.geometry import rescale, rotation, shift, transform
from kerascnn.augment.spec import AugmentSpec
from kerascnn.backend import tf
from kerascnn.errors import unknown

_EDGE = AugmentSpec(fill="nearest")
_GREY = 128  # of what occludes
_SEED = 0  # of noise and of places


@dataclass(frozen=True)
class Distortion:
    """A way to distort images.

    Attributes:
        name: As on the command line.
        measure: What its strength is, with the unit.
        form: How a strength is written.
        strengths: Five, the mildest first.
        apply: From (uint8 images (B, H, W, C), strength, float32 scalar, numbers of the images,
            int64 (B,)) to distorted uint8 images. The same image is distorted alike each time.
    """

    name: str
    measure: str
    form: str
    strengths: tuple[float, float, float, float, float]
    apply: Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


def _in_turn(numbers: tf.Tensor, *values: tf.Tensor | float) -> tf.Tensor:
    """Returns the values one after the other, float32 (B,)."""
    return tf.gather(tf.cast(tf.stack(values), tf.float32), numbers % len(values))


def _shift(images: tf.Tensor, strength: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    height, width = images.shape[1:3]
    x, y = tf.round(strength * width), tf.round(strength * height)
    zero = tf.zeros_like(x)
    right = _in_turn(numbers, x, -x, zero, zero)
    down = _in_turn(numbers, zero, zero, y, -y)
    return transform(images, shift(right, down), _EDGE)


def _rotation(images: tf.Tensor, strength: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    return transform(images, rotation(_in_turn(numbers, strength, -strength)), _EDGE)


def _scale(images: tf.Tensor, strength: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    factor = _in_turn(numbers, strength, 1 / strength)
    return transform(images, rescale(factor, factor), _EDGE)


def _rounded(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(values + 0.5, tf.uint8)


def _brightness(images: tf.Tensor, strength: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    factor = _in_turn(numbers, strength, 1 / strength)
    return _rounded(brightness(tf.cast(images, tf.float32), factor))


def _random(numbers: tf.Tensor) -> Draws:
    keys = position_keys(tf.constant(_SEED, tf.int64), tf.constant(0, tf.int64), numbers)
    return draws(keys, [1.0])[0]


def _noise(images: tf.Tensor, strength: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    field = _random(numbers).normal_field(math.prod(images.shape[1:]))
    added = strength * tf.reshape(field, tf.shape(images))
    return _rounded(clip(tf.cast(images, tf.float32) + added))


def _blur(images: tf.Tensor, strength: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    sigma = strength * (images.shape[1] * images.shape[2]) ** 0.5
    sigmas = tf.fill(tf.shape(numbers), tf.maximum(sigma, 1e-3))
    return _rounded(blur(tf.cast(images, tf.float32), sigmas))


def _jpeg(images: tf.Tensor, strength: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    quality = tf.cast(strength, tf.int32)
    return tf.map_fn(lambda image: tf.image.adjust_jpeg_quality(image, quality), images)


def _occlusion(images: tf.Tensor, strength: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    height, width = images.shape[1:3]
    random = _random(numbers)
    h, w = tf.round(strength * height), tf.round(strength * width)
    top = tf.floor(random.unit(1) * (height - h + 1))
    left = tf.floor(random.unit(2) * (width - w + 1))
    return paste(images, (top, left, top + h, left + w), tf.constant(_GREY, tf.uint8))


_SHARE = "share of the side"
DISTORTIONS = {
    distortion.name: distortion
    for distortion in (
        Distortion("shift", _SHARE, "{:.0%}", (0.04, 0.08, 0.12, 0.16, 0.2), _shift),
        Distortion("rotation", "degrees", "{:g}", (10, 20, 30, 45, 60), _rotation),
        Distortion("scale", "factor", "{:g}", (1.1, 1.2, 1.35, 1.5, 1.75), _scale),
        Distortion("brightness", "factor", "{:g}", (1.2, 1.5, 2, 3, 4), _brightness),
        Distortion("noise", "deviation, of 255", "{:g}", (8, 16, 32, 48, 64), _noise),
        Distortion("blur", f"deviation, {_SHARE}", "{:.0%}", (0.01, 0.02, 0.03, 0.04, 0.06), _blur),
        Distortion("jpeg", "quality", "{:g}", (50, 30, 20, 10, 5), _jpeg),
        Distortion("occlusion", _SHARE, "{:.0%}", (0.1, 0.2, 0.3, 0.4, 0.5), _occlusion),
    )
}


def check_kinds(kinds: Sequence[str]) -> tuple[str, ...]:
    """Returns the distortions of those names, all where none is named.

    Raises:
        UserError: If a name is unknown.
    """
    for kind in kinds:
        if kind not in DISTORTIONS:
            raise unknown("distortion", kind, DISTORTIONS)
    return tuple(dict.fromkeys(kinds)) or tuple(DISTORTIONS)
