"""LeNet-5 fed by the pipeline against the same network on one batch that never changes.

    KERASCNN_TEST_DATA=... python benchmarks/feed_lenet.py [--rounds 4]

Both train on MNIST-sized batches of 128; the ratio of the epochs' medians is what the pipeline
costs. The fixed stream has the same batch sizes and repeats one cached batch.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from pathlib import Path

os.environ.setdefault("TFDS_DATA_DIR", str(Path(os.environ["KERASCNN_TEST_DATA"]) / "tfds"))

from kerascnn.backend import keras, tf
from kerascnn.data import load, training_batches
from kerascnn.models import build_model
from kerascnn.recipe import AugmentSpec, DataSpec

BATCH = 128


class _Clock(keras.callbacks.Callback):
    """Seconds of each epoch."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self.start = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        self.seconds.append(time.perf_counter() - self.start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4, help="of 3 epochs each, 2 counted")
    parser.add_argument("--augment", default="none")
    rounds, augment = vars(parser.parse_args()).values()
    data = load(DataSpec(name="mnist"))
    steps = data.splits["train"].size // BATCH
    stream = training_batches(data, AugmentSpec(preset=augment), batch_size=BATCH, seed=0)
    batch = next(iter(stream))
    fixed = tf.data.Dataset.from_tensors(batch).cache().repeat().prefetch(tf.data.AUTOTUNE)
    models = []
    for _ in range(2):
        model = build_model("lenet5", input_shape=data.image_shape, classes=10)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile("adam", loss)
        models.append(model)
    seconds: list[list[float]] = [[], []]
    for turn in range(rounds):
        for i in (0, 1) if turn % 2 else (1, 0):
            clock = _Clock()
            models[i].fit(
                (stream, fixed)[i],
                epochs=3,
                steps_per_epoch=steps,
                verbose=0,
                shuffle=False,
                callbacks=[clock],
            )
            seconds[i] += clock.seconds[1:]  # the first epoch traces and fills buffers
    fed, bare = map(statistics.median, seconds)
    print(f"fed by the pipeline  {fed:.2f} s an epoch, {steps * BATCH / fed:,.0f} images/s")
    print(f"fixed cached stream  {bare:.2f} s an epoch, {steps * BATCH / bare:,.0f} images/s")
    pairs = statistics.median(a / b for a, b in zip(*seconds, strict=True))
    print(f"ratio {fed / bare:.3f} (of pairs {pairs:.3f}; at most 1.05 wanted)")


if __name__ == "__main__":
    main()
