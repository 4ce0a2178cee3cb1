"""The network of a tracked run, or of a file, and the data of the run."""

from __future__ import annotations

from pathlib import Path

from kerascnn import tracking
from kerascnn.checkpoints import checkpoint_of
from kerascnn.data.dataset import ImageData
from kerascnn.data.loading import load
from kerascnn.errors import UserError
from kerascnn.models.own import import_own, source_digest
from kerascnn.recipe import Recipe
from kerascnn.serving import archive
from kerascnn.serving.archive import SavedModel
from kerascnn.tracking import FINGERPRINT, Run, run_to_continue
from kerascnn.training.initialization import Start

# Tags of a run whose network is one's own: the file that made it, and its SHA-256.
SOURCE, DIGEST = "model_source", "model_source_sha256"


def model_tags(recipe: Recipe) -> dict[str, str]:
    """Returns the tags that name the file of one's own network; none of another one."""
    own = recipe.model.entry.source
    return {} if own is None else {SOURCE: str(own.resolve()), DIGEST: source_digest(own)}


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


def start_of(reference: str, data: ImageData) -> Start:
    """Returns what a run left for another one to go on from.

    Its newest checkpoint, with the optimizer, where it did not finish and its data is the same; its
    model otherwise.

    Args:
        reference: As `load_run` takes it.
        data: What the new run trains on.

    Raises:
        UserError: If the run has left neither, or its classes are others.
    """
    run = run_to_continue(reference)
    name = f"{run.name} ({run.id[:8]})"
    checkpoint = checkpoint_of(run.id)
    if run.status != "FINISHED" and checkpoint.path.exists():
        state = checkpoint.read()
        if state["fingerprint"] == data.fingerprint:
            step = f", step {state['step']}" if state["step"] else ""
            return Start(
                f"{name} after epoch {state['epoch']}{step}",
                arrays=state["model"],
                optimizer=state["optimizer"],
                optimizer_name=state["recipe"]["optimizer"]["name"],
            )
    saved = load_model(run)
    if saved.classes != data.classes:
        raise UserError(
            f"training.continue_from: run {run.name} has other classes than {data.name}; "
            f"training.initialize ('--init {run.name}') takes the layers that match"
        )
    best = run.metrics.get("best_epoch")
    return Start(f"{name}{f' with the weights of epoch {best:g}' if best else ''}", saved.model)


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
