"""Augmentation of whole batches: a recipe's spec becomes one pure TensorFlow function.

All random numbers are keyed by (seed, epoch, position in the epoch's order). Pixels stay uint8
between operations; consecutive geometric operations move each pixel only once, and consecutive
operations on colours are rounded only once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby

from kerascnn.augment import geometry, mixing
from kerascnn.augment.draws import Draws, draws, position_keys
from kerascnn.augment.erasing import Cutout
from kerascnn.augment.operation import (
    ColourOperation,
    Fill,
    GeometricOperation,
    MixingOperation,
    Operation,
    PixelOperation,
    Shape,
    WholePixelOperation,
)
from kerascnn.augment.spec import AugmentSpec
from kerascnn.backend import tf

Batch = tuple[tf.Tensor, tf.Tensor]
BatchFunction = Callable[[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor], Batch]
Run = Sequence[tuple[Operation, Draws]]


def _plan(operations: Sequence[Operation]) -> list[list[int]]:
    """Returns the places of the operations that are carried out together, in order."""
    plan: list[list[int]] = []
    for _, group in groupby(range(len(operations)), key=lambda i: operations[i].group):
        places = list(group)
        joins = isinstance(operations[places[0]], Cutout) and plan  # the copying of whole pixels
        if joins and all(isinstance(operations[i], WholePixelOperation) for i in plan[-1]):
            plan[-1] += places
        else:
            plan.append(places)
    return plan


def _apply(run: Run, images: tf.Tensor, fill: Fill) -> tf.Tensor:
    """Returns uint8 images under a run of operations of one group, other than mixing.

    Compiled into one pass over the batch, which takes half the time of operation after operation
    or less; but for what XLA lacks, and where no graph is being built.
    """
    if tf.executing_eagerly() or not all(operation.compiles for operation, _ in run):
        return _carry_out(run, images, fill)
    return tf.function(
        lambda images: _carry_out(run, images, fill), jit_compile=True, autograph=False
    )(images)


def _carry_out(run: Run, images: tf.Tensor, fill: Fill) -> tf.Tensor:
    if isinstance(run[0][0], GeometricOperation):
        return geometry.apply(images, run, fill)
    if isinstance(run[0][0], ColourOperation):
        values = tf.cast(images, tf.float32)
        for operation, random in run:
            assert isinstance(operation, ColourOperation)
            values = operation.apply(values, random)
        return tf.cast(values + 0.5, tf.uint8)
    for operation, random in run:
        assert isinstance(operation, PixelOperation)
        images = operation.apply(images, random, fill)
    return images


def batch_function(
    augment: AugmentSpec, image_shape: Shape, classes: int, *, framed: bool = False
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
    for operation in augment.operations:
        operation.check(image_shape)
    probabilities = [operation.probability for operation in augment.operations]
    skipped = len(augment.framing) if framed else 0
    plan = [[place + skipped for place in run] for run in _plan(augment.operations[skipped:])]
    if not plan:
        return lambda images, labels, positions, seed, epoch: (images, labels)

    def function(
        images: tf.Tensor,
        labels: tf.Tensor,
        positions: tf.Tensor,
        seed: tf.Tensor,
        epoch: tf.Tensor,
    ) -> Batch:
        images = tf.ensure_shape(images, (None, *image_shape))
        every = draws(position_keys(seed, epoch, positions), probabilities)
        drawn = [
            (operation, operation.drawn(random, images, epoch))
            for operation, random in zip(augment.operations, every, strict=True)
        ]
        for places in plan:
            run = [drawn[place] for place in places]
            if not isinstance(run[0][0], MixingOperation):
                images = _apply(run, images, augment)
                continue
            labels = mixing.soft(labels, classes)
            for operation, random in run:
                assert isinstance(operation, MixingOperation)
                images, labels = operation.apply(images, labels, random)
        return tf.ensure_shape(images, (None, *image_shape)), labels

    return function
