"""How fast linear-probe, knn and learning-curve get a network's features, beside its bare forward.

    KERASCNN_TEST_DATA=FOLDER python benchmarks/features.py

Features: reading the images, the forward pass, writing the features to the cache; nothing is there
before. Bare: the same network, compiled, on one batch of the same size that lies in memory, as
often as there are batches. In turn, medians of rounds. Rows are written to features.csv, with the
load of the machine before the first round: above 0.5, something else was running.
"""

from __future__ import annotations

import argparse
import csv
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

TABLE = Path(__file__).with_name("features.csv")
FIELDS = ("network", "data", "images", "rounds", "features_per_second", "bare_per_second", "ratio",
          "load_before", "hardware")  # fmt: skip

CASES: tuple[tuple[str, str, dict[str, int], str], ...] = (
    ("lenet5", "mnist", {}, "test"),
    ("cifar-resnet20", "cifar10", {}, "test"),
    ("keras:MobileNetV2", "folder:photos", {"image_size": 160}, "train"),
)


def measure(network: str, name: str, fields: dict[str, int], split: str, rounds: int) -> None:
    from kerascnn.backend import keras, tf
    from kerascnn.data.loading import load
    from kerascnn.data.spec import DataSpec
    from kerascnn.hardware import hardware
    from kerascnn.inspection.kept_features import split_features
    from kerascnn.inspection.layers import images_at_once
    from kerascnn.kernels.table import quicken
    from kerascnn.models.build import build_model

    data = load(DataSpec(name=name, **fields))
    model = build_model(network, input_shape=data.image_shape, classes=len(data.classes))
    model = quicken(model, "cpu")
    size, at_once = data.splits[split].size, images_at_once(model)
    batch = tf.constant(np.random.default_rng(0).integers(
        0, 256, (min(at_once, size), *data.image_shape), dtype=np.uint8
    ))  # fmt: skip
    forward = tf.function(lambda images: model(images, training=False))
    forward(batch)
    load_before = os.getloadavg()[0]
    ours, bare = [], []
    for _ in range(rounds + 1):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["KERASCNN_CACHE"] = folder
            start = time.perf_counter()
            split_features(model, data, split)
            ours.append(size / (time.perf_counter() - start))
        start = time.perf_counter()
        for _ in range(max(1, round(size / len(batch)))):
            forward(batch).numpy()
        count = len(batch) * max(1, round(size / len(batch)))
        bare.append(count / (time.perf_counter() - start))
    ours, bare = ours[1:], bare[1:]  # the first round reads the files from the disk
    row = {
        "network": network,
        "data": name.removeprefix("folder:").rpartition("/")[2],
        "images": size,
        "rounds": rounds,
        "features_per_second": round(statistics.median(ours)),
        "bare_per_second": round(statistics.median(bare)),
        "ratio": round(
            statistics.median(one / other for one, other in zip(ours, bare, strict=True)), 3
        ),
        "load_before": round(load_before, 2),
        "hardware": hardware(),
    }
    print(row, flush=True)
    new = not TABLE.exists()
    with TABLE.open("a", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, FIELDS)
        if new:
            rows.writeheader()
        rows.writerow(row)
    keras.backend.clear_session()


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
