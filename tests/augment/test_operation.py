"""What every operation of augmentation has: bounds, nature, what it suits."""

from __future__ import annotations

import pytest

from kerascnn.augment.operation import (
    ColourOperation,
    GeometricOperation,
    MixingOperation,
    Operation,
    PixelOperation,
    WholePixelOperation,
    WindowOperation,
    within,
)
from kerascnn.augment.spec import AugmentSpec
from kerascnn.errors import UserError

NATURES = (ColourOperation, GeometricOperation, PixelOperation, MixingOperation)


@pytest.mark.parametrize("interval", [(-1, 2), (0, 0), (2, 2), (-1, -1)])
def test_intervals_within_bounds(interval: tuple[float, float]) -> None:
    assert within(-1, 2)(interval) == interval


@pytest.mark.parametrize(
    ("interval", "message"),
    [
        ((1, 0), r"^got \[1, 0\], must be \[low, high\]$"),
        ((-1.5, 0), r"^got \[-1.5, 0\], must lie within \[-1, 2\]$"),
        ((0, 2.01), r"^got \[0, 2.01\], must lie within \[-1, 2\]$"),
    ],
)
def test_intervals_outside(interval: tuple[float, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        within(-1, 2)(interval)


def test_every_operation_is_of_one_nature() -> None:
    for name, operation in Operation.kinds.items():
        assert sum(issubclass(operation, nature) for nature in NATURES) == 1, name


def test_colour_and_geometry_are_carried_out_together_and_others_by_themselves() -> None:
    groups = {name: Operation.of(name).group for name in Operation.names()}
    colour = {name for name, group in groups.items() if group == "colour"}
    geometry = {name for name, group in groups.items() if group == "geometry"}
    assert {"brightness", "contrast", "lighting"} <= colour
    assert {"rotation", "horizontal-flip", "pad-crop", "random-resized-crop"} <= geometry
    assert all(groups[name] == name for name in groups.keys() - colour - geometry)
    assert "mixup" in groups.keys() - colour - geometry


def test_crops_move_pixels_and_flips_move_whole_ones() -> None:
    kinds = Operation.kinds
    assert issubclass(kinds["scale-crop"], WindowOperation)
    assert issubclass(kinds["horizontal-flip"], WholePixelOperation)
    assert not issubclass(kinds["rotation"], WholePixelOperation)


@pytest.mark.parametrize("name", Operation.names())
def test_channels_that_an_operation_does_not_suit(name: str) -> None:
    operation = Operation.of(name)
    operation.check((32, 32, 3))
    if operation.needs_rgb:
        message = f"^augment: {name} needs 3 channels, the images have 1$"
        with pytest.raises(UserError, match=message):
            operation.check((32, 32, 1))
    else:
        operation.check((32, 32, 1))


def test_what_needs_colours() -> None:
    needing = {name for name in Operation.names() if Operation.of_name(name).needs_rgb}
    assert {"saturation", "hue", "lighting"} <= needing
    assert not {"brightness", "contrast", "rotation", "mixup"} & needing


@pytest.mark.parametrize("probability", [-0.1, 1.1, "often"])
def test_probabilities(probability: object) -> None:
    with pytest.raises(UserError, match="cutout probability: got"):
        AugmentSpec(operations=[{"name": "cutout", "probability": probability}])
