"""Augmented images per second: kerascnn, Keras's layers and a PyTorch DataLoader, side by side.

    python benchmarks/augmentation.py [--rounds 5] [--images 50000]

CIFAR-10-sized uint8 images in memory, batches of 128, flip + pad-crop(4) + cutout(16), shuffled
order. The contestants take turns; each figure is the median over the rounds: images per second, and
the processor time of an image in all processes and threads, which other work on the machine changes
less. Keras: RandomFlip, ZeroPadding2D, RandomCrop and RandomErasing in a parallel `Dataset.map`, on
whole batches, which is less work, as RandomCrop then cuts one window for the whole batch, and on
each image, the same work as ours.
PyTorch: `DataLoader(num_workers=2)`, the same per image on tensors as torchvision's transforms do
it (left out where torch is not installed). Then MNIST-sized images under
rotation, shift, scale and shear in one transform. Each pipeline is consumed without training.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import os
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np

from kerascnn.augment.batch import batch_function
from kerascnn.augment.spec import AugmentSpec
from kerascnn.backend import keras, tf

BATCH = 128
CALLS = os.cpu_count()  # as our pipeline has it: tf.data's own tuning starts at one
CIFAR = {"operations": ["horizontal-flip", {"name": "pad-crop", "pixels": 4}, "cutout"]}
MNIST = {"preset": "mnist-affine"}


def pixels(count: int, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (count, *shape), dtype=np.uint8)
    return images, random.integers(0, 10, count, dtype=np.int32)


def ours(images: np.ndarray, labels: np.ndarray, augment: dict[str, Any]) -> Iterable[Any]:
    function = batch_function(AugmentSpec(**augment), images.shape[1:], 10)
    order = tf.constant(np.random.default_rng(1).permutation(len(images)))
    all_images, all_labels = tf.constant(images), tf.constant(labels)
    seed = tf.constant(0, tf.int64)

    def batch(start: Any) -> Any:
        positions = tf.range(start, tf.minimum(start + BATCH, len(images)))
        index = tf.gather(order, positions)
        gathered = tf.gather(all_images, index), tf.gather(all_labels, index)
        return function(*gathered, positions, seed, seed)

    starts = tf.data.Dataset.range(0, len(images), BATCH)
    return starts.map(batch, num_parallel_calls=CALLS).prefetch(2)


def with_keras(images: np.ndarray, labels: np.ndarray, *, each: bool = False) -> Iterable[Any]:
    """Keras's layers on whole batches, where RandomCrop cuts one window, or on each image."""
    layers = [
        keras.layers.RandomFlip("horizontal"),
        keras.layers.ZeroPadding2D(4),
        keras.layers.RandomCrop(32, 32),
        # A square of 16 x 16: a quarter of the area, sides alike.
        keras.layers.RandomErasing(factor=1.0, scale=(0.25, 0.25), fill_value=0),
    ]

    def augment(batch: Any, label: Any) -> Any:
        for layer in layers:
            batch = layer(batch, training=True)
        return batch, label

    data = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(len(images))
    if each:
        data = data.batch(1).map(augment, num_parallel_calls=CALLS)
        data = data.unbatch().batch(BATCH)
    else:
        data = data.batch(BATCH).map(augment, num_parallel_calls=CALLS)
    return data.prefetch(tf.data.AUTOTUNE)


def with_torch(images: np.ndarray, labels: np.ndarray) -> Iterable[Any]:
    import torch
    from torch.nn import functional

    class Images(torch.utils.data.Dataset):
        def __init__(self) -> None:
            self.images = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
            self.labels = labels

        def __len__(self) -> int:
            return len(self.images)

        def __getitem__(self, index: int) -> tuple[Any, int]:
            image = self.images[index]
            if torch.rand(1) < 0.5:
                image = image.flip(-1)
            image = functional.pad(image, (4, 4, 4, 4))
            top, left = (int(torch.randint(0, 9, size=(1,))) for _ in range(2))
            image = image[..., top : top + 32, left : left + 32]
            y, x = (int(torch.randint(0, 32, size=(1,))) for _ in range(2))
            image = image.clone()
            image[..., max(0, y - 8) : y + 8, max(0, x - 8) : x + 8] = 0
            return image, int(self.labels[index])

    return torch.utils.data.DataLoader(Images(), BATCH, shuffle=True, num_workers=2)


@dataclass(frozen=True)
class Speed:
    rate: float  # images/s
    cost: float  # microseconds of processor time per image


def processor_seconds() -> float:
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def measure(data: Iterable[Any], count: int) -> Speed:
    start, used = time.perf_counter(), processor_seconds()
    seen = sum(len(labels) for _, labels in data)
    assert seen == count, (seen, count)
    seconds, used = time.perf_counter() - start, processor_seconds() - used
    return Speed(count / seconds, 1e6 * used / count)


def compare(contestants: dict[str, Iterable[Any]], count: int, rounds: int) -> dict[str, Speed]:
    speeds: dict[str, list[Speed]] = {name: [] for name in contestants}
    for turn in range(rounds + 1):
        for name, data in contestants.items():
            found = measure(data, count)
            if turn:  # the first turn traces and warms up
                speeds[name].append(found)
    return {
        name: Speed(
            *(statistics.median(values) for values in zip(*map(astuple, found), strict=True))
        )
        for name, found in speeds.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=50_000)
    arguments = parser.parse_args()

    images, labels = pixels(arguments.images, (32, 32, 3))
    makers: dict[str, Callable[..., Iterable[Any]]] = {
        "Keras layers, a crop a batch": with_keras,
        "Keras layers, a crop an image": functools.partial(with_keras, each=True),
    }
    if importlib.util.find_spec("torch"):
        makers["PyTorch DataLoader, 2 workers"] = with_torch
    contestants = {"kerascnn": ours(images, labels, CIFAR)}
    contestants |= {name: maker(images, labels) for name, maker in makers.items()}
    speeds = compare(contestants, len(images), arguments.rounds)
    own = speeds["kerascnn"]
    print("CIFAR-10-sized, batches of 128, flip + pad-crop + cutout; times = kerascnn against it")
    for name, speed in speeds.items():
        print(
            f"  {name:30}{speed.rate:9,.0f} images/s ({own.rate / speed.rate:4.1f} times)"
            f"{speed.cost:8.1f} us/image ({speed.cost / own.cost:4.1f} times)"
        )

    images, labels = pixels(arguments.images * 6 // 5, (28, 28, 1))
    speed = compare({"ours": ours(images, labels, MNIST)}, len(images), arguments.rounds)["ours"]
    print("MNIST-sized, batches of 128, rotation + scale + shear + shift in one transform")
    print(
        f"  {'kerascnn':30}{speed.rate:9,.0f} images/s ({speed.rate / 60_000:4.1f} times 60,000)"
        f"{speed.cost:8.1f} us/image"
    )


if __name__ == "__main__":
    main()
