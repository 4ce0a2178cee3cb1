"""Time of an epoch of `kerascnn train lenet5 mnist` against a bare Keras script.

Both train the same network on the same 54,000 images in memory, batch 128, with validation after
each epoch, in turns in one process; the first epoch of each turn (tracing) is left out.

    TFDS_DATA_DIR=... python benchmarks/lenet5_epoch.py
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from kerascnn.backend import keras
from kerascnn.data.loading import load
from kerascnn.data.pipeline import training_batches
from kerascnn.kernels.table import plain
from kerascnn.recipe import load_recipe
from kerascnn.training.session import assemble

TURNS, EPOCHS = 5, 4


class EpochClock(keras.callbacks.Callback):
    """Seconds of each epoch, validation included."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch, logs=None):
        self._start = time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.seconds.append(time.perf_counter() - self._start)


def main() -> None:
    recipe = load_recipe(
        {
            "model": {"name": "lenet5"},
            "data": {"name": "mnist"},
            "training": {"epochs": EPOCHS, "batch_size": 128},
        }
    )
    data = load(recipe.data)
    arrays = {
        name: next(iter(training_batches(data, recipe.augment, batch_size=split.size, seed=0)))
        for name, split in data.splits.items()
        if name == "train"
    }
    images, labels = (np.asarray(array) for array in arrays["train"])
    held_out = images[:6000], labels[:6000]

    def ours() -> list[float]:
        clock = EpochClock()
        assemble(recipe).fit([clock])
        return clock.seconds[1:]

    def bare() -> list[float]:
        model = plain(assemble(recipe).model)
        model.compile(
            optimizer=keras.optimizers.Adam(1e-3),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        clock = EpochClock()
        model.fit(
            images,
            labels,
            batch_size=128,
            epochs=EPOCHS,
            validation_data=held_out,
            verbose=0,
            callbacks=[clock],
        )
        return clock.seconds[1:]

    seconds: dict[str, list[float]] = {"kerascnn": [], "bare Keras": []}
    for _ in range(TURNS):
        seconds["kerascnn"] += ours()
        seconds["bare Keras"] += bare()
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    for name, median in medians.items():
        print(f"{name:12} {median:.2f} s an epoch (median of {len(seconds[name])})")
    print(f"ratio        {medians['kerascnn'] / medians['bare Keras']:.3f} (at most 1.1 is wanted)")


if __name__ == "__main__":
    main()
