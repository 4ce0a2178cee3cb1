"""LeNet-5 fed by the pipeline against the same network on one batch that never changes.

    KERASCNN_TEST_DATA=... python benchmarks/feed_lenet.py [--rounds 12]

Both train on MNIST-sized batches of 128, in many short turns; the median of the pairs' ratios is
what the pipeline costs, in wall time and in processor time, which other work on the machine changes
less. The fixed stream has the same batch sizes and repeats one cached batch.
"""

from __future__ import annotations

import argparse
import os
import resource
import time
from pathlib import Path

os.environ.setdefault("TFDS_DATA_DIR", str(Path(os.environ["KERASCNN_TEST_DATA"]) / "tfds"))

import numpy as np

from kerascnn.augment.spec import AugmentSpec
from kerascnn.backend import keras, tf
from kerascnn.data.loading import load
from kerascnn.data.pipeline import training_batches
from kerascnn.data.spec import DataSpec
from kerascnn.models.build import build_model

BATCH, STEPS, EPOCHS = 128, 100, 4


def _now() -> np.ndarray:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return np.array([time.perf_counter(), used.ru_utime + used.ru_stime])


class _Clock(keras.callbacks.Callback):
    """Seconds of each epoch, of wall and processor time."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[np.ndarray] = []

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.start = _now()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.seconds.append(_now() - self.start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--augment", default="none")
    rounds, augment = vars(parser.parse_args()).values()
    data = load(DataSpec(name="mnist"))
    stream = training_batches(data, AugmentSpec(preset=augment), batch_size=BATCH, seed=0)
    batch = next(iter(stream))
    fixed = tf.data.Dataset.from_tensors(batch).cache().repeat().prefetch(tf.data.AUTOTUNE)
    models = []
    for _ in range(2):
        model = build_model("lenet5", input_shape=data.image_shape, classes=10)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss)
        models.append(model)
    seconds: list[list[np.ndarray]] = [[], []]
    for turn in range(rounds):
        for i in (0, 1) if turn % 2 else (1, 0):
            clock = _Clock()
            models[i].fit(
                (stream, fixed)[i],
                epochs=EPOCHS,
                steps_per_epoch=STEPS,
                verbose=0,
                shuffle=False,
                callbacks=[clock],
            )
            seconds[i] += clock.seconds[1:]  # the first epoch traces and fills buffers
    fed, bare = (np.array(each) / STEPS * 1000 for each in seconds)
    for name, each in (("fed by the pipeline", fed), ("fixed cached stream", bare)):
        wall, processor = np.median(each, axis=0)
        print(f"{name}  {wall:.2f} ms a step, {processor:.2f} ms of processor time")
    wall, processor = np.median(fed / bare, axis=0)
    print(f"ratio {wall:.3f}, by processor time {processor:.3f} (at most 1.05 wanted)")


if __name__ == "__main__":
    main()
