"""Files of weights, read by the names of their layers; no network is built and no code is run."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from kerascnn.errors import UserError
from kerascnn.files import opened_regular
from kerascnn.serving.members import WEIGHTS, check_stored, opened_archive

if TYPE_CHECKING:
    import h5py
    import numpy as np

ENDINGS = (".keras", ".h5")
LARGEST = 2**35  # bytes


def is_weights_file(source: str) -> bool:
    """Whether a name is that of a file of weights, by its ending."""
    return source.endswith(ENDINGS)


def layer_names(path: str | Path) -> list[str]:
    """Returns the names of the layers that have weights in a file; see `read_layers`."""
    with _opened(Path(path)) as file:
        return [name for name, _ in _layers(file)]


def read_layers(path: str | Path) -> dict[str, list[np.ndarray]]:
    """Reads weights by the name of their layer.

    Args:
        path: A `.keras` file, a `.weights.h5` file, or one of the older HDF5 formats, of weights or
            of a whole model. Layers within layers are not looked for.

    Returns:
        For each layer, in the order of the file, its weights in Keras's order.

    Raises:
        UserError: If the file is missing, damaged, or holds no layers by name.
    """
    import numpy as np

    with _opened(Path(path)) as file:
        return {
            name: [np.asarray(weight, "float32") for weight in weights]
            for name, weights in _layers(file)
        }


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[h5py.File]:
    import h5py

    # What h5py and zipfile raise for damage.
    damage = (OSError, ValueError, KeyError, RuntimeError, zipfile.BadZipFile)
    try:
        with _content(path) as content, contextlib.ExitStack() as stack:
            try:
                file = stack.enter_context(h5py.File(content, "r"))
                check_stored(file, content.seek(0, io.SEEK_END))
                yield file
            except damage as error:
                raise _damaged(path, error) from None
    except UserError:
        raise
    except damage as error:
        raise _damaged(path, error) from None


@contextlib.contextmanager
def _content(path: Path) -> Iterator[BinaryIO]:
    if path.suffix != ".keras":
        with opened_regular(path, LARGEST) as file:
            yield file
        return
    with opened_archive(path) as archive:
        if WEIGHTS not in archive.namelist():
            raise UserError(f"{path}: not a .keras file (it has no {WEIGHTS})")
        content = archive.read(WEIGHTS)
    yield io.BytesIO(content)


def _damaged(path: Path, error: Exception) -> UserError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return UserError(f"{path}: damaged, or no file of weights ({reason})")


def _layers(file: h5py.File) -> Iterator[tuple[str, list[Any]]]:
    """Yields the name and the data sets of every layer that has some."""
    found = list(_of_layers(file) if "layers" in file else _of_older(file))
    if not found:
        raise ValueError("it holds no layers")
    yield from found


def _of_layers(file: h5py.File) -> Iterator[tuple[str, list[Any]]]:
    """The format of `.weights.h5` and `.keras`: layers/CLASS_NUMBER/vars/NUMBER."""
    for group in file["layers"].values():
        weights = group.get("vars", {})
        if len(weights):
            name = weights.attrs.get("name")
            if name is None:
                raise ValueError("its layers have no names: save it anew with Keras 3.10 or later")
            yield str(name), [weights[key] for key in sorted(weights, key=int)]


def _of_older(file: h5py.File) -> Iterator[tuple[str, list[Any]]]:
    """The formats before Keras 3, of weights or of a model: LAYER with a list of its weights."""
    root = file.get("model_weights", file)
    for name, group in root.items():
        weights = [_text(weight) for weight in group.attrs.get("weight_names", ())]
        if weights:
            yield name, [group[weight] for weight in weights]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
