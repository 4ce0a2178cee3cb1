"""Photos from files, random resized crop to 224 and flip: the pipeline against two others.

    KERASCNN_TEST_DATA=... python benchmarks/stream_photos.py [--rounds 5]

The peers read the same files in batches of 32: a bare parallel tf.io.decode_and_crop_jpeg +
tf.image.resize of the very crops that the pipeline draws, handed to it ready made, without flip or
shuffling; and keras.utils.image_dataset_from_directory followed by Keras's RandomCrop, Resizing and
RandomFlip layers. Medians over interleaved rounds, of images per second and of the processor time
of an image, which other work on the machine changes less.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from kerascnn.augment import framing
from kerascnn.augment.spec import AugmentSpec
from kerascnn.backend import keras, tf
from kerascnn.data import order
from kerascnn.data.dataset import FileImages, ImageData
from kerascnn.data.loading import load
from kerascnn.data.pipeline import training_batches
from kerascnn.data.spec import DataSpec

BATCH, SIDE = 32, 224
AUGMENT = AugmentSpec(preset="inception")


def paths_of(data: ImageData) -> np.ndarray:
    images = data.splits["train"].images
    assert isinstance(images, FileImages)
    return images.paths


def crops(paths: np.ndarray, epochs: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the paths in the pipeline's order, and the crops (y, x, height, width) it takes."""
    sizes = []
    for path in paths:
        with Image.open(os.fsdecode(path)) as image:
            sizes.append(image.size[::-1])
    positions, seed = tf.range(len(paths), dtype=tf.int64), tf.constant(0, tf.int64)
    chosen = order.shuffled(len(paths), seed=0)
    files, boxes = [], []
    for epoch in map(tf.constant, np.arange(epochs)):
        numbers = framing.framing_numbers(AUGMENT, seed=seed, epoch=epoch, positions=positions)
        for index, drawn in zip(chosen(epoch, positions).numpy(), numbers, strict=True):
            files.append(paths[index])
            size = tf.constant(sizes[index])
            boxes.append(framing.crop_box(AUGMENT, (SIDE, SIDE, 3), drawn, size).numpy())
    return np.array(files), np.stack(boxes)


def bare(files: np.ndarray, boxes: np.ndarray) -> tf.data.Dataset:
    def read(path: tf.Tensor, box: tf.Tensor) -> tf.Tensor:
        part = tf.io.decode_and_crop_jpeg(tf.io.read_file(path), box, channels=3)
        return tf.image.resize(part, (SIDE, SIDE))

    every = tf.data.Dataset.from_tensor_slices((files, boxes)).repeat()
    return every.map(read, num_parallel_calls=tf.data.AUTOTUNE).batch(BATCH).prefetch(2)


def layers(data: ImageData, folder: Path) -> tf.data.Dataset:
    """The train split under a folder of its own, so that the files are the same."""
    for path, label in zip(paths_of(data), data.splits["train"].labels, strict=True):
        file = Path(os.fsdecode(path))
        (folder / data.classes[label]).mkdir(exist_ok=True)
        (folder / data.classes[label] / file.name).symlink_to(file)
    images = keras.utils.image_dataset_from_directory(
        folder, image_size=(256, 256), batch_size=BATCH, verbose=False
    )
    crop = keras.layers.RandomCrop(192, 192)
    resize = keras.layers.Resizing(SIDE, SIDE)
    flip = keras.layers.RandomFlip("horizontal")
    varied = images.repeat().map(
        lambda x, y: flip(resize(crop(x, training=True)), training=True),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    return varied.prefetch(2)


def processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def speed(stream: Iterator, batches: int) -> tuple[float, float]:
    """Returns images per second of wall time, and per second of processor time."""
    start, used = time.perf_counter(), processor_seconds()
    images = 0
    for _ in range(batches):
        batch = next(stream)
        images += len(batch[0] if isinstance(batch, tuple) else batch)
    return images / (time.perf_counter() - start), images / (processor_seconds() - used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=20)
    arguments = parser.parse_args()
    photos = Path(os.environ["KERASCNN_TEST_DATA"]).resolve() / "photos"
    data = load(DataSpec(name=f"folder:{photos}", image_size=SIDE, cache="none"))
    files, boxes = crops(paths_of(data), epochs=6)
    with tempfile.TemporaryDirectory() as folder:
        # One at a time: a stream that is open goes on filling its buffers behind another's back.
        streams = {
            "kerascnn": training_batches(data, AUGMENT, batch_size=BATCH, seed=0),
            "bare decode_and_crop": bare(files, boxes),
            "Keras layers": layers(data, Path(folder)),
        }
        speeds: dict[str, list[tuple[float, float]]] = {name: [] for name in streams}
        for turn in range(arguments.rounds):
            order = list(streams) if turn % 2 else list(streams)[::-1]
            for name in order:
                stream = iter(streams[name])
                speed(stream, 4)  # fills the buffers
                speeds[name].append(speed(stream, arguments.batches))
                del stream
    for name, values in speeds.items():
        wall, processor = map(statistics.median, zip(*values, strict=True))
        print(f"{name:22}{wall:7,.0f} images/s {1000 / processor:6.2f} ms of processor an image")
    for name, wanted in (("bare decode_and_crop", 0.9), ("Keras layers", 1.5)):
        pairs = list(zip(speeds["kerascnn"], speeds[name], strict=True))
        wall, processor = (statistics.median(a[i] / b[i] for a, b in pairs) for i in (0, 1))
        print(
            f"kerascnn / {name}: {wall:.2f}, by processor time {processor:.2f} "
            f"(at least {wanted} wanted)"
        )


if __name__ == "__main__":
    main()
