"""How training images are varied and how test images are viewed: the part of a recipe.

Nothing here imports TensorFlow; `kerascnn.data.augment` carries it out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, SerializeAsAny, field_validator, model_validator

from kerascnn.errors import UserError, unknown
from kerascnn.spec import Spec

Interval = tuple[float, float]


def _within(low: float, high: float) -> Callable[[Interval], Interval]:
    def check(value: Interval) -> Interval:
        if value[0] > value[1]:
            raise UserError(f"got [{value[0]:g}, {value[1]:g}], must be [low, high]")
        if value[0] < low or value[1] > high:
            raise UserError(
                f"got [{value[0]:g}, {value[1]:g}], must lie within [{low:g}, {high:g}]"
            )
        return value

    return check


Angle = Annotated[Interval, AfterValidator(_within(-180, 180))]
Slant = Annotated[Interval, AfterValidator(_within(-80, 80))]
Fraction = Annotated[Interval, AfterValidator(_within(-1, 1))]
Positive = Annotated[Interval, AfterValidator(_within(0.01, 100))]
Factor = Annotated[Interval, AfterValidator(_within(0, 10))]
Area = Annotated[Interval, AfterValidator(_within(0.001, 1))]
Pixels = Annotated[Interval, AfterValidator(_within(0, 10_000))]


class Operation(Spec):
    """One way to vary an image, with the probability that an image undergoes it."""

    kind: ClassVar[str]

    name: str = ""
    probability: float = Field(1.0, ge=0, le=1)

    def __init_subclass__(cls, kind: str = "", **keywords: Any):
        super().__init_subclass__(**keywords)
        cls.kind = kind
        OPERATIONS[kind] = cls

    @model_validator(mode="before")
    @classmethod
    def _named(cls, values: Any) -> Any:
        return {**values, "name": cls.kind} if isinstance(values, dict) else values


OPERATIONS: dict[str, type[Operation]] = {}


class Rotation(Operation, kind="rotation"):
    """Turns the image about its centre; positive is counter-clockwise."""

    degrees: Angle = (-15.0, 15.0)


class Shift(Operation, kind="shift"):
    """Moves the image, in fractions of its width (positive: right) and height (positive: down)."""

    horizontal: Fraction = (-0.1, 0.1)
    vertical: Fraction = (-0.1, 0.1)


class Rescale(Operation, kind="rescale"):
    """Makes what is seen larger (above 1) or smaller, about the centre, in an image of its size."""

    factor: Positive = (0.9, 1.1)


class Shear(Operation, kind="shear"):
    """Slants the image: the angle of vertical lines, and of horizontal ones."""

    degrees: Slant = (-10.0, 10.0)
    vertical_degrees: Slant = (0.0, 0.0)


class HorizontalFlip(Operation, kind="horizontal-flip"):
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


class VerticalFlip(Operation, kind="vertical-flip"):
    """Mirrors top and bottom."""

    probability: float = Field(0.5, ge=0, le=1)


class PadCrop(Operation, kind="pad-crop"):
    """Pads each side by some pixels and crops back at random: a shift by whole pixels."""

    pixels: int = Field(4, ge=1)


class RandomResizedCrop(Operation, kind="random-resized-crop"):
    """Crops a part of random area (fraction of the image) and aspect (width / height).

    Szegedy et al. 2015, section 6. The crop is stretched to the model's size.
    """

    area: Area = (0.08, 1.0)
    aspect: Positive = (3 / 4, 4 / 3)


class ScaleCrop(Operation, kind="scale-crop"):
    """Resizes the short side to a random length, then crops at random.

    Krizhevsky et al. 2012 (256 to 256, crop 224); Simonyan and Zisserman 2015 (256 to 512). For a
    model of another size than `crop` both lengths are scaled alike.
    """

    short_side: Annotated[Interval, AfterValidator(_within(1, 10_000))] = (256.0, 256.0)
    crop: int = Field(224, ge=1)

    @model_validator(mode="after")
    def _fits(self) -> ScaleCrop:
        if self.short_side[0] < self.crop:
            raise UserError(
                f"short_side: got {self.short_side[0]:g}, must be at least crop ({self.crop})"
            )
        return self


class Elastic(Operation, kind="elastic"):
    """Moves each pixel by smoothed noise, `alpha` pixels times a Gaussian blur of width `sigma`.

    Simard, Steinkraus and Platt 2003, section 2.
    """

    alpha: Pixels = (34.0, 34.0)
    sigma: float = Field(4.0, ge=0.1, le=100)


class Brightness(Operation, kind="brightness"):
    """Multiplies every pixel."""

    factor: Factor = (0.6, 1.4)


class Contrast(Operation, kind="contrast"):
    """Moves every pixel away from (above 1) or towards the image's mean grey."""

    factor: Factor = (0.6, 1.4)


class Saturation(Operation, kind="saturation"):
    """Moves every pixel away from (above 1) or towards its own grey."""

    factor: Factor = (0.6, 1.4)


class Hue(Operation, kind="hue"):
    """Turns the colour circle."""

    degrees: Angle = (-18.0, 18.0)


class Lighting(Operation, kind="lighting"):
    """Adds a random multiple of the principal components of ImageNet's colours.

    Krizhevsky et al. 2012, section 4.1; `std` is of the multiples.
    """

    std: float = Field(0.1, ge=0, le=10)


class Grayscale(Operation, kind="grayscale"):
    """Takes the colour away, keeping three channels."""

    probability: float = Field(0.1, ge=0, le=1)


class Blur(Operation, kind="blur"):
    """Blurs with a Gaussian of this width in pixels."""

    sigma: Annotated[Interval, AfterValidator(_within(0.01, 100))] = (0.1, 2.0)


class Noise(Operation, kind="noise"):
    """Adds Gaussian noise of this standard deviation, in units of 0..255."""

    std: Annotated[Interval, AfterValidator(_within(0, 255))] = (0.0, 12.0)


class Cutout(Operation, kind="cutout"):
    """Overwrites a square whose centre lies anywhere in the image (DeVries and Taylor 2017)."""

    size: int = Field(16, ge=1, description="side in pixels")
    value: int = Field(0, ge=0, le=255)


class RandomErasing(Operation, kind="random-erasing"):
    """Overwrites a rectangle with noise or with one value (Zhong et al. 2020, algorithm 1)."""

    probability: float = Field(0.5, ge=0, le=1)
    area: Area = (0.02, 0.4)
    aspect: Positive = (0.3, 3.3)
    value: Annotated[int, Field(ge=0, le=255)] | Literal["noise"] = "noise"


class Mixup(Operation, kind="mixup"):
    """Blends each image and label with its neighbour's in the batch (Zhang et al. 2018)."""

    alpha: float = Field(0.2, gt=0, le=100, description="of the Beta(alpha, alpha) share")


class Cutmix(Operation, kind="cutmix"):
    """Pastes a rectangle of the neighbour in the batch, label by area (Yun et al. 2019)."""

    alpha: float = Field(1.0, gt=0, le=100, description="of the Beta(alpha, alpha) area")


class RandAugment(Operation, kind="randaugment"):
    """Applies `count` of 14 operations drawn at random, all at one magnitude (Cubuk et al. 2020).

    The geometric ones of an image are composed and applied after those that change its colours.
    """

    count: int = Field(2, ge=1, le=3)
    magnitude: float = Field(9.0, ge=0, le=30)


WINDOWS = (RandomResizedCrop, ScaleCrop)  # what may be cut from the file while it is decoded

# How far the presets that suit any images go: no mirror, as letters and digits have none.
STRENGTHS = {"light": 0.5, "medium": 1.0, "strong": 2.0}


def _geometric(strength: float) -> Mapping[str, Any]:
    turn, zoom, move = 10 * strength, 0.1 * strength, 0.06 * strength
    return {
        "operations": [
            {"name": "rotation", "degrees": (-turn, turn)},
            {"name": "rescale", "factor": (1 - zoom, 1 + zoom)},
            {"name": "shift", "horizontal": (-move, move), "vertical": (-move, move)},
        ],
    }


# Each preset's fields, in the form a recipe has them.
PRESETS: dict[str, Mapping[str, Any]] = {
    "none": {},
    **{name: _geometric(strength) for name, strength in STRENGTHS.items()},
    "mnist-affine": {
        "operations": [
            {"name": "rotation", "degrees": (-15, 15)},
            {"name": "rescale", "factor": (0.85, 1.1)},
            {"name": "shear", "degrees": (-10, 10)},
            {"name": "shift", "horizontal": (-0.07, 0.07), "vertical": (-0.07, 0.07)},
        ],
    },
    "mnist-elastic": {
        "operations": [
            {"name": "elastic", "alpha": (34, 34), "sigma": 4},
            {"name": "shift", "horizontal": (-0.07, 0.07), "vertical": (-0.07, 0.07)},
        ],
    },
    "cifar-flip-crop": {
        "operations": [{"name": "horizontal-flip"}, {"name": "pad-crop", "pixels": 4}],
    },
    "alexnet": {
        "operations": [
            {"name": "scale-crop", "short_side": (256, 256)},
            {"name": "horizontal-flip"},
            {"name": "lighting", "std": 0.1},
        ],
        "test_time": "center-crop",
    },
    "vgg": {
        "operations": [
            {"name": "scale-crop", "short_side": (256, 512)},
            {"name": "horizontal-flip"},
            {"name": "lighting", "std": 0.1},
        ],
        "test_time": "center-crop",
    },
    "inception": {
        "operations": [
            {"name": "random-resized-crop", "area": (0.08, 1)},
            {"name": "horizontal-flip"},
        ],
        "test_time": "center-crop",
    },
}

TEST_TIME: dict[str, Mapping[str, Any]] = {
    "none": {},
    "center-crop": {"scales": (256 / 224,)},
    "flips": {"flip": True},
    "ten-crop": {"crops": "five", "flip": True, "scales": (256 / 224,)},
    "multi-scale": {"flip": True, "scales": (1.0, 256 / 224, 288 / 224)},
}


class TestTimeSpec(Spec):
    """Which views of a test image are scored and averaged; a bare name stands for its fields.

    Names: none, center-crop, flips, ten-crop, multi-scale.
    """

    __test__: ClassVar[bool] = False  # not a pytest class

    crops: Literal["center", "five"] = Field("center", description="five: corners, then centre")
    flip: bool = Field(False, description="each view mirrored as well")
    shift: int = Field(
        0, ge=0, le=32, description="pixels: each view also moved up left and down right"
    )
    scales: tuple[Annotated[float, Field(ge=1, le=8)], ...] = Field(
        (1.0,), min_length=1, description="short side of the image over that of the crop"
    )

    @property
    def central(self) -> TestTimeSpec:
        """The first scale's central view alone."""
        return TestTimeSpec(scales=self.scales[:1])

    @property
    def count(self) -> int:
        """How many views an image has."""
        crops = len(self.scales) * (5 if self.crops == "five" else 1)
        return crops * (3 if self.shift else 1) * (2 if self.flip else 1)


def _operation(value: Any) -> Operation:
    if isinstance(value, Operation):
        return value
    values = {"name": value} if isinstance(value, str) else value
    if not isinstance(values, Mapping) or not isinstance(values.get("name"), str):
        raise UserError(f"got {value!r}, must be {{name: ..., probability: ..., ...}}")
    if values["name"] not in OPERATIONS:
        raise unknown("augmentation operation", values["name"], OPERATIONS)
    try:
        return OPERATIONS[values["name"]](**values)
    except UserError as error:
        raise UserError(f"{values['name']} {error}") from None


class AugmentSpec(Spec):
    """How training images are varied, in order, and how test images are viewed.

    A bare preset name stands for the preset. Operations given beside a preset come after its own;
    other fields given replace the preset's.
    """

    preset: str = Field("none", description="where to start from")
    operations: tuple[SerializeAsAny[Operation], ...] = ()
    fill: Literal["constant", "reflect", "nearest", "wrap"] = Field(
        "constant", description="what geometry shows beyond the image's edge"
    )
    fill_value: int = Field(0, ge=0, le=255, description="of the constant fill")
    interpolation: Literal["bilinear", "nearest"] = "bilinear"
    test_time: TestTimeSpec = TestTimeSpec()

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, values: Any) -> Any:
        if isinstance(values, str):
            values = {"preset": values}
        if not isinstance(values, dict):
            return values
        preset = values.get("preset", "none")
        if preset not in PRESETS:
            raise unknown("augmentation preset", preset, PRESETS)
        merged = {**PRESETS[preset], **values}
        own = PRESETS[preset].get("operations", [])
        given = values.get("operations", ())
        if isinstance(given, list | tuple):
            start = tuple(_operation(value) for value in own)
            rest = tuple(_operation(value) for value in given)
            # A resolved recipe already names the preset's operations first.
            merged["operations"] = rest if rest[: len(start)] == start else start + rest
        return merged

    @field_validator("test_time", mode="before")
    @classmethod
    def _test_time(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if value not in TEST_TIME:
            raise unknown("test-time augmentation", value, TEST_TIME)
        return TEST_TIME[value]

    @property
    def framing(self) -> tuple[Operation, ...]:
        """What may be done while an image is decoded: a crop that comes first, a flip after it."""
        first, second = (*self.operations, None, None)[:2]
        if not isinstance(first, WINDOWS):
            return ()
        return (first, second) if isinstance(second, HorizontalFlip) else (first,)

    @property
    def soft_labels(self) -> bool:
        """Whether labels become probabilities (B, classes), as mixup and cutmix ask for."""
        return any(isinstance(operation, Mixup | Cutmix) for operation in self.operations)
