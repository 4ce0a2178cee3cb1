from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kerascnn.augment.spec import AugmentSpec
from kerascnn.backend import tf
from kerascnn.data.loading import load
from kerascnn.data.pipeline import evaluation_batches, training_batches
from kerascnn.data.spec import DataSpec
from kerascnn.data.untuned import untuned


def test_what_is_made_of_an_untuned_dataset_is_untuned() -> None:
    made = untuned(tf.data.Dataset.range(3)).map(lambda number: number + 1).prefetch(2)
    assert list(made.as_numpy_iterator()) == [1, 2, 3]
    assert made.options().autotune.enabled is False


@pytest.mark.parametrize("cache", ["memory", "none"])
@pytest.mark.parametrize("kind", ["folder", "tfds"])
def test_all_batches_are_untuned(
    kind: str, cache: str, image_folder: Callable[..., Path], tfds_set: str
) -> None:
    name = tfds_set if kind == "tfds" else f"folder:{image_folder({'a': 6, 'b': 6})}"
    data = load(DataSpec(name=name, image_size=8, cache=cache))
    for batches in (
        training_batches(data, AugmentSpec(), batch_size=4, seed=0),
        evaluation_batches(data, "validation", batch_size=4),
    ):
        assert batches.options().autotune.enabled is False
