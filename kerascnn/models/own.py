"""A network of one's own: a function in a Python file, named FILE.py:FUNCTION.

The file is imported when a network is to be built from it, never when a saved model or a stored
recipe is read.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from kerascnn.backend import import_quietly
from kerascnn.errors import UserError, unknown
from kerascnn.files import UnreadableError, is_folder, outside, read_regular, status
from kerascnn.models.registry import ModelEntry, models

_MOST_SOURCE = 2**24  # bytes

_loaded: dict[tuple[Path, str], ModuleType] = {}


def short_name(name: str) -> str:
    """Returns the name of a network without that of its file or its folder."""
    return name.rpartition(":")[2].rstrip("/").rpartition("/")[2]


def is_own(name: str) -> bool:
    """Whether a name is FILE.py:FUNCTION and not that of a registered network."""
    return ".py:" in name


def source_digest(path: Path) -> str:
    """Returns the SHA-256 of a file's content.

    Raises:
        UnreadableError: If it cannot be read, or is too large for a Python file.
    """
    return hashlib.sha256(read_regular(path, _MOST_SOURCE)).hexdigest()


def own_entry(name: str) -> ModelEntry:
    """Imports the file of FILE.py:FUNCTION and returns the network.

    FUNCTION is the name that the file gave to `register_model`, or that of a function
    `builder(x, classes, *, ...)`.

    Raises:
        UserError: If the file is missing or fails, or has no such network.
    """
    file, _, wanted = name.rpartition(":")
    path = outside(file)
    known = set(models())
    module = import_own(path)
    entries = models()
    for new in set(entries) - known:
        _own[new] = path.resolve()
    if _own.get(wanted) == path.resolve():
        return replace(entries[wanted], name=name, source=path)
    builder = getattr(module, wanted, None)
    if not callable(builder) or wanted.startswith("_"):
        raise unknown(f"network of {path}", wanted, _builders(module))
    return ModelEntry(name, builder, "own", 0, f"own network, {path}", (32, 32, 3), 10, source=path)


_own: dict[str, Path] = {}  # names that files gave to `register_model`


def _builders(module: ModuleType) -> list[str]:
    """Returns the public functions that a file defines itself, and the names it registered."""
    own = [
        name
        for name, value in vars(module).items()
        if callable(value)
        and not name.startswith("_")
        and getattr(value, "__module__", None) == module.__name__
    ]
    return [*own, *(name for name, path in _own.items() if str(path) == module.__file__)]


def import_own(path: Path) -> ModuleType:
    """Imports a file, once for each content that it has.

    Raises:
        UserError: If it is missing or fails.
    """
    try:
        if status(path) is None or is_folder(path):
            raise UnreadableError(path, "no such file; one's own network is FILE.py:FUNCTION")
        digest = source_digest(path)
    except UnreadableError as error:
        raise UserError(f"model {error}") from None
    key = (path.resolve(), digest)
    if key not in _loaded:
        spec = importlib.util.spec_from_file_location(path.stem, key[0])
        assert spec is not None
        assert spec.loader is not None
        import_quietly()  # the file will name Keras
        module = importlib.util.module_from_spec(spec)
        before: Any = sys.modules.get(path.stem)
        sys.modules[path.stem] = module  # Keras finds the file's layers by it
        try:
            spec.loader.exec_module(module)
        except Exception as error:  # whatever the file does
            if before is None:
                del sys.modules[path.stem]
            else:
                sys.modules[path.stem] = before
            raise UserError(
                f"model {path}: {type(error).__name__} while it was imported: {error}"
            ) from error
        _loaded[key] = module
    return _loaded[key]
