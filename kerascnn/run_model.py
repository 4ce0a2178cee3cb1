"""The network of a tracked run, or of a file, and the data of the run."""

from __future__ import annotations

from pathlib import Path

from kerascnn import tracking
from kerascnn.data.dataset import ImageData
from kerascnn.data.loading import load
from kerascnn.errors import UserError
from kerascnn.models.own import import_own, source_digest
from kerascnn.serving import archive
from kerascnn.serving.archive import SavedModel
from kerascnn.tracking import FINGERPRINT, Run

# Tags of a run whose network is one's own: the file that made it, and its SHA-256.
SOURCE, DIGEST = "model_source", "model_source_sha256"


def load_model(source: Run | str | Path) -> SavedModel:
    """Reads the trained network of a run, or of a model.keras file.

    Args:
        source: A run, what `load_run` takes, or the path of a file that ends in .keras.

    Raises:
        UserError: For an unknown run or one without a model, or a file that is missing, damaged or
            not kerascnn's.
    """
    if isinstance(source, Run):
        return _load_model_of(source)
    if Path(source).suffix == ".keras":
        return archive.load_model(source)
    return load_model(tracking.load_run(str(source)))


def _load_model_of(run: Run) -> SavedModel:
    """Reads a run's model; one's own layers come from the file that made it, if still the same."""
    path, own = run.artifact("model.keras"), run.tags.get(SOURCE)
    if own is None:
        return archive.load_model(path)
    same = Path(own).is_file() and source_digest(Path(own)) == run.tags[DIGEST]
    modules = [import_own(Path(own)).__name__] if same else []
    try:
        return archive.load_model(path, modules)
    except UserError as error:
        if same:
            raise
        now = "has changed since" if Path(own).is_file() else "is not there any more"
        digest = run.tags[DIGEST][:12]
        raise UserError(
            f"{error}; run {run.name} was made by {own} (SHA-256 {digest}...), which {now}"
        ) from None


def data_of(run: Run) -> ImageData:
    """Loads the data of a run, which must be what it was trained on.

    Raises:
        UserError: If it is not there any more, or has changed since.
    """
    data = load(run.recipe.data)
    was = run.tags.get(FINGERPRINT, data.fingerprint)
    if data.fingerprint != was:
        raise UserError(
            f"run {run.name}: {data.name} has changed since it was trained (fingerprint "
            f"{data.fingerprint}, was {was}); what it is worth on what is there now: "
            f"kerascnn evaluate {run.name} --data {data.name}"
        )
    return data
