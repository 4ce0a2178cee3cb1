"""Fine-tuning against training from scratch, at equal time, on a tenth of CIFAR-10.

    TFDS_DATA_DIR=... python -m benchmarks.finetune           # about ten minutes on two slow cores

A network of ours is trained on a part of CIFAR-10's training images, and fine-tuned on other ones
by what `kerascnn advise DATA --weights RUN` says, the recipe `finetune` for small images:

- `tenth`: a tenth of the training images; the backbone has been trained on the other nine.
- `classes`: a tenth of the training images of five classes; the backbone has been trained on the
  other five.

The same network, three convolutions with batch norm, is trained from scratch on the same images for
at least as many seconds (the limit, which counts the last scoring, is 1.3 times those), as the
backbone has been but in smaller batches: under a one-cycle schedule, which is fitted to the time.
Both are scored on all test images of their classes. Each seed is a row of results.csv. The images
are written as PNG files to build/finetune/, which is also where the runs are.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image

import kerascnn
from benchmarks.results import record
from kerascnn.tracking import Run

PLACE = Path(__file__).resolve().parent.parent / "build" / "finetune"
FIVE = 5  # the first classes are the backbone's, the others are new to it
EPOCHS = 12
LONGER = 1.3
NETWORK = "convnet"  # a small one: two slow cores train a ResNet-20 at 130 images/s
FULL = [
    "model.stages=3",
    "model.convolutions=1",
    "model.filters=24",
    "model.batch_norm=true",
    "model.dense=[]",
    "augment=cifar-flip-crop",
    "optimizer={name: sgd, nesterov: true, l2: 0.0005, schedule: one-cycle}",
    "training.early_stopping=null",
]


def write_images(per_class: int | None) -> None:
    """Writes the folders, once: `rest` and `tenth`; `five` and `classes` have a part of these."""
    for split in ("train", "test"):
        data = tfds.as_numpy(tfds.load("cifar10", split=split, batch_size=-1))
        images, labels = data["image"], data["label"]
        for label in range(10):
            rows = np.flatnonzero(labels == label)[:per_class]
            rows = np.random.default_rng(label).permutation(rows)
            tenth, rest = np.split(rows, [len(rows) // 10])
            if split == "test":
                folders = {"tenth/test": rows, **({} if label < FIVE else {"classes/test": rows})}
            elif label < FIVE:
                folders = {"tenth/train": tenth, "rest": rest, "five": rest}
            else:
                folders = {"tenth/train": tenth, "rest": rest, "classes/train": tenth}
            for folder, chosen in folders.items():
                place = Path(folder) / str(label)
                place.mkdir(parents=True)
                for row in chosen:
                    Image.fromarray(images[row]).save(place / f"{row:05}.png", compress_level=1)


def backbone(folder: str, epochs: int) -> str:
    """Trains a network, unless that has been done; returns the name of its run."""
    name = f"{folder}-{epochs}-epochs"
    if not any(run.name == name and run.status == "FINISHED" for run in kerascnn.list_runs()):
        print(f"\n{name}", flush=True)
        settings = [*FULL, "optimizer.learning_rate=0.2", "data.test_fraction=0.02"]
        kerascnn.train(NETWORK, f"folder:{folder}", name=name, epochs=epochs, settings=settings)
    return name


def told(command: str, *network: str, **more: Any) -> Run:
    """Trains a network; returns its run."""
    print(f"\n{command}, seed {more['seed']}", flush=True)
    return kerascnn.train(*network, **more).run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--backbone-epochs", type=int, default=8)
    parser.add_argument("--per-class", type=int, help="images, for a trial; all unless given")
    parser.add_argument("--trial", action="store_true", help="leave results.csv as it is")
    arguments = parser.parse_args()
    logging.getLogger("tensorflow").setLevel("ERROR")  # that each training is traced anew
    place = PLACE / f"{arguments.per_class or 'all'}-a-class"
    place.mkdir(parents=True, exist_ok=True)
    os.chdir(place)
    if not Path("rest").exists():
        write_images(arguments.per_class)
    summary = []
    for source, target in (("rest", "tenth"), ("five", "classes")):
        weights = backbone(source, arguments.backbone_epochs)
        data = f"folder:{target}"
        commands = {
            "tuned": f"kerascnn train {data} --weights {source} --epochs {EPOCHS}",
            "scratch": f"kerascnn train {NETWORK} {data}, from scratch, at least as long",
        }
        runs: dict[str, list[Run]] = {kind: [] for kind in commands}
        for seed in range(arguments.seeds):
            fields = {"weights": weights, "epochs": EPOCHS, "seed": seed}
            tuned = told(commands["tuned"], data=data, **fields)
            runs["tuned"].append(tuned)
            scratch = told(
                commands["scratch"],
                NETWORK,
                data=data,
                time_limit=LONGER * tuned.metrics["train_seconds"],
                batch_size=64,
                seed=seed,
                settings=[*FULL, "optimizer.learning_rate=0.1"],
            )
            runs["scratch"].append(scratch)
        for kind, command in commands.items():
            if not arguments.trial:
                record([run.id for run in runs[kind]], command)
            scores = [run.metrics["test_accuracy"] for run in runs[kind]]
            spent = statistics.mean(run.metrics["train_seconds"] for run in runs[kind])
            summary.append(
                f"{command:70} {statistics.mean(scores):.2%} ({min(scores):.2%} to "
                f"{max(scores):.2%}, n = {len(scores)}) in {spent:.0f} s"
            )
    print("\n" + "\n".join(summary))


if __name__ == "__main__":
    main()
