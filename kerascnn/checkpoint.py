"""A checkpoint on disk: whole or the one before, whenever its writing is cut off."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn import __version__
from kerascnn.errors import UserError

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
        path: Of the file.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self.path = folder / "checkpoint.npz"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps other processes from training the same run; a killed process lets go of it.

        Raises:
            UserError: If another process has it.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            lock = (self._folder / ".lock").open("w")
        except OSError:  # a disk that is full is no reason not to train
            yield
            return
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(
                    f"run {self._folder.name[:8]} is being trained by another process"
                ) from None
            try:
                yield
            finally:
                if not self.path.exists():
                    self.remove()

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
        header = json.dumps({"version": __version__, "state": _pack(state, arrays)}, default=float)
        partial = self.path.with_suffix(".partial")
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            with partial.open("wb") as file:
                np.savez(file, *arrays, header=np.frombuffer(header.encode(), np.uint8))
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, self.path)
            folder = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(folder)  # the move itself, too, survives a power cut
            finally:
                os.close(folder)
        except BaseException:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            raise

    def read(self) -> dict[str, Any]:
        """Returns the state that was written.

        Raises:
            UserError: If it is missing, damaged, or of another version of kerascnn.
        """
        try:
            with self.path.open("rb") as file, np.load(file, allow_pickle=False) as members:
                header = json.loads(members["header"].tobytes())
                arrays = [members[f"arr_{number}"] for number in range(len(members.files) - 1)]
            version, state = header["version"], _unpack(header["state"], arrays)
        except OSError as error:
            raise UserError(f"checkpoint {self.path}: {error.strerror or error}") from None
        except (zipfile.BadZipFile, EOFError, ValueError, KeyError, IndexError, TypeError):
            raise UserError(f"checkpoint {self.path} is damaged: start the run anew") from None
        if version != __version__:
            raise UserError(
                f"checkpoint {self.path} was written by kerascnn {version}, this is {__version__}: "
                "only the version that started a run can resume it"
            )
        assert isinstance(state, dict)
        return state
