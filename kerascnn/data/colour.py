"""Operations on colours: float images (B, H, W, C) in 0..255, one factor (B,) per image."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerascnn import augmentation as spec
from kerascnn.backend import tf
from kerascnn.data.draws import Draws

LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as PIL and torchvision weigh

# Principal components of ImageNet's RGB in 0..1 (fb.resnet.torch): eigenvalues, and the
# eigenvectors as columns.
PCA_VALUES = (0.2175, 0.0188, 0.0045)
PCA_VECTORS = (
    (-0.5675, 0.7192, 0.4009),
    (-0.5808, -0.0045, -0.8140),
    (-0.5836, -0.6948, 0.4203),
)


def _per_image(values: tf.Tensor) -> tf.Tensor:
    return values[:, None, None, None]


def clip(images: tf.Tensor) -> tf.Tensor:
    """Returns the images within 0..255."""
    return tf.clip_by_value(images, 0.0, 255.0)


def grey(images: tf.Tensor) -> tf.Tensor:
    """Returns the luma (B, H, W, 1) of RGB or one-channel images."""
    if images.shape[-1] == 1:
        return images
    return tf.tensordot(images, tf.constant(LUMA), axes=1)[..., None]


def blend(other: tf.Tensor, images: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Returns `other` at factor 0, the images at 1, and beyond them above 1."""
    return clip(other + _per_image(factor) * (images - other))


def brightness(images: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Returns the images multiplied."""
    return clip(images * _per_image(factor))


def contrast(images: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Returns the images with their distance from their mean luma multiplied."""
    mean = tf.reduce_mean(grey(images), axis=(1, 2, 3), keepdims=True)
    return blend(mean, images, factor)


def saturation(images: tf.Tensor, factor: tf.Tensor) -> tf.Tensor:
    """Returns RGB images with their distance from their own luma multiplied."""
    return blend(grey(images), images, factor)


def hue(images: tf.Tensor, degrees: tf.Tensor) -> tf.Tensor:
    """Returns RGB images with the hue (HSV) turned."""
    hsv = tf.image.rgb_to_hsv(images / 255.0)
    turned = tf.math.floormod(hsv[..., 0] + degrees[:, None, None] / 360.0, 1.0)
    return tf.image.hsv_to_rgb(tf.concat([turned[..., None], hsv[..., 1:]], axis=-1)) * 255.0


def lighting(images: tf.Tensor, multiples: tf.Tensor) -> tf.Tensor:
    """Returns RGB images plus multiples (B, 3) of the principal components."""
    components = tf.constant(PCA_VECTORS) * tf.constant(PCA_VALUES)  # (rgb, component)
    added = 255.0 * tf.matmul(multiples, components, transpose_b=True)
    return clip(images + added[:, None, None, :])


def _lighting(operation: spec.Lighting, random: Draws, images: tf.Tensor) -> tf.Tensor:
    multiples = tf.stack([random.normal(1), random.normal(3), random.normal(5)], axis=1)
    if operation.probability < 1:
        multiples *= tf.cast(random.applied, tf.float32)[:, None]
    return lighting(images, multiples * operation.std)


def _noise(operation: spec.Noise, random: Draws, images: tf.Tensor) -> tf.Tensor:
    shape = images.shape[1:]
    field = random.normal_field(shape[0] * shape[1] * shape[2])
    std = random.between(1, operation.std, 0.0)
    return clip(images + tf.reshape(field * std[:, None], tf.shape(images)))


# Each takes (operation, its draws, float images) and returns float images.
OPERATIONS: dict[type[spec.Operation], Callable[[Any, Draws, tf.Tensor], tf.Tensor]] = {
    spec.Brightness: lambda op, random, x: brightness(x, random.between(1, op.factor, 1.0)),
    spec.Contrast: lambda op, random, x: contrast(x, random.between(1, op.factor, 1.0)),
    spec.Saturation: lambda op, random, x: saturation(x, random.between(1, op.factor, 1.0)),
    spec.Hue: lambda op, random, x: hue(x, random.between(1, op.degrees, 0.0)),
    spec.Lighting: _lighting,
    spec.Grayscale: lambda op, random, x: saturation(x, tf.where(random.applied, 0.0, 1.0)),
    spec.Noise: _noise,
}

NEED_RGB = (spec.Saturation, spec.Hue, spec.Lighting, spec.Grayscale)
