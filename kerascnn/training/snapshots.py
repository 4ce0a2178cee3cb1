"""The weights of a network at several epochs of its training, kept to look back at."""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.files import written_whole
from kerascnn.models.build import main_head
from kerascnn.training.optimizers import scored_weights

FOLDER = "snapshots"  # among the artifacts of a run

_FILE = re.compile(r"epoch-(\d{3,})\.npz")


class Snapshots(keras.callbacks.Callback):
    """Writes the weights before the first epoch and after every so many, a file for each.

    With averaged weights (EMA) those are the averages, as validation scores them.

    Args:
        folder: To write to; made where it is missing.
        every: Epochs between two snapshots.
        epoch: That the run begins with, zero-based.
        resumed: Whether it goes on: what was written after that epoch belongs to a course of the
            run that was given up, and is removed.
    """

    def __init__(self, folder: Path, every: int, *, epoch: int = 0, resumed: bool = False):
        super().__init__()
        self._folder, self._every = folder, every
        self._epoch, self._resumed = epoch, resumed
        self._warned = False

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Writes the weights that training begins with, unless it goes on."""
        for epoch, path in _files(self._folder):
            if not self._resumed or epoch > self._epoch:
                path.unlink(missing_ok=True)
        if not self._resumed:
            self._write(0)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Writes where a snapshot is due."""
        if (epoch + 1) % self._every == 0:
            self._write(epoch + 1)

    def _write(self, epoch: int) -> None:
        paths = [weight.path for weight in self.model.weights]
        values = dict(zip(paths, scored_weights(self.model), strict=True))
        kept = {_key(weight): values[weight.path] for weight in main_head(self.model).weights}
        path = self._folder / f"epoch-{epoch:03d}.npz"
        try:
            with written_whole(path) as unfinished, unfinished.open("wb") as file:
                np.savez(file, **kept)
        except OSError as error:
            if not self._warned:
                warnings.warn(
                    f"cannot write a snapshot, the run goes on: {error.strerror or error}",
                    stacklevel=2,
                )
            self._warned = True


def _key(weight: keras.Variable) -> str:
    """Returns what a weight is called in the file: "conv1.kernel"."""
    return str(weight.path).replace("/", ".")


def _files(folder: Path) -> list[tuple[int, Path]]:
    """Returns the snapshots in a folder, with the epochs that they were taken after."""
    found = ((_FILE.fullmatch(path.name), path) for path in folder.glob("epoch-*.npz"))
    return sorted((int(match[1]), path) for match, path in found if match)


def read_snapshots(folder: Path, model: keras.Model) -> Iterator[tuple[int, keras.Model]]:
    """Yields a network as it was at several epochs, from the first on.

    It is one network, whose weights change: what is wanted of one epoch is to be had before the
    next is asked for.

    Args:
        folder: That `Snapshots` wrote.
        model: The network as it is now, which stays so.

    Yields:
        How many epochs it had trained for, and the network.

    Raises:
        UserError: If a snapshot is damaged, or of another network.
    """
    copy = keras.models.clone_model(main_head(model))  # which is not compiled
    copy.set_weights(model.get_weights())
    for epoch, path in _files(folder):
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                for weight in copy.weights:
                    weight.assign(arrays[_key(weight)])
        except (OSError, zipfile.BadZipFile, EOFError, ValueError, KeyError) as error:
            reason = f"{type(error).__name__}: {error}".partition("\n")[0]
            raise UserError(f"snapshot {path} cannot be read ({reason})") from None
        yield epoch, copy
