"""How training images are varied and how test images are viewed: the part of a recipe.

`kerascnn.augment.batch` carries it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, SerializeAsAny, model_validator

# The operations there are.
from kerascnn.augment import (  # noqa: F401
    colour,
    crops,
    elastic,
    erasing,
    geometry,
    mixing,
    randaugment,
)
from kerascnn.augment.geometry import HorizontalFlip
from kerascnn.augment.operation import MixingOperation, Operation, WindowOperation
from kerascnn.augment.views import ViewSpec
from kerascnn.errors import UserError, unknown
from kerascnn.spec import Spec, SpecError, UnknownNameError

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


def _operation(value: Any) -> Operation:
    try:
        return Operation.of(value)
    except UnknownNameError:
        raise
    except SpecError as error:
        name = value.get("name") if isinstance(value, Mapping) else value
        if not isinstance(name, str):
            raise
        faults = (f"{name}{' ' if fault.where else ': '}{fault}" for fault in error.faults)
        raise UserError("; ".join(faults)) from None


class AugmentSpec(Spec):
    """How training images are varied, in order, and how test images are viewed.

    A bare preset name stands for the preset. Operations given beside a preset come after its own;
    other fields given replace the preset's.
    """

    preset: str = Field(
        "none", description="where to start from", json_schema_extra={"enum": list(PRESETS)}
    )
    operations: tuple[SerializeAsAny[Operation], ...] = ()
    fill: Literal["constant", "reflect", "nearest", "wrap"] = Field(
        "constant", description="what geometry shows beyond the image's edge"
    )
    fill_value: int = Field(0, ge=0, le=255, description="of the constant fill")
    interpolation: Literal["bilinear", "nearest"] = "bilinear"
    test_time: ViewSpec = ViewSpec()

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, values: Any) -> Any:
        if isinstance(values, str):
            values = {"preset": values}
        if not isinstance(values, dict):
            return values
        preset = values.get("preset", "none")
        if not isinstance(preset, str) or preset not in PRESETS:
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

    @property
    def framing(self) -> tuple[Operation, ...]:
        """What may be done while an image is decoded: a crop that comes first, a flip after it."""
        first, second = (*self.operations, None, None)[:2]
        if not isinstance(first, WindowOperation):
            return ()
        return (first, second) if isinstance(second, HorizontalFlip) else (first,)

    @property
    def soft_labels(self) -> bool:
        """Whether labels become probabilities (B, classes), as mixup and cutmix ask for."""
        return any(isinstance(operation, MixingOperation) for operation in self.operations)
