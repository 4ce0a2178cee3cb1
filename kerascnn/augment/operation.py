"""What an operation of augmentation is: its fields, its nature, what it suits.

The nature is the base class, which says what the operation is carried out on:

- `ColourOperation`: float images, one after the other, rounded once;
- `GeometricOperation`: where pixels come from, composed so that each is moved once;
- `PixelOperation`: uint8 images;
- `MixingOperation`: uint8 images and labels, which become soft.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar, Literal, Protocol, TypeAlias

from pydantic import AfterValidator, Field

from kerascnn.augment.draws import Draws
from kerascnn.backend import tf
from kerascnn.errors import UserError
from kerascnn.spec import Named

Shape = tuple[int, int, int]
Interval = tuple[float, float]
Four: TypeAlias = "tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]"


def within(low: float, high: float) -> Callable[[Interval], Interval]:
    """Returns a validator of intervals [low, high] that lie within bounds."""

    def check(value: Interval) -> Interval:
        if value[0] > value[1]:
            raise UserError(f"got [{value[0]:g}, {value[1]:g}], must be [low, high]")
        if value[0] < low or value[1] > high:
            raise UserError(
                f"got [{value[0]:g}, {value[1]:g}], must lie within [{low:g}, {high:g}]"
            )
        return value

    return check


Angle = Annotated[Interval, AfterValidator(within(-180, 180))]
Positive = Annotated[Interval, AfterValidator(within(0.01, 100))]
Area = Annotated[Interval, AfterValidator(within(0.001, 1))]


class Fill(Protocol):
    """What geometry shows beyond an image's edge, and between its pixels."""

    @property
    def fill(self) -> Literal["constant", "reflect", "nearest", "wrap"]:
        """What lies beyond the edge."""

    @property
    def fill_value(self) -> int:
        """The level of the constant fill, 0 to 255."""

    @property
    def interpolation(self) -> Literal["bilinear", "nearest"]:
        """Between pixels."""


class Operation(Named, what="augmentation operation"):
    """One way to vary an image, with the probability that an image undergoes it."""

    form: ClassVar[str] = "{name: ..., probability: ..., ...}"
    needs_rgb: ClassVar[bool] = False
    compiles: ClassVar[bool] = True  # XLA has all that it is made of

    probability: float = Field(1.0, ge=0, le=1)

    @property
    def group(self) -> str:
        """Operations of one group that follow each other are carried out together."""
        return self.name

    def check(self, image_shape: Shape) -> None:
        """Refuses images that the operation does not suit.

        Args:
            image_shape: (H, W, C).

        Raises:
            UserError: If the operation cannot be carried out on them.
        """
        if self.needs_rgb and image_shape[2] != 3:
            raise UserError(
                f"augment: {self.name} needs 3 channels, the images have {image_shape[2]}"
            )

    def drawn(self, random: Draws, images: tf.Tensor, epoch: tf.Tensor) -> Draws:
        """Returns the operation's random numbers for a batch: those drawn, unless it says else.

        Args:
            random: Drawn.
            images: uint8 (B, H, W, C), before any operation.
            epoch: int64 scalar.
        """
        return random


class ColourOperation(Operation):
    """Changes values, and leaves each pixel where it is."""

    @property
    def group(self) -> str:
        """All of them go together."""
        return "colour"

    def apply(self, images: tf.Tensor, random: Draws) -> tf.Tensor:
        """Returns float images (B, H, W, C) in 0..255 under the operation."""
        raise NotImplementedError


class GeometricOperation(Operation):
    """Moves pixels.

    It is a map from where a pixel is shown to where it comes from, in pixels from the image's
    centre (x right, y down).
    """

    compiles: ClassVar[bool] = False  # the projective transform is missing

    @property
    def group(self) -> str:
        """All of them go together."""
        return "geometry"

    def map(self, random: Draws, image_shape: Shape) -> tf.Tensor:
        """Returns the maps of a batch, float32 (B, 3, 3).

        Args:
            random: The operation's draws.
            image_shape: (H, W, C).
        """
        raise NotImplementedError


class WholePixelOperation(GeometricOperation):
    """Moves pixels by whole numbers of them: a copy, without interpolation."""

    compiles: ClassVar[bool] = True

    def move(self, random: Draws) -> Four:
        """Returns the map as (sign of x, sign of y, added to x, added to y), float32 (B,)."""
        raise NotImplementedError


class WindowOperation(GeometricOperation):
    """Shows a random part of the image; may be cut from the file while that is decoded."""

    def window(
        self, random: Draws, height: tf.Tensor, width: tf.Tensor, image_shape: Shape
    ) -> Four:
        """Returns the crop (y, x, height, width), float32 (B,), in pixels of images of that size.

        Where the operation does not apply: the largest central crop of the model's aspect.

        Args:
            random: The operation's draws.
            height: float32 (B,) or scalar, of the image.
            width: float32 (B,) or scalar, of the image.
            image_shape: What the crop is stretched to.
        """
        raise NotImplementedError


class PixelOperation(Operation):
    """Works on whole images of bytes."""

    def apply(self, images: tf.Tensor, random: Draws, fill: Fill) -> tf.Tensor:
        """Returns uint8 images (B, H, W, C) under the operation."""
        raise NotImplementedError


class MixingOperation(Operation):
    """Mixes each example with another one; labels become probabilities."""

    def apply(
        self, images: tf.Tensor, labels: tf.Tensor, random: Draws
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns uint8 images (B, H, W, C) and soft labels (B, classes), mixed."""
        raise NotImplementedError
