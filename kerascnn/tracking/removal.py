"""Runs that go: deleted, which can be undone, and later removed for good with their artifacts."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from kerascnn.errors import UserError
from kerascnn.tracking.folds import fold_runs
from kerascnn.tracking.models import models_of
from kerascnn.tracking.registry import registered_as
from kerascnn.tracking.runs import KIND, Run, list_runs
from kerascnn.tracking.store import open_client, store_errors, store_uri
from kerascnn.tracking.sweeps import children

_KINDS = (None, "sweep", "trial", "fold")


def delete(runs: Sequence[Run]) -> None:
    """Deletes runs, and their trials or folds: the store hides them until they are removed.

    Raises:
        UserError: If one of them is running, or its model registered; then none is deleted.
    """
    for run in runs:
        if run.status == "RUNNING":
            raise UserError(f"{run.name} is running: end it first")
        names = registered_as(run.id)
        if names:
            raise UserError(
                f"{run.name} is registered as {', '.join(names)}: delete that in MLflow's UI first"
            )
    client = open_client(create=True)
    assert client is not None
    with store_errors():
        for run in runs:
            # It goes after them: cut off in the middle, what is left is still a sweep or a run.
            trials = children(run) if run.tags.get(KIND) == "sweep" else []
            for parent in (*trials, run):
                for fold in fold_runs(parent.id):
                    client.delete_run(fold.id)
                client.delete_run(parent.id)


def deleted_runs() -> list[Run]:
    """Returns all that is deleted and not yet removed, of each kind the newest first."""
    return [run for kind in _KINDS for run in list_runs(kind=kind, deleted=True)]


def kept_by_server() -> bool:
    """Returns whether the store is a tracking server: it removes no runs for its clients."""
    return store_uri().startswith(("http://", "https://"))


def remove(runs: Sequence[Run]) -> None:
    """Removes deleted runs for good, with their artifacts.

    It takes the place of `mlflow gc`, which would remove the deleted experiments and models of
    everybody who shares the store, whichever runs it is asked for.

    Raises:
        UserError: If the store is a tracking server: it removes none for its clients.
    """
    if kept_by_server():
        raise UserError("a tracking server removes no runs for its clients: 'mlflow gc' there does")
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
    from mlflow.tracking._tracking_service.utils import _get_store

    client = open_client(create=True)  # it is there, whole, and can be written
    assert client is not None
    with store_errors():
        store = _get_store(store_uri())
        for run in runs:
            for model in models_of(client, run.id):
                get_artifact_repository(model.artifact_location).delete_artifacts()
                store._hard_delete_logged_model(model.model_id)
            # First the artifacts: cut off in between, the run is still there to be removed.
            folder = run.artifact_folder
            get_artifact_repository(run.artifact_uri).delete_artifacts()
            store._hard_delete_run(run.id)
            if folder is not None:
                with contextlib.suppress(OSError):  # something else lies there
                    folder.parent.rmdir()
