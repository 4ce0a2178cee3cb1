"""Operations on colours: float images (B, H, W, C) in 0..255, one factor (B,) per image."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field

from kerascnn.augment.draws import Draws
from kerascnn.augment.operation import Angle, ColourOperation, Interval, within
from kerascnn.backend import tf

Factor = Annotated[Interval, AfterValidator(within(0, 10))]

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


class Brightness(ColourOperation, name="brightness"):
    """Multiplies every pixel."""

    factor: Factor = (0.6, 1.4)

    def apply(self, images: tf.Tensor, random: Draws) -> tf.Tensor:
        """Multiplies."""
        return brightness(images, random.between(1, self.factor, 1.0))


class Contrast(ColourOperation, name="contrast"):
    """Moves every pixel away from (above 1) or towards the image's mean grey."""

    factor: Factor = (0.6, 1.4)

    def apply(self, images: tf.Tensor, random: Draws) -> tf.Tensor:
        """Moves them."""
        return contrast(images, random.between(1, self.factor, 1.0))


class Saturation(ColourOperation, name="saturation"):
    """Moves every pixel away from (above 1) or towards its own grey."""

    needs_rgb: ClassVar[bool] = True

    factor: Factor = (0.6, 1.4)

    def apply(self, images: tf.Tensor, random: Draws) -> tf.Tensor:
        """Moves them."""
        return saturation(images, random.between(1, self.factor, 1.0))


class Hue(ColourOperation, name="hue"):
    """Turns the colour circle."""

    needs_rgb: ClassVar[bool] = True

    degrees: Angle = (-18.0, 18.0)

    def apply(self, images: tf.Tensor, random: Draws) -> tf.Tensor:
        """Turns it."""
        return hue(images, random.between(1, self.degrees, 0.0))


class Lighting(ColourOperation, name="lighting"):
    """Adds a random multiple of the principal components of ImageNet's colours.

    Krizhevsky et al. 2012, section 4.1; `std` is of the multiples.
    """

    needs_rgb: ClassVar[bool] = True

    std: float = Field(0.1, ge=0, le=10)

    def apply(self, images: tf.Tensor, random: Draws) -> tf.Tensor:
        """Adds them."""
        multiples = tf.stack([random.normal(1), random.normal(3), random.normal(5)], axis=1)
        if self.probability < 1:
            multiples *= tf.cast(random.applied, tf.float32)[:, None]
        return lighting(images, multiples * self.std)


class Grayscale(ColourOperation, name="grayscale"):
    """Takes the colour away, keeping three channels."""

    needs_rgb: ClassVar[bool] = True

    probability: float = Field(0.1, ge=0, le=1)

    def apply(self, images: tf.Tensor, random: Draws) -> tf.Tensor:
        """Takes it away."""
        return saturation(images, tf.where(random.applied, 0.0, 1.0))


class Noise(ColourOperation, name="noise"):
    """Adds Gaussian noise of this standard deviation, in units of 0..255."""

    std: Annotated[Interval, AfterValidator(within(0, 255))] = (0.0, 12.0)

    def apply(self, images: tf.Tensor, random: Draws) -> tf.Tensor:
        """Adds it."""
        shape = images.shape[1:]
        field = random.normal_field(shape[0] * shape[1] * shape[2])
        std = random.between(1, self.std, 0.0)
        return clip(images + tf.reshape(field * std[:, None], tf.shape(images)))
