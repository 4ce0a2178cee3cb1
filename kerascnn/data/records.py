"""Sets prepared by TFDS: where their record files are, and what is in a record."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import io
import logging
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from kerascnn.backend import graph_native, keras, tf
from kerascnn.cache import recall, remember
from kerascnn.data.order import FILES, permuted
from kerascnn.data.sources import prepared_sets, tfds_folder
from kerascnn.data.untuned import untuned
from kerascnn.errors import UserError

_READ_AHEAD = 2**20  # bytes
_PARSED = 64  # records at once
_STORE_OF_TFDS = "https://storage.googleapis.com/tfds-data"


@dataclass(frozen=True)
class RecordFiles:
    """The TFRecord files of one TFDS split.

    Attributes:
        files: Paths, in order.
        lengths: Records in each.
        image_key: Feature that holds the encoded image.
        label_key: Feature that holds the label.
        image_shape: (H, W, C); H and W are None where they differ.
    """

    files: tuple[str, ...]
    lengths: tuple[int, ...]
    image_key: str
    label_key: str
    image_shape: tuple[int | None, int | None, int]

    @property
    def size(self) -> int:
        """Number of records."""
        return sum(self.lengths)

    def parse(self, records: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Takes serialized records (...) apart: encoded images (...), and labels int32 (...)."""
        features = {
            self.image_key: tf.io.FixedLenFeature([], tf.string),
            self.label_key: tf.io.FixedLenFeature([], tf.int64),
        }
        parsed = tf.io.parse_example(records, features)
        return parsed[self.image_key], tf.cast(parsed[self.label_key], tf.int32)

    def examples(self, rows: np.ndarray) -> tf.data.Dataset:
        """Returns the records of those numbers in order, parsed, in batches of any size."""
        member = tf.constant(np.isin(np.arange(self.size), rows))

        @graph_native
        def chosen(batch: tf.Tensor, records: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            start = batch * _PARSED
            kept = member[start : start + _PARSED]
            return self.parse(tf.boolean_mask(records, kept))

        records = tf.data.TFRecordDataset(list(self.files), buffer_size=_READ_AHEAD)
        return untuned(records.batch(_PARSED).enumerate().map(chosen))

    def dimensions(self, rows: np.ndarray) -> np.ndarray:
        """Returns height and width of the images of those ascending numbers, int32 (N, 2)."""
        found = []
        for images, _ in self.examples(rows).as_numpy_iterator():
            for encoded in images:
                with Image.open(io.BytesIO(encoded)) as image:  # its header is enough
                    found.append(image.size[::-1])
        return np.array(found, np.int32)

    def labels(self) -> np.ndarray:
        """Returns the label of every record, int64 (N,), without decoding images.

        Raises:
            UserError: If a file is damaged.
        """
        feature = {self.label_key: tf.io.FixedLenFeature([], tf.int64)}
        batches = tf.data.TFRecordDataset(list(self.files), buffer_size=_READ_AHEAD).batch(1024)
        label = graph_native(lambda records: tf.io.parse_example(records, feature)[self.label_key])
        parsed = untuned(batches.map(label))
        try:
            return np.concatenate(list(parsed.as_numpy_iterator()))
        except tf.errors.OpError as error:
            folder = Path(self.files[0]).parent
            raise UserError(
                f"{folder}: files of this prepared set are damaged or gone "
                f"({type(error).__name__}): remove the folder and prepare the set again"
            ) from None

    def records(self, rows: np.ndarray, key: tuple[int, tf.Tensor]) -> tf.data.Dataset:
        """Returns the serialized records of those numbers, several files being read alternately.

        Args:
            rows: Ascending numbers.
            key: (seed, epoch) of the order of the files.
        """
        files, lengths = tf.constant(self.files), tf.constant(self.lengths, tf.int64)
        starts = tf.cumsum(lengths, exclusive=True)

        @graph_native
        def shard(index: tf.Tensor) -> tf.data.Dataset:
            numbers = tf.data.Dataset.range(starts[index], starts[index] + lengths[index])
            return tf.data.Dataset.zip(
                tf.data.TFRecordDataset(files[index], buffer_size=_READ_AHEAD), numbers
            )

        shards = tf.data.Dataset.range(len(self.files))
        order = [*key, FILES]
        shuffled = graph_native(lambda index: permuted(index, len(self.files), order))
        found = shards.map(shuffled).interleave(
            shard,
            cycle_length=min(16, len(self.files)),
            block_length=16,
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        if len(rows) < self.size:
            mask = np.zeros(self.size, bool)
            mask[rows] = True
            member = tf.constant(mask)
            found = found.filter(graph_native(lambda record, number: member[number]))
        return found.map(graph_native(lambda record, number: record))

    def digest(self) -> bytes:
        """Returns a hash over each file's size and its first and last 64 KiB."""
        content = hashlib.sha256()
        for name in self.files:
            with open(name, "rb") as file:
                size = os.path.getsize(name)
                content.update(size.to_bytes(8, "little"))
                content.update(file.read(2**16))
                file.seek(max(0, size - 2**16))
                content.update(file.read())
        return content.digest()


@dataclass(frozen=True)
class RecordSet:
    """A prepared TFDS set.

    Attributes:
        classes: Names, in the order of the labels.
        image_shape: (H, W, C); H and W are None where they differ.
        splits: Record files of "train", and of "validation" and "test" where there are some.
    """

    classes: tuple[str, ...]
    image_shape: tuple[int | None, int | None, int]
    splits: Mapping[str, RecordFiles]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """TFDS logs through absl what it reads, and urllib3 each try: no news to the user."""
    loggers = [logging.getLogger(name) for name in ("absl", "urllib3")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _reach_network() -> None:
    """Raises OSError where nothing outside can be reached; TFDS itself tries for minutes."""
    with contextlib.suppress(urllib.error.HTTPError):  # an answer, whatever it says
        urllib.request.urlopen(_STORE_OF_TFDS, timeout=15).close()


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
        _reach_network()
        if not sys.stderr.isatty():
            tfds.disable_progress_bar()
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

    What TFDS says of a prepared set is remembered: importing it takes longer than reading mnist.

    Raises:
        UserError: If it is neither prepared nor downloadable, or holds no labelled images.
    """
    folder = prepared_sets().get(name)
    if folder is None:
        return _asked(name)
    key = _state_of(folder)
    known = recall("sets", key)
    if known is not None:
        return _remembered(known)
    found = _asked(name)
    remember("sets", key, asdict(found))
    return found


def _state_of(folder: Path) -> str:
    """Returns a name for a prepared set as it is now, and as this version of TFDS sees it."""
    state = hashlib.sha256(importlib.metadata.version("tensorflow-datasets").encode())
    state.update(os.fsencode(folder.resolve()))
    for path in sorted(folder.iterdir()):
        about = path.stat()
        state.update(repr((path.name, about.st_size, about.st_mtime_ns)).encode())
    return state.hexdigest()[:24]


def _remembered(known: Mapping[str, Any]) -> RecordSet:
    """Returns a set as `asdict` and JSON have left it."""
    splits = {
        split: RecordFiles(
            tuple(files["files"]),
            tuple(files["lengths"]),
            files["image_key"],
            files["label_key"],
            tuple(files["image_shape"]),
        )
        for split, files in known["splits"].items()
    }
    return RecordSet(tuple(known["classes"]), tuple(known["image_shape"]), splits)


def _asked(name: str) -> RecordSet:
    """Asks TFDS, which downloads what is not prepared."""
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
        shape = (height, width, channels or 3) if height and width else (None, None, channels or 3)
        splits = {
            split: RecordFiles(
                tuple(str(path) for path in info.splits[split].filepaths),
                tuple(info.splits[split].shard_lengths),
                images[0],
                labels[0],
                shape,
            )
            for split in ("train", "validation", "test")
            if split in info.splits
        }
        classes = tuple(features[labels[0]].names)
        return RecordSet(classes, shape, splits)
