"""A contestant: kerascnn's reading, reading with augmentation, and training of a folder, apart.

    python -m benchmarks.contestants.photo_stages FOLDER SIDE BATCH

Reading and augmenting are the streams that training takes its batches from, without a network;
training is the steps alone, on one batch that is in memory.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.contestants.answers import answer_questions, begin


def main() -> None:
    begin()
    folder, side, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    from kerascnn.augment.spec import AugmentSpec
    from kerascnn.backend import keras, tf
    from kerascnn.data.loading import load
    from kerascnn.data.pipeline import training_batches
    from kerascnn.data.spec import DataSpec
    from kerascnn.kernels.table import quicken
    from kerascnn.models.build import build_model

    data = load(DataSpec(name=f"folder:{folder}", image_size=side, cache="none"))
    augment = {"reading": AugmentSpec(), "augmenting": AugmentSpec(preset="inception")}
    streams: dict[str, Iterator[Any]] = {
        what: iter(training_batches(data, spec, batch_size=batch, seed=0))
        for what, spec in augment.items()
    }
    model = build_model("resnet18", input_shape=data.image_shape, classes=len(data.classes))
    quicken(model, "cpu")
    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.make_train_function()
    pixels, labels = next(streams["reading"])
    streams["training"] = iter(tf.data.Dataset.from_tensors((pixels, labels)).repeat())

    def take(what: str) -> int:
        if what == "training":
            float(model.train_function(streams[what])["loss"])
            return len(labels)
        return len(next(streams[what])[1])

    for what in streams:
        take(what)

    def answer(what: str, seconds: float) -> dict[str, Any]:
        start, images = time.perf_counter(), 0
        while (passed := time.perf_counter() - start) < seconds:
            images += take(what)
        return {"rate": images / passed}

    answer_questions({"train_images": data.splits["train"].size}, answer)


if __name__ == "__main__":
    main()
