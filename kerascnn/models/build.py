"""From a name, an input shape and a number of classes to a Keras model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerascnn.backend import keras
from kerascnn.data.pixel_statistics import PixelStatistics
from kerascnn.errors import UserError
from kerascnn.models.abstract import without_weights
from kerascnn.models.blocks import DoesNotFitError
from kerascnn.models.inputs import apply_normalization
from kerascnn.models.own import short_name
from kerascnn.models.spec import ModelSpec


def build_model(
    model: str | ModelSpec,
    *,
    input_shape: tuple[int, int, int],
    classes: int,
    statistics: PixelStatistics | None = None,
    abstract: bool = False,
    **options: Any,
) -> keras.Model:
    """Builds a network that takes raw pixels and gives logits.

    Args:
        model: A registered name ("convnet"), or a spec from a recipe.
        input_shape: (height, width, channels) of the images.
        classes: Number of classes, at least 2.
        statistics: The statistics of the training images, for networks that standardize their
            input.
        abstract: Build it for its shapes alone, to be counted or drawn: weights have no values.
        **options: The network's own, such as `filters=64`, when `model` is a name.

    Returns:
        A functional model from uint8 images (B, H, W, C) to float32 logits (B, classes), or to a
        dict of logits where the network has auxiliary heads ("logits" is the main one).

    Raises:
        UserError: For an unknown name or option, or a shape the network cannot take.
    """
    spec = (model if isinstance(model, ModelSpec) else ModelSpec(name=model, **options)).resolved()
    if len(input_shape) != 3 or min(input_shape) < 1:
        raise UserError(f"input_shape: got {input_shape}, must be (height, width, channels)")
    if classes < 2:
        raise UserError(f"classes: got {classes}, must be at least 2")
    statistics = statistics or PixelStatistics.default(input_shape[-1])

    def build(shape: tuple[int, int, int] = input_shape) -> keras.Model:
        return _build(spec, shape, classes, statistics)

    try:
        return without_weights(build) if abstract else build()
    except DoesNotFitError as error:
        side = _smallest_side(build, input_shape)
        advice = f"; the smallest input is {side}x{side}" if side else ""
        raise UserError(f"{spec.name}: {error}{advice}") from None


def main_head(model: keras.Model) -> keras.Model:
    """Returns the network without what only training needs: auxiliary heads, optimizer, loss."""
    logits = model.output["logits"] if isinstance(model.output, dict) else model.output
    return keras.Model(model.input, logits, name=model.name)


def _build(
    spec: ModelSpec,
    input_shape: tuple[int, int, int],
    classes: int,
    statistics: PixelStatistics,
) -> keras.Model:
    arguments = spec.options
    normalization = arguments.pop("normalization")
    images = keras.Input(input_shape, dtype="uint8", name="images")
    x = apply_normalization(images, normalization, statistics)
    outputs = spec.entry.builder(x, classes, **arguments)
    # Logits in float32 whatever the precision of the layers before them.
    float32 = {
        name: keras.layers.Activation("linear", dtype="float32", name=name)(logits)
        for name, logits in (outputs if isinstance(outputs, dict) else {"logits": outputs}).items()
    }
    return keras.Model(
        images, float32 if len(float32) > 1 else float32["logits"], name=short_name(spec.name)
    )


def _smallest_side(
    build: Callable[[tuple[int, int, int]], keras.Model],
    input_shape: tuple[int, int, int],
) -> int | None:
    """Returns the side of the smallest square input that `build` takes; None if over 1024."""

    def fits(side: int) -> bool:
        try:
            without_weights(lambda: build((side, side, input_shape[-1])))
        except DoesNotFitError:
            return False
        return True

    small, large = min(input_shape[:2]), min(input_shape[:2]) * 2
    while not fits(large):
        small, large = large, large * 2
        if large > 1024:
            return None
    while large - small > 1:
        middle = (small + large) // 2
        small, large = (small, middle) if fits(middle) else (middle, large)
    return large
