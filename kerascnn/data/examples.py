"""Single images by what they are called in a table of predictions, without TensorFlow."""

from __future__ import annotations

import io
import struct
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.data import digits
from kerascnn.data.images import UnreadableImageError, decode
from kerascnn.data.sources import parse, prepared_sets
from kerascnn.errors import UserError

# A record in a TFRecord file: its length and that one's checksum, the content, and its checksum.
_HEAD, _TAIL = struct.Struct("<QI"), 4
_AT_ONCE = 500  # images


def read_images(data: str, examples: Sequence[str]) -> list[np.ndarray | None]:
    """Returns images as they are stored, uint8 (H, W, 1 or 3); None for what is not there any more.

    Args:
        data: Name of the data set.
        examples: From `Predictions.examples`, in any order.

    Raises:
        UserError: If the name is unknown, or the set as a whole is not there.
    """
    source = parse(data)
    if source.kind == "digits":
        pixels, _ = digits.read()
        return [pixels[int(example)] for example in examples]
    if source.kind == "tfds":
        return _from_records(source.value, examples)
    root = root_of(data)
    assert root is not None
    return [_decoded(root / example) for example in examples]


def read_rgb(data: str, examples: Sequence[str]) -> Iterator[np.ndarray | None]:
    """Yields what `read_images` returns as uint8 RGB (H, W, 3), a few hundred read at a time."""
    for start in range(0, len(examples), _AT_ONCE):
        for image in read_images(data, examples[start : start + _AT_ONCE]):
            if image is not None and image.shape[-1] == 1:
                image = np.repeat(image, 3, axis=-1)
            yield image


def root_of(data: str) -> Path | None:
    """Returns the folder that the examples of a set are files in; None where they are no files."""
    source = parse(data)
    if source.kind == "folder":
        return source.path
    return source.path.parent if source.kind == "csv" else None


def _decoded(file: Path | io.BytesIO) -> np.ndarray | None:
    try:
        return decode(file)
    except UnreadableImageError:
        return None


def _from_records(name: str, examples: Sequence[str]) -> list[np.ndarray | None]:
    folder = prepared_sets().get(name)
    if folder is None:
        raise UserError(f"data set '{name}' is not prepared here: its images cannot be shown")
    wanted = defaultdict(set)
    for example in examples:
        file, _, number = example.rpartition("__")
        wanted[file].add(int(number))
    found = {
        f"{file}__{number}": _image_of(record)
        for file, numbers in wanted.items()
        if (folder / file).is_file()
        for number, record in _records(folder / file, numbers)
    }
    return [found.get(example) for example in examples]


def _records(path: Path, numbers: set[int]) -> Iterator[tuple[int, bytes]]:
    """Yields records of a TFRecord file by number."""
    with path.open("rb") as file:
        for number in range(max(numbers) + 1):
            head = file.read(_HEAD.size)
            if len(head) < _HEAD.size:
                return
            length, _ = _HEAD.unpack(head)
            if number in numbers:
                yield number, file.read(length)
                file.seek(_TAIL, io.SEEK_CUR)
            else:
                file.seek(length + _TAIL, io.SEEK_CUR)


def _image_of(record: bytes) -> np.ndarray | None:
    """Returns the image in a serialized tf.train.Example: its one feature that can be decoded."""
    try:
        example = _example_class().FromString(record)
    except Exception:  # protobuf's DecodeError: the record is damaged
        return None
    for _, feature in sorted(example.features.feature.items()):
        for content in feature.bytes_list.value[:1]:
            image = _decoded(io.BytesIO(content))
            if image is not None:
                return image
    return None


@cache
def _example_class() -> Any:
    """Returns the class of tf.train.Example, as tensorflow/core/example/*.proto define it.

    In a pool of its own, so that TensorFlow can bring its definition all the same.
    """
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    kind = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="example.proto", package="tensorflow", syntax="proto3"
    )

    def message(name: str, **fields: tuple[int, str, bool]) -> Any:
        made = file.message_type.add(name=name)
        for field, (number, type_, repeated) in fields.items():
            label = kind.LABEL_REPEATED if repeated else kind.LABEL_OPTIONAL
            added = made.field.add(name=field, number=number, label=label)
            if type_ == "bytes":
                added.type = kind.TYPE_BYTES
            else:
                added.type, added.type_name = kind.TYPE_MESSAGE, f".tensorflow.{type_}"
        return made

    message("BytesList", value=(1, "bytes", True))
    message("Feature", bytes_list=(1, "BytesList", False))
    features = message("Features", feature=(1, "Features.FeatureEntry", True))
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=kind.LABEL_OPTIONAL, type=kind.TYPE_STRING)
    entry.field.add(
        name="value",
        number=2,
        label=kind.LABEL_OPTIONAL,
        type=kind.TYPE_MESSAGE,
        type_name=".tensorflow.Feature",
    )
    message("Example", features=(1, "Features", False))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("tensorflow.Example"))
