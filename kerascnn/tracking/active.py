"""A run that is being written."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kerascnn.data.dataset import ImageData
from kerascnn.errors import UserError
from kerascnn.models.own import short_name
from kerascnn.recipe import Recipe
from kerascnn.scratch import scratch_folder
from kerascnn.serving.members import stored_about
from kerascnn.text import shown
from kerascnn.tracking.datasets import inputs_of
from kerascnn.tracking.long_tags import long_tags
from kerascnn.tracking.models import MODEL, log_model
from kerascnn.tracking.origin import origin
from kerascnn.tracking.params import RECIPE, chosen
from kerascnn.tracking.process import own_process
from kerascnn.tracking.runs import KERAS_VALIDATION, VALIDATION, Run, list_runs
from kerascnn.tracking.store import experiment_name, open_client, store_errors
from kerascnn.tracking.system_metrics import system_metrics

_LONGEST_NAME = 200
_FILE = "recipe.yaml"

if TYPE_CHECKING:
    from mlflow.entities import Metric
    from mlflow.tracking import MlflowClient


def check_name(name: str | None) -> None:
    """Refuses what cannot be the name of a run or sweep, before there is one.

    Raises:
        UserError: If it is empty, too long, or holds what cannot be seen.
    """
    if name is not None and (not name.strip() or len(name) > _LONGEST_NAME or shown(name) != name):
        what = name if len(name) <= 60 else f"{name[:60]}... ({len(name):,} characters)"
        raise UserError(
            f"name: got '{shown(what)}', must be 1 to {_LONGEST_NAME} characters that can be seen"
        )


class ActiveRun:
    """A run that is being written.

    Raises:
        UserError: From every method that writes, where the store cannot be written any more.
    """

    def __init__(self, client: MlflowClient, run_id: str, name: str):
        self._client = client
        self.id = run_id
        self.name = name
        self.status = "FINISHED"
        self._epochs = 0  # that are logged
        self._figures: list[Metric] = []  # that were logged last

    def log_epoch(self, metrics: Mapping[str, float], epoch: int) -> None:
        """Logs figures of an epoch (zero-based), once: a resumed run may go through it again."""
        if epoch >= self._epochs:
            figures = {
                f"{VALIDATION}{name.removeprefix(KERAS_VALIDATION)}"
                if name.startswith(KERAS_VALIDATION)
                else name: value
                for name, value in metrics.items()
            }
            self.log_metrics(figures, step=epoch + 1)
            self._epochs = epoch + 1

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Logs figures of one epoch, in one transaction."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        values = [Metric(name, float(value), now, step) for name, value in metrics.items()]
        with store_errors():
            self._client.log_batch(self.id, metrics=values)
        self._figures = values

    def log_files(self, folder: Path, into: str | None = None) -> None:
        """Copies every file of a folder to the run's artifacts, or to a folder among them.

        Its `model.keras` is taken out, and becomes the run's MLflow model.
        """
        _log_files(self.id, folder, into, self._figures)

    def log_data(self, data: ImageData) -> None:
        """Logs the splits of the data as the run's inputs."""
        with store_errors():
            self._client.log_inputs(self.id, inputs_of(data))

    def log_note(self, text: str, picture: str | None = None) -> None:
        """Writes what MLflow shows as the run's description.

        Args:
            text: In Markdown.
            picture: An artifact to show below it.
        """
        if picture is not None:
            address = f"get-artifact?path={quote(picture)}&run_uuid={self.id}"
            text = f"{text}\n\n![{picture}]({address})"
        with store_errors():
            self._client.set_tag(self.id, "mlflow.note.content", text)

    def mark_killed(self) -> None:
        """Notes that the user ended the run."""
        self.status = "KILLED"


@contextlib.contextmanager
def new_files(run_id: str) -> Iterator[Path]:
    """Lets a block write files for a run that has ended, and makes them its artifacts.

    They take the place of those of the same names; where the block fails, none does.

    Yields:
        The folder to write to; it goes afterwards.

    Raises:
        UserError: If the store cannot be written.
    """
    with tempfile.TemporaryDirectory(dir=scratch_folder()) as folder:
        yield Path(folder)
        _log_files(run_id, Path(folder))


def _log_files(
    run_id: str, folder: Path, into: str | None = None, figures: Sequence[Metric] = ()
) -> None:
    client = open_client(create=True)
    assert client is not None
    with store_errors():
        if into is None and _becomes_logged(client, run_id, folder / MODEL):
            with tempfile.TemporaryDirectory(dir=folder.parent) as place:
                file = (folder / MODEL).rename(Path(place) / MODEL)
                log_model(client, run_id, file, figures)
        client.log_artifacts(run_id, str(folder), into)


def _becomes_logged(client: MlflowClient, run_id: str, file: Path) -> bool:
    """Whether a file is a model of ours, of a run that has none among its own artifacts.

    A run of version 0.2 or earlier has, and keeps it where it is.
    """
    if not file.exists() or stored_about(file) is None:
        return False
    return not any(item.path == MODEL for item in client.list_artifacts(run_id))


@contextlib.contextmanager
def start_run(
    recipe: Recipe, name: str | None, tags: Mapping[str, str], params: Mapping[str, Any]
) -> Iterator[ActiveRun]:
    """Opens a run for a recipe; it ends FINISHED, FAILED after an exception, or KILLED.

    Args:
        recipe: Logged flat, field by field.
        name: The name of the run; made from model, data and a number if None.
        tags: Code, versions, hardware, data.
        params: What is known beside the recipe, such as the number of parameters.
    """
    client = open_client(create=True)
    assert client is not None
    with store_errors():
        experiment = client.get_experiment_by_name(experiment_name())
        assert experiment is not None
        name = name or new_name(recipe, list_runs())
        # A kill may come before anything else is written: what it is goes in with its row.
        identity = long_tags(RECIPE, recipe.model_dump(mode="json"))
        made = client.create_run(
            experiment.experiment_id,
            run_name=name,
            tags={**own_process(), **origin(tags), **tags, **identity},
        )
        run_id = made.info.run_id
    with ended(ActiveRun(client, run_id, name), client) as run, system_metrics(run_id):
        _describe(client, run_id, recipe, params, {})
        yield run


def _describe(
    client: MlflowClient,
    run_id: str,
    recipe: Recipe,
    params: Mapping[str, Any],
    known: Mapping[str, str],
) -> None:
    """Writes the params that say something and that a run has not yet, and its recipe.yaml.

    At once: a store that cannot be written is found before there is anything to lose.
    """
    from mlflow.entities import Param

    values = chosen(recipe) | {key: str(value) for key, value in params.items()}
    missing = [Param(key, value) for key, value in values.items() if key not in known]
    with store_errors():
        if missing:
            client.log_batch(run_id, params=missing)
        if not any(item.path == _FILE for item in client.list_artifacts(run_id)):
            client.log_text(run_id, recipe.to_yaml(), _FILE)


@contextlib.contextmanager
def resume_run(found: Run, params: Mapping[str, Any]) -> Iterator[ActiveRun]:
    """Opens a run again that has not finished; it ends as one from `start_run` does.

    Args:
        found: The run.
        params: As for `start_run`, where it was killed before it had them.
    """
    client = open_client(create=True)
    assert client is not None
    run = ActiveRun(client, found.id, found.name)
    with ended(run, client):
        with store_errors():
            client.update_run(found.id, status="RUNNING")
            for key, value in own_process().items():
                client.set_tag(found.id, key, value)
            logged = client.get_metric_history(found.id, "loss")
            known = client.get_run(found.id).data.params
        _describe(client, found.id, found.recipe, params, known)
        run._epochs = max((metric.step for metric in logged), default=0)
        with system_metrics(found.id):
            yield run


@contextlib.contextmanager
def ended(run: ActiveRun, client: MlflowClient) -> Iterator[ActiveRun]:
    """Ends the run as its context ended: FINISHED, FAILED after an exception, or KILLED."""
    try:
        yield run
    except BaseException as error:
        killed = isinstance(error, KeyboardInterrupt)
        with contextlib.suppress(UserError), store_errors():
            client.set_terminated(run.id, "KILLED" if killed else "FAILED")
        raise
    with store_errors():
        client.set_terminated(run.id, run.status)


def new_name(recipe: Recipe, runs: Sequence[Run], *, prefix: str = "") -> str:
    """Returns model-data-number, the first number that none of these runs has.

    Args:
        recipe: Names the model and the data.
        runs: Whose names are taken.
        prefix: Before the model.
    """
    source = recipe.data.name.partition(":")[2] or recipe.data.name
    stem = f"{prefix}{short_name(recipe.model.name)}-{Path(source).name}"
    taken = {run.name for run in runs}
    return next(f"{stem}-{n}" for n in range(1, len(taken) + 2) if f"{stem}-{n}" not in taken)
