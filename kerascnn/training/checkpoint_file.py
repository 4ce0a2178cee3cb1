"""A checkpoint on disk: whole or the one before, whenever its writing is cut off."""

from __future__ import annotations

import contextlib
import json
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.errors import UserError
from kerascnn.files import TakenError, locked, written_whole

FORMAT = 1  # of what a checkpoint holds; another one cannot be resumed

_ARRAY = "array"  # {"array": 7} in the header stands for the file's eighth array


def _pack(value: Any, arrays: list[np.ndarray]) -> Any:
    """Returns a nested value for JSON, its arrays moved out into the list."""
    if isinstance(value, np.ndarray):
        assert value.dtype.kind in "biuf", value.dtype  # NumPy would forget any other
        arrays.append(value)
        return {_ARRAY: len(arrays) - 1}
    if isinstance(value, Mapping):
        return {key: _pack(inner, arrays) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_pack(inner, arrays) for inner in value]
    return value


def _unpack(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, dict):
        if set(value) == {_ARRAY}:
            return arrays[value[_ARRAY]]
        return {key: _unpack(inner, arrays) for key, inner in value.items()}
    if isinstance(value, list):
        return [_unpack(inner, arrays) for inner in value]
    return value


class Checkpoint:
    """The newest state of one run, in a folder of its own.

    One .npz file: NumPy arrays, and a JSON header that nests them among plain values. Nothing in
    it is code.

    Attributes:
        path: The path of the file.
        snapshots: Folder of the weights that are kept to look back at, where they are.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self.path = folder / "checkpoint.npz"
        self.snapshots = folder / "snapshots"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from training the same run; a killed process lets go of it.

        Raises:
            UserError: If another process has it.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            (self._folder / ".lock").touch()
        except OSError:  # a disk that is full is no reason not to train
            yield
            return
        try:
            with locked(self._folder / ".lock"):
                try:
                    yield
                finally:
                    if not self.path.exists():
                        self.remove()
        except TakenError:
            raise UserError(
                f"run {self._folder.name[:8]} is being trained by another process"
            ) from None

    def remove(self) -> None:
        """Deletes the folder: the run needs it no more."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def write(self, state: Mapping[str, Any]) -> None:
        """Replaces the checkpoint in one move, after the new one is safely on the disk.

        Args:
            state: Nested mappings and sequences of plain values and NumPy arrays.

        Raises:
            OSError: If it cannot be written; the one before is still there.
        """
        arrays: list[np.ndarray] = []
        header = json.dumps({"format": FORMAT, "state": _pack(state, arrays)}, default=float)
        with written_whole(self.path, durable=True) as unfinished, unfinished.open("wb") as file:
            np.savez(file, *arrays, header=np.frombuffer(header.encode(), np.uint8))

    def read(self) -> dict[str, Any]:
        """Returns the state that was written.

        Raises:
            UserError: If it is missing, damaged, or of a format that this version does not read.
        """
        try:
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as members:
                header = json.loads(members["header"].tobytes())
                arrays = [members[f"arr_{number}"] for number in range(len(members.files) - 1)]
            # Version 0.1.0 wrote its own name, and this format.
            form = header.get("format", FORMAT)
            state = _unpack(header["state"], arrays)
        except OSError as error:
            raise UserError(f"checkpoint {self.path}: {error.strerror or error}") from None
        except (zipfile.BadZipFile, EOFError, ValueError, KeyError, IndexError, TypeError):
            raise UserError(f"checkpoint {self.path} is damaged: start the run anew") from None
        if form != FORMAT:
            raise UserError(
                f"checkpoint {self.path} is of format {form}, this version of kerascnn reads "
                f"{FORMAT}: only a version that writes it can resume the run"
            )
        assert isinstance(state, dict)
        return state
