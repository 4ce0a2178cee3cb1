"""Photos from files, random resized crop to 224 and flip: the pipeline against two others.

    KERASCNN_TEST_DATA=... python benchmarks/stream_photos.py [--rounds 5]

The peers read the same files in batches of 32: a bare parallel tf.io.decode_and_crop_jpeg +
tf.image.resize, without flip, shuffling or seeds; and keras.utils.image_dataset_from_directory
followed by Keras's RandomCrop, Resizing and RandomFlip layers. Medians over interleaved rounds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from kerascnn.backend import keras, tf
from kerascnn.data import ImageData, load, training_batches
from kerascnn.recipe import AugmentSpec, DataSpec

BATCH, SIDE = 32, 224


def bare(paths: list[bytes]) -> tf.data.Dataset:
    def read(path: tf.Tensor) -> tf.Tensor:
        contents = tf.io.read_file(path)
        shape = tf.io.extract_jpeg_shape(contents)
        begin, size, _ = tf.image.sample_distorted_bounding_box(
            shape,
            tf.zeros((1, 0, 4)),
            aspect_ratio_range=(3 / 4, 4 / 3),
            area_range=(0.08, 1.0),
            use_image_if_no_bounding_boxes=True,
        )
        window = tf.concat([begin[:2], size[:2]], axis=0)
        part = tf.io.decode_and_crop_jpeg(contents, window, channels=3)
        return tf.image.resize(part, (SIDE, SIDE))

    files = tf.data.Dataset.from_tensor_slices(paths).repeat()
    return files.map(read, num_parallel_calls=tf.data.AUTOTUNE).batch(BATCH).prefetch(2)


def layers(data: ImageData, folder: Path) -> tf.data.Dataset:
    """The train split under a folder of its own, so that the files are the same."""
    for path, label in zip(
        data.splits["train"].images.paths, data.splits["train"].labels, strict=True
    ):
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


def rate(stream: Iterator, batches: int) -> float:
    start = time.perf_counter()
    images = 0
    for _ in range(batches):
        batch = next(stream)
        images += len(batch[0] if isinstance(batch, tuple) else batch)
    return images / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batches", type=int, default=20)
    arguments = parser.parse_args()
    photos = Path(os.environ["KERASCNN_TEST_DATA"]).resolve() / "photos"
    data = load(DataSpec(name=f"folder:{photos}", image_size=SIDE, cache="none"))
    augment = AugmentSpec(preset="inception")
    with tempfile.TemporaryDirectory() as folder:
        # One at a time: a stream that is open goes on filling its buffers behind another's back.
        streams = {
            "kerascnn": training_batches(data, augment, batch_size=BATCH, seed=0),
            "bare decode_and_crop": bare(list(data.splits["train"].images.paths)),
            "Keras layers": layers(data, Path(folder)),
        }
        rates: dict[str, list[float]] = {name: [] for name in streams}
        for turn in range(arguments.rounds):
            order = list(streams) if turn % 2 else list(streams)[::-1]
            for name in order:
                stream = iter(streams[name])
                rate(stream, 4)  # fills the buffers
                rates[name].append(rate(stream, arguments.batches))
                del stream
    for name, values in rates.items():
        print(f"{name:22} {statistics.median(values):8,.0f} images/s")
    for name, wanted in (("bare decode_and_crop", 0.9), ("Keras layers", 1.5)):
        pairs = zip(rates["kerascnn"], rates[name], strict=True)
        ratio = statistics.median(ours / theirs for ours, theirs in pairs)
        print(f"kerascnn / {name}: {ratio:.2f} (at least {wanted} wanted)")


if __name__ == "__main__":
    main()
