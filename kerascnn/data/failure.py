"""What it means when a stream ends in an error of TensorFlow."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from kerascnn.backend import tf
from kerascnn.data.dataset import FileImages, ImageData, RecordImages
from kerascnn.data.inventory import inspect_all
from kerascnn.errors import UserError


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
    sources = [split.images for split in data.splits.values()]
    names = {path for source in sources if isinstance(source, FileImages) for path in source.paths}
    paths = [Path(os.fsdecode(name)) for name in sorted(names)]
    # Files that are as they were are not read again.
    facts = zip(paths, inspect_all(paths), strict=True)
    broken = [f"{path} ({found.fault})" for path, found in facts if found.fault]
    if broken:
        more = f" and {len(broken) - 10} more" if len(broken) > 10 else ""
        return (
            f"{len(broken)} of {len(paths)} image files could be read before and cannot be read "
            f"any more: {', '.join(broken[:10])}{more}"
        )
    lost = isinstance(error, tf.errors.DataLossError | tf.errors.NotFoundError)
    if lost and any(isinstance(source, RecordImages) for source in sources):
        return (
            f"files of this prepared set are damaged or gone ({type(error).__name__}): "
            "prepare it again"
        )
    return None
