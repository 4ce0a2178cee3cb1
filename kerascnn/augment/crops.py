"""Operations that show a random part of the image, stretched to the model's size."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from kerascnn.augment.draws import Draws
from kerascnn.augment.geometry import matrix
from kerascnn.augment.operation import (
    Area,
    Four,
    Interval,
    Positive,
    Shape,
    WindowOperation,
    within,
)
from kerascnn.backend import tf
from kerascnn.errors import UserError


class _Crop(WindowOperation):
    def _size(
        self, random: Draws, height: tf.Tensor, width: tf.Tensor, aspect: float
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns height and width of the crop of images of that size, float32 (B,)."""
        raise NotImplementedError

    def window(
        self, random: Draws, height: tf.Tensor, width: tf.Tensor, image_shape: Shape
    ) -> Four:
        """Places the crop anywhere in the image."""
        aspect = image_shape[1] / image_shape[0]
        h, w = self._size(random, height, width, aspect)
        y, x = random.unit(3), random.unit(4)
        if self.probability < 1:
            plain = tf.minimum(height, width / aspect)
            h = tf.where(random.applied, h, plain)
            w = tf.where(random.applied, w, plain * aspect)
            y, x = (tf.where(random.applied, value, 0.5) for value in (y, x))
        return y * (height - h), x * (width - w), h, w

    def map(self, random: Draws, image_shape: Shape) -> tf.Tensor:
        """Shows the crop."""
        height, width = float(image_shape[0]), float(image_shape[1])
        y, x, h, w = self.window(random, height, width, image_shape)
        rows = [(w / width, 0, x + (w - width) / 2), (0, h / height, y + (h - height) / 2)]
        return matrix(rows, tf.shape(y)[0])


class RandomResizedCrop(_Crop, name="random-resized-crop"):
    """Crops a part of random area (fraction of the image) and aspect (width / height).

    Szegedy et al. 2015, section 6. The crop is stretched to the model's size.
    """

    area: Area = (0.08, 1.0)
    aspect: Positive = (3 / 4, 4 / 3)

    def _size(
        self, random: Draws, height: tf.Tensor, width: tf.Tensor, aspect: float
    ) -> tuple[tf.Tensor, tf.Tensor]:
        area = random.between(1, self.area, 1.0) * height * width
        ratio = random.log_between(2, self.aspect)
        return tf.minimum(tf.sqrt(area / ratio), height), tf.minimum(tf.sqrt(area * ratio), width)


class ScaleCrop(_Crop, name="scale-crop"):
    """Resizes the short side to a random length, then crops at random.

    Krizhevsky et al. 2012 (256 to 256, crop 224); Simonyan and Zisserman 2015 (256 to 512). For a
    model of another size than `crop` both lengths are scaled alike.
    """

    short_side: Annotated[Interval, AfterValidator(within(1, 10_000))] = (256.0, 256.0)
    crop: int = Field(224, ge=1, le=10_000)

    @model_validator(mode="after")
    def _fits(self) -> ScaleCrop:
        if self.short_side[0] < self.crop:
            raise UserError(
                f"short_side: got {self.short_side[0]:g}, must be at least crop ({self.crop})"
            )
        return self

    def _size(
        self, random: Draws, height: tf.Tensor, width: tf.Tensor, aspect: float
    ) -> tuple[tf.Tensor, tf.Tensor]:
        zoom = random.between(1, self.short_side, self.crop) / self.crop
        plain = tf.minimum(height, width / aspect)
        return plain / zoom, plain * aspect / zoom
