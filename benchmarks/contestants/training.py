"""What the contestants of `training_rate` have in common: networks, images, and how it is timed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.contestants.answers import answer_questions

if TYPE_CHECKING:  # a contestant says first how many processors it takes
    import numpy as np

CLASSES = 10
BATCHES = 8  # of distinct images in memory

Step = Callable[[int], int]  # trains at least so many batches to the end; returns how many


@dataclass(frozen=True)
class Network:
    """A registered network with its options, and what it is trained on."""

    options: dict[str, Any]
    shape: tuple[int, int, int]
    batch: int


NETWORKS = {
    "LeNet-5": Network({"model": "lenet5"}, (28, 28, 1), 128),
    "CIFAR ResNet-20": Network({"model": "cifar-resnet20"}, (32, 32, 3), 128),
    "airbench": Network({"model": "airbench"}, (32, 32, 3), 256),
    "64-wide ResNet-8": Network(
        {"model": "cifar-resnet20", "n": 1, "filters": 64}, (32, 32, 3), 128
    ),
    "ResNet-18 at 224": Network({"model": "resnet18"}, (224, 224, 3), 16),
}


def images_of(network: Network) -> tuple[np.ndarray, np.ndarray]:
    """Returns random images, uint8 (N, H, W, C), and labels (N,)."""
    import numpy as np

    random = np.random.default_rng(0)
    count = network.batch * BATCHES
    images = random.integers(0, 256, (count, *network.shape), dtype=np.uint8)
    return images, random.integers(0, CLASSES, count, dtype=np.int32)


def answer_with(step: Step, network: Network, introduction: dict[str, Any]) -> None:
    """Takes the first steps, which trace and compile, then as many as each question says."""
    step(1)
    step(1)

    def answer(steps: int) -> dict[str, Any]:
        start, used = time.perf_counter(), time.process_time()
        images = step(steps) * network.batch
        wall, processor = time.perf_counter() - start, time.process_time() - used
        return {"images": images, "seconds": wall, "processor_seconds": processor}

    answer_questions(introduction, answer)
