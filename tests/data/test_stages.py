"""How fast images are read and augmented: what is timed, and that nothing else changes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from kerascnn.augment.spec import AugmentSpec
from kerascnn.backend import tf
from kerascnn.data.decoding import CORES
from kerascnn.data.loading import load
from kerascnn.data.pipeline import training_batches
from kerascnn.data.spec import DataSpec
from kerascnn.data.stages import Stages, Stopwatch


def _slow(number: tf.Tensor) -> tf.Tensor:
    def wait(value: np.ndarray) -> np.ndarray:
        time.sleep(0.02)
        return value

    return tf.numpy_function(wait, [number], tf.int64)


def test_a_stopwatch_counts_seconds_of_all_threads_and_images() -> None:
    watch = Stopwatch()
    assert watch.rate() is None
    stage = watch.timed(_slow, lambda results: 3)
    found = tf.data.Dataset.range(10).map(stage, num_parallel_calls=2)
    assert [int(number) for number in found] == list(range(10))
    rate = watch.rate()
    assert rate is not None
    assert 0.3 < rate / (3 / 0.02 * CORES) <= 1


def test_what_all_threads_did_together_counts_for_each() -> None:
    watch = Stopwatch()
    watch.add(2.0, 500)
    assert watch.rate() == pytest.approx(250)


@pytest.fixture
def folder(image_folder: Callable[..., Path]) -> Path:
    return image_folder({"a": 90, "b": 90}, sizes=((40, 50), (25, 25)), ending="jpg")


@pytest.mark.parametrize(
    ("cache", "preset", "stages"),
    [
        ("none", "inception", ["reading"]),
        ("none", "cifar-flip-crop", ["reading", "augmenting"]),
        ("memory", "cifar-flip-crop", ["reading", "augmenting"]),
        ("disk", "none", []),
    ],
)
def test_batches_are_the_same_and_their_stages_timed(
    folder: Path, cache: str, preset: str, stages: list[str]
) -> None:
    found = Stages()
    spec = DataSpec(name=f"folder:{folder}", cache=cache, image_size=16, validation_fraction=0.1)
    streams = [
        training_batches(load(spec), AugmentSpec(preset=preset), batch_size=7, seed=3, stages=watch)
        for watch in (None, found)
    ]
    both = zip(*(stream.take(5).as_numpy_iterator() for stream in streams), strict=True)
    for plain, timed in both:
        for one, other in zip(plain, timed, strict=True):
            np.testing.assert_array_equal(one, other)
    assert list(found.rates()) == stages
    assert all(rate > 0 for rate in found.rates().values())
