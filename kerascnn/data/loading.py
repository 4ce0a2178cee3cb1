"""From a data spec to named splits."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from kerascnn.backend import tf
from kerascnn.data import digits, folders, images, records, sources, splits
from kerascnn.data.dataset import ArrayImages, ImageData, Split
from kerascnn.recipe import DataSpec

_Part = tuple[np.ndarray, np.ndarray]  # pixels (N, H, W, C) and labels (N,)


def load(spec: DataSpec) -> ImageData:
    """Opens a data set and cuts it into training, validation and test images.

    Raises:
        UserError: If the data is missing, or cannot be split as asked.
    """
    source = sources.parse(spec.name)
    if source.kind == "digits":
        classes, parts = _digits(spec)
    elif source.kind == "tfds":
        classes, parts = _records(source.value, spec)
    else:
        classes, parts = _files(source, spec)
    cut = _cut(parts, classes, spec)
    digest = hashlib.sha256()
    for pixels, labels in parts.values():
        digest.update(labels.tobytes())
        digest.update(np.ascontiguousarray(pixels).data)
    shape = cut["train"].images.pixels.shape[1:]
    return ImageData(spec.name, tuple(classes), shape, cut, digest.hexdigest()[:16])


def _cut(parts: dict[str, _Part], classes: tuple[str, ...], spec: DataSpec) -> dict[str, Split]:
    """Cuts test and validation from the training images where the data has none of its own."""
    rows = {name: np.arange(len(labels)) for name, (_, labels) in parts.items()}
    origin = {name: name for name in parts}
    for name, fraction in (
        ("test", spec.test_fraction),
        ("validation", spec.validation_fraction),
    ):
        if name not in parts:
            labels = parts["train"][1][rows["train"]]
            kept, taken = splits.cut(labels, fraction, spec.split_seed, classes, name)
            rows[name], rows["train"] = rows["train"][taken], rows["train"][kept]
            origin[name] = "train"
    return {
        name: Split(
            name,
            parts[origin[name]][1][rows[name]],
            ArrayImages(parts[origin[name]][0], rows[name]),
        )
        for name in ("train", "validation", "test")
    }


def _digits(spec: DataSpec) -> tuple[tuple[str, ...], dict[str, _Part]]:
    pixels, labels = digits.read()
    height, width = spec.image_size or digits.BITMAP
    fitted = np.stack([images.resize(p, (height, width, 1), spec.resize) for p in pixels])
    return digits.CLASSES, {"train": (fitted, labels)}


def _records(name: str, spec: DataSpec) -> tuple[tuple[str, ...], dict[str, _Part]]:
    found = records.open_set(name)
    height, width = spec.image_size or found.size or (224, 224)
    channels = {"auto": found.channels, "grey": 1, "rgb": 3}[spec.colour]
    parts = {}
    for split, files in found.splits.items():
        encoded = tf.data.TFRecordDataset(list(files.files)).batch(256).map(files.parse).unbatch()

        def read(image: tf.Tensor, label: tf.Tensor, depth: int = files.channels) -> tuple:
            pixels = tf.io.decode_image(image, channels=depth, expand_animations=False)
            pixels = tf.ensure_shape(pixels, (None, None, depth))
            return images.fit(pixels, (height, width, channels), spec.resize), label

        batches = encoded.map(read, num_parallel_calls=tf.data.AUTOTUNE).batch(256)
        blocks = list(batches.as_numpy_iterator())
        parts[split] = tuple(np.concatenate(column) for column in zip(*blocks, strict=True))
    if "test" not in parts or parts["test"][1].min() < 0:
        parts.pop("test", None)
        if "validation" in parts:
            parts["test"] = parts.pop("validation")
    return found.classes, parts


def _files(source: sources.Source, spec: DataSpec) -> tuple[tuple[str, ...], dict[str, _Part]]:
    path: Path = source.path
    listing = folders.scan_csv(path) if source.kind == "csv" else folders.scan_folder(path)
    height, width = spec.image_size or (224, 224)
    shape = (height, width, 1 if spec.colour == "grey" else 3)
    parts = {}
    for split, (paths, labels) in listing.splits.items():
        pixels = [images.resize(images.decode(listing.root / p), shape, spec.resize) for p in paths]
        parts[split] = (np.stack(pixels), labels)
    return listing.classes, parts
