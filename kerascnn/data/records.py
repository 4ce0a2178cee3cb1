"""Sets prepared by TFDS: where their record files are, and what is in a record."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kerascnn.backend import keras, tf
from kerascnn.data.sources import prepared_sets, tfds_folder
from kerascnn.errors import UserError


@dataclass(frozen=True)
class RecordFiles:
    """The TFRecord files of one TFDS split.

    Attributes:
        files: Paths, in order.
        lengths: Records in each.
        image_key: Feature that holds the encoded image.
        label_key: Feature that holds the label.
        channels: 1 or 3.
    """

    files: tuple[str, ...]
    lengths: tuple[int, ...]
    image_key: str
    label_key: str
    channels: int

    @property
    def size(self) -> int:
        """Number of records."""
        return sum(self.lengths)

    def parse(self, records: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Takes serialized records (N,) apart: encoded images (N,) and labels int64 (N,)."""
        features = {
            self.image_key: tf.io.FixedLenFeature([], tf.string),
            self.label_key: tf.io.FixedLenFeature([], tf.int64),
        }
        parsed = tf.io.parse_example(records, features)
        return parsed[self.image_key], parsed[self.label_key]


@dataclass(frozen=True)
class RecordSet:
    """A prepared TFDS set: its class names, common image size if any, and record files by split."""

    name: str
    classes: tuple[str, ...]
    size: tuple[int, int] | None
    channels: int
    splits: Mapping[str, RecordFiles]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """TFDS logs through absl what it reads; none of it is news to the user."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def _builder(name: str) -> Any:
    """Returns the TFDS builder, its data on disk; downloads where it is not prepared."""
    keras.backend.backend()  # TensorFlow first, quietly
    import tensorflow_datasets as tfds

    if name in prepared_sets():
        return tfds.builder_from_directory(prepared_sets()[name])
    prepare = (
        f"prepare it where there is a network with "
        f"python -c \"import tensorflow_datasets as t; t.load('{name}')\" "
        f"and copy the folder to {tfds_folder()}, or set TFDS_DATA_DIR"
    )
    try:
        builder = tfds.builder(name, data_dir=str(tfds_folder()), try_gcs=False)
        builder.download_and_prepare()
    except Exception as error:  # whatever the set's own code raises, from no network to no disk
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise UserError(
            f"data set '{name}' is not prepared in {tfds_folder()} and cannot be downloaded "
            f"({reason[:200]}): {prepare}"
        ) from None
    return builder


def open_set(name: str) -> RecordSet:
    """Opens a TFDS set, downloading it where it is not prepared.

    The split on which papers report becomes "test": TFDS's own test split where its labels are
    public, its validation split otherwise.

    Raises:
        UserError: If it is neither prepared nor downloadable, or holds no labelled images.
    """
    with _quiet():
        import tensorflow_datasets as tfds

        info = _builder(name).info
        features = info.features
        images = [k for k, f in features.items() if isinstance(f, tfds.features.Image)]
        labels = [k for k, f in features.items() if isinstance(f, tfds.features.ClassLabel)]
        if info.supervised_keys:
            images = [key for key in images if key in info.supervised_keys] or images
            labels = [key for key in labels if key in info.supervised_keys] or labels
        if not images or not labels or "train" not in info.splits:
            raise UserError(
                f"data set '{name}' has no training images with one label each: "
                "it is not a set for image classification"
            )
        if info.file_format != tfds.core.FileFormat.TFRECORD:
            raise UserError(
                f"data set '{name}' is prepared as {info.file_format.value}: "
                "prepare it as tfrecord, TFDS's default"
            )
        height, width, channels = features[images[0]].shape
        splits = {
            split: RecordFiles(
                tuple(str(path) for path in info.splits[split].filepaths),
                tuple(info.splits[split].shard_lengths),
                images[0],
                labels[0],
                channels or 3,
            )
            for split in ("train", "validation", "test")
            if split in info.splits
        }
        classes = tuple(features[labels[0]].names)
        size = (height, width) if height and width else None
        return RecordSet(name, classes, size, channels or 3, splits)
