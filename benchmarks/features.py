"""How fast linear-probe, knn and learning-curve get a network's features, beside its bare forward.

    KERASCNN_TEST_DATA=FOLDER python -m benchmarks.features

Features: reading the images, the forward pass, writing the features to the cache; nothing is there
before. Bare: the same network, compiled, on one batch of the same size that lies in memory, as
often as there are batches. The start, which is what one batch of images takes (tracing the network,
its digest), is taken off for the ratio, as bare is compiled before; the row has it. In turn,
medians of rounds. Rows are written to features.csv, with the load of the machine before the first
round: above 0.5, something else was running.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.tables import read_rows, write_rows
from kerascnn.backend import keras, tf
from kerascnn.data.dataset import ImageData, Split
from kerascnn.data.loading import load
from kerascnn.data.spec import DataSpec
from kerascnn.hardware import hardware
from kerascnn.inspection.kept_features import split_features
from kerascnn.inspection.layers import images_at_once
from kerascnn.kernels.table import quicken
from kerascnn.models.build import build_model

TABLE = Path(__file__).with_name("features.csv")
FIELDS = ("network", "data", "images", "rounds", "seconds", "start_seconds", "features_per_second",
          "bare_per_second", "ratio", "load_before", "hardware")  # fmt: skip

CASES: tuple[tuple[str, str, dict[str, int], str], ...] = (
    ("lenet5", "mnist", {}, "test"),
    ("cifar-resnet20", "cifar10", {}, "validation"),
    ("keras:MobileNetV2", "folder:photos", {"image_size": 160}, "train"),
)


def measure(network: str, name: str, fields: dict[str, int], split: str, rounds: int) -> None:
    data = load(DataSpec(name=name, **fields))
    model = build_model(network, input_shape=data.image_shape, classes=len(data.classes))
    model = quicken(model, "cpu")
    size, at_once = data.splits[split].size, images_at_once(model)
    batch = tf.constant(np.random.default_rng(0).integers(
        0, 256, (min(at_once, size), *data.image_shape), dtype=np.uint8
    ))  # fmt: skip
    forward = tf.function(lambda images: model(images, training=False))
    forward(batch)
    start_only = dataclasses.replace(data, splits={split: _first(data.splits[split], len(batch))})
    batches = max(1, round(size / len(batch)))
    load_before = os.getloadavg()[0]
    seconds: dict[str, list[float]] = {"all": [], "start": [], "bare": []}
    for _ in range(rounds + 1):
        seconds["start"].append(_taken(lambda: _features(model, start_only, split)))
        seconds["all"].append(_taken(lambda: _features(model, data, split)))
        seconds["bare"].append(_taken(lambda: [forward(batch).numpy() for _ in range(batches)]))
    # The first round reads the files from the disk.
    whole, start, bare = (statistics.median(taken[1:]) for taken in seconds.values())
    ours = (size - len(batch)) / (whole - start)
    row = {
        "network": network,
        "data": name.removeprefix("folder:").rpartition("/")[2],
        "images": size,
        "rounds": rounds,
        "seconds": round(whole, 2),
        "start_seconds": round(start, 2),
        "features_per_second": round(ours),
        "bare_per_second": round(batches * len(batch) / bare),
        "ratio": round(ours / (batches * len(batch) / bare), 3),
        "load_before": round(load_before, 2),
        "hardware": hardware(),
    }
    print(row, flush=True)
    write_rows(TABLE, FIELDS, [*read_rows(TABLE), row])
    keras.backend.clear_session()


def _first(split: Split, count: int) -> Split:
    numbers = np.arange(count)
    return Split(split.name, split.labels[numbers], split.images.part(numbers))


def _features(model: keras.Model, data: ImageData, split: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.environ["KERASCNN_CACHE"] = folder
        split_features(model, data, split)


def _taken(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    data = Path(os.environ["KERASCNN_TEST_DATA"]).resolve()
    os.environ["TFDS_DATA_DIR"] = str(data / "tfds")
    for network, name, fields, split in CASES:
        measure(network, name.replace("folder:", f"folder:{data}/"), fields, split, rounds)


if __name__ == "__main__":
    main()
