"""The views of a test image whose scores are averaged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from kerascnn.augment.operation import Shape
from kerascnn.backend import tf
from kerascnn.errors import UserError, unknown
from kerascnn.spec import Spec

NAMED: dict[str, Mapping[str, Any]] = {
    "none": {},
    "center-crop": {"scales": (256 / 224,)},
    "flips": {"flip": True},
    "ten-crop": {"crops": "five", "flip": True, "scales": (256 / 224,)},
    "multi-scale": {"flip": True, "scales": (1.0, 256 / 224, 288 / 224)},
}


def named(name: str) -> Mapping[str, Any]:
    """Returns the fields that a name stands for.

    Raises:
        UserError: For an unknown name.
    """
    if name not in NAMED:
        raise unknown("test-time augmentation", name, NAMED)
    return NAMED[name]


class ViewSpec(Spec):
    """Which views of a test image are scored and averaged; a bare name stands for its fields.

    Names: none, center-crop, flips, ten-crop, multi-scale.
    """

    crops: Literal["center", "five"] = Field("center", description="five: corners, then centre")
    flip: bool = Field(False, description="each view mirrored as well")
    shift: int = Field(
        0, ge=0, le=32, description="pixels: each view also moved up left and down right"
    )
    scales: tuple[Annotated[float, Field(ge=1, le=8)], ...] = Field(
        (1.0,), min_length=1, description="short side of the image over that of the crop"
    )

    @model_validator(mode="before")
    @classmethod
    def _named(cls, values: Any) -> Any:
        return named(values) if isinstance(values, str) else values

    @property
    def central(self) -> ViewSpec:
        """The first scale's central view alone."""
        return ViewSpec(scales=self.scales[:1])

    @property
    def count(self) -> int:
        """How many views an image has."""
        crops = len(self.scales) * (5 if self.crops == "five" else 1)
        return crops * (3 if self.shift else 1) * (2 if self.flip else 1)


def shape_for_views(spec: ViewSpec, image_shape: Shape) -> Shape:
    """Returns how large images must be for the views of the largest scale to be plain crops.

    Args:
        spec: Which views.
        image_shape: (H, W, C) that the model takes, such as 224 pixels, and 256 to cut them from.
    """
    height, width, channels = image_shape
    scale = max(spec.scales)
    return round(height * scale), round(width * scale), channels


def views(images: tf.Tensor, spec: ViewSpec, image_shape: Shape) -> tf.Tensor:
    """Returns the views of each image, for each scale: the crops, shifted ones, the same mirrored.

    Crops are in the order top left, top right, bottom left, bottom right, centre. Images larger
    than the model's input are cropped without resizing where the sizes agree: ten crops of 224
    from 256 pixels (Krizhevsky et al. 2012). Images of the model's size are enlarged. A shift
    shows the mirror image of the edge, as in Jordan 2024, section 3.5.

    Args:
        images: uint8 (B, h, w, C).
        spec: Which views.
        image_shape: (H, W, C) that the model takes.

    Returns:
        uint8 (spec.count, B, H, W, C).

    Raises:
        UserError: If the shift is not smaller than the image.
    """
    if spec.shift >= min(image_shape[:2]):
        raise UserError(
            f"augment.test_time.shift: got {spec.shift}, must be less than the images' "
            f"{image_shape[0]}x{image_shape[1]}"
        )
    height, width = images.shape[1:3]
    out_height, out_width = image_shape[:2]
    fit = min(height / out_height, width / out_width)
    found = []
    for scale in spec.scales:
        h = max(1, round(fit * out_height / scale))
        w = max(1, round(fit * out_width / scale))
        down, right = height - h, width - w
        corners = [(0, 0), (0, right), (down, 0), (down, right)] if spec.crops == "five" else []
        crops = []
        for top, left in [*corners, (round(down / 2), round(right / 2))]:
            crop = images[:, top : top + h, left : left + w]
            if (h, w) != (out_height, out_width):
                crop = tf.image.resize(crop, (out_height, out_width), antialias=True)
                crop = tf.cast(tf.clip_by_value(crop, 0, 255) + 0.5, tf.uint8)
            crops.append(crop)
        crops += [moved for crop in crops for moved in _shifted(crop, spec.shift)]
        found += crops
        if spec.flip:
            found += [crop[:, :, ::-1] for crop in crops]
    return tf.stack(found)


def _shifted(images: tf.Tensor, pixels: int) -> list[tf.Tensor]:
    """Returns images moved up left, and down right, by so many pixels; nothing for 0."""
    if not pixels:
        return []
    height, width = images.shape[1:3]
    padded = tf.pad(images, [[0, 0], [pixels] * 2, [pixels] * 2, [0, 0]], "REFLECT")
    return [padded[:, start : start + height, start : start + width] for start in (2 * pixels, 0)]
