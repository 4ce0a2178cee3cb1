"""Augmentation of NumPy batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kerascnn.augment.batch import batch_function
from kerascnn.augment.spec import AugmentSpec
from kerascnn.backend import tf


@pytest.fixture
def augment() -> Callable[..., Any]:
    """A function that augments a NumPy batch and returns NumPy images (and labels if given)."""

    def run(operations, images, labels=None, *, positions=None, seed=0, epoch=0, **fields):
        spec = AugmentSpec(operations=operations, **fields)
        function = batch_function(spec, images.shape[1:], 10)
        places = np.arange(len(images)) if positions is None else np.asarray(positions)
        given = np.zeros(len(images)) if labels is None else labels
        out, targets = function(
            tf.constant(images),
            tf.constant(given, tf.int32),
            tf.constant(places, tf.int64),
            tf.constant(seed, tf.int64),
            tf.constant(epoch, tf.int64),
        )
        assert out.dtype == tf.uint8
        return out.numpy() if labels is None else (out.numpy(), targets.numpy())

    return run
