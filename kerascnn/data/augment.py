"""Augmentation of whole batches: a recipe's spec becomes one pure TensorFlow function.

All random numbers are keyed by (seed, epoch, position in the epoch's order). Pixels stay uint8
between operations; consecutive geometric operations move each pixel only once, and consecutive
operations on colours are rounded only once.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

from kerascnn import augmentation as spec
from kerascnn.backend import tf
from kerascnn.data import colour, elastic, erasing, geometry, mixing, randaugment
from kerascnn.data.draws import Draws, draws, position_keys
from kerascnn.errors import UserError

Shape = tuple[int, int, int]
Batch = tuple[tf.Tensor, tf.Tensor]
BatchFunction = Callable[[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor], Batch]
Run = list[tuple[spec.Operation, Draws]]

_FLOAT: dict[type[spec.Operation], Callable[..., tf.Tensor]] = {
    **colour.OPERATIONS,
    spec.Blur: elastic.apply_blur,
}
_MIXING: dict[type[spec.Operation], Callable[..., Batch]] = {
    spec.Mixup: mixing.apply_mixup,
    spec.Cutmix: mixing.apply_cutmix,
}


def _check(augment: spec.AugmentSpec, image_shape: Shape) -> None:
    height, width, channels = image_shape
    for operation in augment.operations:
        if isinstance(operation, colour.NEED_RGB) and channels != 3:
            raise UserError(
                f"augment: {operation.name} needs 3 channels, the images have {channels}"
            )
        if isinstance(operation, spec.Cutout) and operation.size > min(height, width):
            raise UserError(
                f"augment: cutout size: got {operation.size}, the images have only "
                f"{height}x{width} pixels"
            )
        if isinstance(operation, spec.PadCrop) and operation.pixels >= min(height, width):
            raise UserError(
                f"augment: pad-crop pixels: got {operation.pixels}, must be less than the "
                f"images' {height}x{width}"
            )


def _kind(operation: spec.Operation) -> str:
    """Operations of one kind in a row are carried out together."""
    if type(operation) in geometry.MAPS:
        return "geometry"
    return "float" if type(operation) in _FLOAT else operation.name


def _plan(operations: tuple[spec.Operation, ...]) -> list[list[int]]:
    """Returns the places of the operations that are carried out together, in order."""
    plan: list[list[int]] = []
    for kind, group in groupby(range(len(operations)), key=lambda i: _kind(operations[i])):
        places = list(group)
        fused = kind == "cutout" and plan  # into the copying of whole pixels before it
        if fused and all(isinstance(operations[i], geometry.WHOLE_PIXELS) for i in plan[-1]):
            plan[-1] += places
        else:
            plan.append(places)
    return plan


def _apply(run: Run, images: tf.Tensor, augment: spec.AugmentSpec) -> tf.Tensor:
    """Returns uint8 images under a run of operations of one kind, other than mixing.

    Compiled into one pass over the batch, which takes half the time of operation after operation
    or less; but for the projective transform, which XLA lacks, and where no graph is being built.
    """
    transformed: tuple[type, ...] = (*geometry.MAPS, spec.RandAugment)
    if tf.executing_eagerly() or any(
        isinstance(operation, transformed) and not isinstance(operation, geometry.WHOLE_PIXELS)
        for operation, _ in run
    ):
        return _carry_out(run, images, augment)
    return tf.function(
        lambda images: _carry_out(run, images, augment), jit_compile=True, autograph=False
    )(images)


def _carry_out(run: Run, images: tf.Tensor, augment: spec.AugmentSpec) -> tf.Tensor:
    kind = _kind(run[0][0])
    if kind == "geometry":
        return geometry.apply(images, run, augment)
    if kind == "float":
        values = tf.cast(images, tf.float32)
        for operation, random in run:
            values = _FLOAT[type(operation)](operation, random, values)
        return tf.cast(values + 0.5, tf.uint8)
    for operation, random in run:
        if isinstance(operation, spec.Cutout):
            images = erasing.apply_cutout(operation, random, images)
        elif isinstance(operation, spec.RandomErasing):
            images = erasing.apply_random_erasing(operation, random, images)
        elif isinstance(operation, spec.Elastic):
            images = elastic.apply_elastic(operation, random, images, augment)
        else:
            assert isinstance(operation, spec.RandAugment), operation
            images = randaugment.apply(operation, random, images, augment)
    return images


def batch_function(
    augment: spec.AugmentSpec, image_shape: Shape, classes: int, *, framed: bool = False
) -> BatchFunction:
    """Returns the function that augments a batch.

    Args:
        augment: What to do, in order.
        image_shape: (H, W, C) of the images, which they keep.
        classes: Number of classes, for soft labels.
        framed: The spec's `framing` was already done while decoding.

    Returns:
        A function of (images uint8 (B, H, W, C), labels int32 (B,), positions int64 (B,) in the
        epoch's order, seed int64, epoch int64) to (images uint8, labels). Labels become float32
        (B, classes) where the spec has mixup or cutmix, whatever the draws.

    Raises:
        UserError: If an operation does not suit images of that shape.
    """
    _check(augment, image_shape)
    probabilities = [operation.probability for operation in augment.operations]
    skipped = len(augment.framing) if framed else 0
    plan = [[place + skipped for place in run] for run in _plan(augment.operations[skipped:])]
    if not plan:
        return lambda images, labels, positions, seed, epoch: (images, labels)

    def function(images, labels, positions, seed, epoch):
        images = tf.ensure_shape(images, (None, *image_shape))
        every = draws(position_keys(seed, epoch, positions), probabilities)
        for i, operation in enumerate(augment.operations):
            if isinstance(operation, spec.HorizontalFlip) and operation.alternate:
                every[i] = every[i].alternated(images, epoch)
        for places in plan:
            run = [(augment.operations[i], every[i]) for i in places]
            if type(run[0][0]) not in _MIXING:
                images = _apply(run, images, augment)
                continue
            labels = mixing.soft(labels, classes)
            for operation, random in run:
                mix = _MIXING[type(operation)]
                images, labels = mix(operation, random, images, labels)
        return tf.ensure_shape(images, (None, *image_shape)), labels

    return function
