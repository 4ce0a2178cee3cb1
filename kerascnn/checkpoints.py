"""The checkpoints of runs: where each lies, and which nobody needs.

They are in `mlruns/checkpoints` under the working directory, wherever the tracking store is, or in
the folder that KERASCNN_CHECKPOINTS names: on a drive that machines share, one resumes what another
one has trained.
"""

from __future__ import annotations

import os
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

from kerascnn import tracking
from kerascnn.errors import UserError
from kerascnn.files import outside, size_text
from kerascnn.tracking import Run
from kerascnn.training.checkpoint_file import Checkpoint

FOLDER = "KERASCNN_CHECKPOINTS"
LONGEST_DAYS = 30  # that the checkpoint of a run is kept which nobody resumes


def _folder() -> Path:
    given = os.environ.get(FOLDER)
    return (outside(given) if given else Path(tracking.STORE_FOLDER) / "checkpoints").resolve()


def checkpoint_of(run_id: str) -> Checkpoint:
    """Returns a run's checkpoint.

    Raises:
        UserError: If no folder can have the name in KERASCNN_CHECKPOINTS.
    """
    return Checkpoint(_folder() / run_id)


@dataclass(frozen=True)
class Kept:
    """A checkpoint on the disk.

    Attributes:
        run_id: Whose it is.
        written: Seconds since the epoch.
        size: Bytes.
    """

    run_id: str
    written: float
    size: int

    @property
    def days(self) -> float:
        """How long ago it was written."""
        return (time.time() - self.written) / (24 * 60 * 60)

    def remove(self) -> bool:
        """Removes it; returns whether: one of a run that is being trained is kept."""
        checkpoint = checkpoint_of(self.run_id)
        try:
            with checkpoint.locked():
                checkpoint.remove()
        except UserError:
            return False
        return True


def kept_checkpoints() -> list[Kept]:
    """Returns the checkpoints that lie where those of this process do, the oldest first."""
    found = []
    for path in _folder().glob(f"*/{checkpoint_of('').path.name}"):
        try:
            status = path.stat()
        except FileNotFoundError:  # its run has just finished
            continue
        found.append(Kept(path.parent.name, status.st_mtime, status.st_size))
    return sorted(found, key=lambda kept: kept.written)


def unneeded(kept: Kept, run: Run | None, days: float = LONGEST_DAYS) -> bool:
    """Whether nobody needs a checkpoint any more.

    Args:
        kept: The checkpoint.
        run: Whose it is; None where it is deleted, or in another store.
        days: How long one is kept that could still be resumed.
    """
    return (run is not None and run.status == "FINISHED") or kept.days > days


def remove_old_checkpoints() -> None:
    """Removes checkpoints that nobody has resumed from for `LONGEST_DAYS`, with a warning."""
    old = [kept for kept in kept_checkpoints() if unneeded(kept, None) and kept.remove()]
    if old:
        runs = "run that was" if len(old) == 1 else f"{len(old)} runs that were"
        warnings.warn(
            f"removed the checkpoints ({size_text(sum(kept.size for kept in old))}) of {runs} "
            f"not resumed within {LONGEST_DAYS} days",
            stacklevel=2,
        )
