"""What it means when a stream ends in an error of TensorFlow."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from kerascnn.backend import tf
from kerascnn.data.array_file import ArrayFile
from kerascnn.data.dataset import FileImages, ImageData, RecordImages
from kerascnn.data.inventory import inspect_all
from kerascnn.errors import UserError
from kerascnn.text import first_names


@contextlib.contextmanager
def named_failures(data: ImageData) -> Iterator[None]:
    """Goes around what reads from streams of the data: names the files if they are at fault.

    Files are checked when the data is loaded, but may vanish or change later.

    Raises:
        UserError: In place of TensorFlow's error, if files cannot be read any more.
    """
    try:
        yield
    except tf.errors.ResourceExhaustedError:
        raise  # of the network
    except tf.errors.OpError as error:
        fault = _fault(data, error)
        if fault is None:
            raise
        raise UserError(f"{data.name}: {fault}") from None


def _fault(data: ImageData, error: Exception) -> str | None:
    for split in data.splits.values():
        if isinstance(split.kept, ArrayFile) and split.kept.failure:
            return f"{split.kept.failure}: start again"
    checked = {
        path: decoder
        for split in data.splits.values()
        if isinstance(split.images, FileImages)
        for path, decoder in zip(split.images.paths, split.images.decoders, strict=True)
    }
    paths = [Path(os.fsdecode(name)) for name in sorted(checked)]
    # Files that are as they were are not read again.
    facts = dict(zip(paths, inspect_all(paths), strict=True))
    broken = [f"{path} ({found.fault})" for path, found in facts.items() if found.fault]
    if broken:
        return (
            f"{len(broken)} of {len(paths)} image files could be read before and cannot be read "
            f"any more: {first_names(broken)}"
        )
    changed = [
        str(path) for path, found in facts.items() if found.decoder != checked[os.fsencode(path)]
    ]
    if changed:
        return f"image files were changed while they were read: {first_names(changed)}; start again"
    lost = isinstance(error, tf.errors.DataLossError | tf.errors.NotFoundError)
    if lost and any(isinstance(split.images, RecordImages) for split in data.splits.values()):
        return (
            f"files of this prepared set are damaged or gone ({type(error).__name__}): "
            "prepare it again"
        )
    return None
