"""Tracked runs, as read from the store."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

import yaml

from kerascnn import notebook
from kerascnn.errors import UserError, unknown
from kerascnn.evaluation.predictions import Predictions, file_of, read_predictions
from kerascnn.evaluation.set_predictions import SetPredictions, read_sets
from kerascnn.metrics import format_metric
from kerascnn.models.spec import known_names
from kerascnn.recipe import Recipe
from kerascnn.scratch import scratch_folder
from kerascnn.tracking import registry
from kerascnn.tracking.long_tags import long_value
from kerascnn.tracking.models import MODEL, MODEL_ID, fetch_model
from kerascnn.tracking.params import RECIPE, Params, is_chosen
from kerascnn.tracking.process import is_gone
from kerascnn.tracking.reading import Point, Reader, StoredModel, StoredRun, open_reader
from kerascnn.tracking.store import (
    EXPERIMENT,
    experiment_name,
    open_client,
    store_errors,
    store_uri,
)
from kerascnn.tracking.system_metrics import SYSTEM

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

_UNFINISHED = ("RUNNING", "KILLED", "FAILED", "DEAD")


@dataclass(frozen=True)
class Run:
    """A tracked run, as read from the store.

    Attributes:
        id: 32 hexadecimal digits.
        name: As given, or model-data-number.
        status: RUNNING, FINISHED, FAILED or KILLED; DEAD where its process ended without a word.
        started: Seconds since the epoch.
        params: The recipe, flat, and what else is known, such as the number of parameters.
        metrics: Last value of every metric.
        tags: Code, versions, hardware, data.
    """

    id: str
    name: str
    status: str
    started: float
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]

    def __repr__(self) -> str:
        """On one line."""
        reached = self.text("test_accuracy")
        return (
            f"<Run {self.name} ({self.id[:8]}): {self.status}"
            f"{f', test accuracy {reached}' if reached else ''}>"
        )

    def _repr_html_(self) -> str:
        """Its fields: what it was started with, and what came out."""
        rows = [(name, self.text(name)) for name in (*self.params, *self.metrics)]
        return notebook.heading(repr(self).strip("<>")) + notebook.table(("field", "value"), rows)

    def field(self, name: str) -> str | float | None:
        """Returns an attribute, metric, param or tag by its name; None where the run has none."""
        if name in ("id", "name", "status", "started"):
            value: str | float = getattr(self, name)
            return value
        for values in (self.metrics, self.params, self.tags):
            if name in values:
                return values[name]
        return None

    def text(self, name: str) -> str:
        """Returns a field as it is shown in tables; empty where the run has none."""
        value = self.field(name)
        if value is None:
            return ""
        if name == "id":
            return self.id[:8]
        if name == "started":
            return time.strftime("%Y-%m-%d %H:%M", time.localtime(self.started))
        return value if isinstance(value, str) else format_metric(name, value)

    @cached_property
    def recipe(self) -> Recipe:
        """The resolved recipe that the run was started with."""
        try:
            values = long_value(RECIPE, self.tags)
        except KeyError:  # a trial, or one of version 0.1
            values = yaml.safe_load(self.artifact("recipe.yaml").read_text(encoding="utf-8"))
        return Recipe(**values)

    @cached_property
    def history(self) -> dict[str, list[float]]:
        """Values per epoch of every metric that has them ("loss", "val_loss", ...)."""
        reader = _reader()
        series: dict[str, list[Point]] = {}
        with store_errors():
            for name in self.metrics:
                stem = name.removeprefix(VALIDATION)
                if name.startswith(("train_", "test_", "folds_", SYSTEM)):
                    continue
                if stem != name and stem not in self.metrics:  # known at the end alone
                    continue
                known = name if stem == name else f"{KERAS_VALIDATION}{stem}"
                series.setdefault(known, []).extend(reader.history(self.id, name))
        # After that of the last epoch comes that of the weights that were kept, at the same step.
        firsts: dict[str, dict[int, float]] = {name: {} for name in series}
        for name, points in series.items():
            for point in sorted(points, key=lambda point: (point.step, point.timestamp)):
                firsts[name].setdefault(point.step, point.value)
        return {name: list(values.values()) for name, values in firsts.items()}

    @cached_property
    def artifact_uri(self) -> str:
        """The address of its artifacts."""
        reader = _reader()
        with store_errors():
            return reader.run(self.id).artifact_uri

    @property
    def artifact_folder(self) -> Path | None:
        """The folder of its artifacts; None where they lie on another machine."""
        return _local(self.artifact_uri)

    @property
    def folders(self) -> list[Path]:
        """The folders of this machine that hold its files: of its artifacts, and of its model."""
        logged = self.logged_model
        places = [
            self.artifact_folder,
            None if logged is None else _local(logged.artifact_location),
        ]
        return [place for place in places if place is not None]

    @cached_property
    def logged_model(self) -> StoredModel | None:
        """Its MLflow model; None where it has none, as those of version 0.2 and earlier."""
        if MODEL_ID not in self.tags:
            return None
        reader = _reader()
        with store_errors():
            return reader.model(self.tags[MODEL_ID])

    def artifacts(self, folder: str | None = None) -> list[str]:
        """Returns the names of the run's artifacts, those of a folder with the folder's name.

        `model.keras` is among them, if it lies in the run's MLflow model.
        """
        logged = None if folder else self.logged_model
        with store_errors():
            names = _names(self.artifact_uri, folder)
            if names is None:
                names = [item.path for item in _client().list_artifacts(self.id, folder)]
            if logged is not None and self._holds_model(logged):
                names.append(MODEL)
            return names

    def _holds_model(self, logged: StoredModel) -> bool:
        names = _names(logged.artifact_location)
        if names is None:
            files = _client().list_logged_model_artifacts(logged.model_id)
            names = [item.path for item in files]
        return MODEL in names

    def has(self, name: str) -> bool:
        """Returns whether the run has an artifact of that name."""
        return name in self.artifacts(name.rpartition("/")[0] or None)

    def artifact(self, name: str) -> Path:
        """Returns the local path of one of the run's artifacts.

        In a store on this machine it is the artifact itself: to be read, not to be changed. What is
        fetched from another one goes with the process.

        Raises:
            UserError: If the run has none of that name.
        """
        if not self.has(name):
            why = ""
            if name == MODEL and self.tags.get(KIND) == "trial":
                why = ": of a sweep's trials only the best keeps its model, and none with folds"
            raise UserError(f"run {self.name} ({self.status}) has no {name}{why}")
        return self._path_of(name)

    def _path_of(self, name: str) -> Path:
        """Returns the local path of an artifact that the run has; see `artifact`."""
        logged = self.logged_model if name == MODEL else None
        folder = self.artifact_folder if logged is None else _local(logged.artifact_location)
        if folder is not None:
            return folder / name
        fetched = tempfile.mkdtemp(dir=scratch_folder())
        with store_errors():
            if logged is not None:
                return fetch_model(logged.artifact_location, fetched)
            return Path(_client().download_artifacts(self.id, name, fetched))

    def register(self, name: str, alias: str | None = None) -> int:
        """Makes its model a version of a registered model of MLflow's.

        Args:
            name: Of the registered model; made where there is none. Where the run's model is a
                version of it already, it stays that.
            alias: Such as "champion": stands for this version, and for no other of the name.

        Returns:
            The number of the version.

        Raises:
            UserError: For a name or alias that cannot be, or a run without an MLflow model.
        """
        registry.check_registration(name, alias)
        self.artifact(MODEL)
        if self.logged_model is None:
            raise UserError(
                f"run {self.name} has no MLflow model: it was trained by kerascnn 0.2 or earlier, "
                "which did not make any"
            )
        return registry.add_version(name, self.id, self.logged_model.model_id, alias)

    @property
    def several_labels(self) -> bool:
        """Whether an image of its data may have several labels."""
        return is_chosen(self.params, "data.labels", "several")

    def check_one_label(self) -> None:
        """Refuses a run whose images may have several labels.

        Raises:
            UserError: If they may.
        """
        if self.several_labels:
            raise UserError(
                f"run {self.name} gives an image several labels (data.labels), and this is of one "
                "label: evaluate, errors, predict, report, compare and runs know several"
            )

    def predictions(self, split: str | None = None) -> Predictions:
        """Reads what the run's model said of every example of a split.

        Args:
            split: None for "test"; for "folds" where all images were trained on in the end, and
                the table has what was said of each by the network that had not seen it.

        Raises:
            UserError: If the run has not kept it, or the file is damaged, or images may have
                several labels: then it is `set_predictions` that reads it.
        """
        self.check_one_label()
        return read_predictions(self._table_of(split))

    def set_predictions(self, split: str | None = None) -> SetPredictions:
        """Reads what the run's model said, where images may have several labels.

        Args:
            split: None for "test".

        Raises:
            UserError: If the run has not kept it, the file is damaged, or images have one label.
        """
        if not self.several_labels:
            raise UserError(f"run {self.name} gives an image one label: see predictions")
        return read_sets(self._table_of(split))

    def _table_of(self, split: str | None) -> Path:
        """Returns the path of what the run's model said of a split; see `predictions`."""
        if split is None:
            split = "test" if self.has(file_of("test")) or not self.has(_FOLDS) else "folds"
        name = file_of(split)
        if split == "folds" and not self.has(name):
            raise UserError(f"run {self.name} ({self.status}) has no predictions of folds")
        if not self.has(name):
            made = "kerascnn train --resume" if self.status in _UNFINISHED else "kerascnn evaluate"
            option = "" if split == "test" or made.endswith("resume") else f" --split {split}"
            raise UserError(
                f"run {self.name} ({self.status}) has no predictions of its {split} images: "
                f"'{made} {self.name}{option}' makes them"
            )
        return self._path_of(name)


def _local(address: str) -> Path | None:
    """Returns the folder that an address is of; None where it is on another machine."""
    there = urlsplit(address)
    return Path(url2pathname(there.path)) if there.scheme in ("", "file") else None


def _names(address: str, below: str | None = None) -> list[str] | None:
    """Returns what lies in a folder as MLflow names it; None where it is on another machine."""
    folder = _local(address)
    if folder is None:
        return None
    place = folder / (below or "")
    return sorted(
        path.relative_to(folder).as_posix() for path in (place.iterdir() if place.is_dir() else ())
    )


def _reader() -> Reader:
    reader = open_reader()
    assert reader is not None
    return reader


def _client() -> MlflowClient:
    client = open_client(create=False)
    assert client is not None
    return client


_FOLDS = file_of("folds")
FINGERPRINT = "data_fingerprint"  # tag: of the data that the run was trained on
# What Keras calls "val_loss" is "validation_loss" in the store, as it is at the end.
KERAS_VALIDATION, VALIDATION = "val_", "validation_"
KIND = "kerascnn.kind"  # tag: sweep, trial or fold; plain runs have none
BEST = "kerascnn.best_trial"  # tag of a sweep: the id of its best trial


def _read(run: StoredRun) -> Run:
    running = run.status == "RUNNING"
    return Run(
        id=run.id,
        name=run.name,
        status="DEAD" if running and is_gone(run.tags) else run.status,
        started=run.started / 1000,
        params=Params(run.params, run.tags),
        metrics=run.metrics,
        tags=run.tags,
    )


def list_runs(
    *, kind: str | None = None, tags: Mapping[str, str] | None = None, deleted: bool = False
) -> list[Run]:
    """Returns the runs of the store, newest first; none where there is no store yet.

    Args:
        kind: "sweep", "trial" or "fold"; plain runs if None.
        tags: What they are tagged with, by name.
        deleted: Those that were deleted, instead of those that are there.
    """
    reader = open_reader()
    if reader is None:
        return []
    with store_errors():
        return [_read(run) for run in reader.runs({KIND: kind, **(tags or {})}, deleted=deleted)]


def load_run(reference: str, *, trials: bool = True) -> Run:
    """Finds a run, a trial of a sweep, or the best trial of a sweep that is named.

    Args:
        reference: Its id, an unambiguous prefix of it, its name, "latest", the newest plain run, or
            models:/NAME/VERSION or models:/NAME@ALIAS, of which its model is registered as that.
        trials: Whether trials and sweeps answer, too, where no plain run does.

    Raises:
        UserError: If no run, or more than one, answers to it, or a sweep that has no best trial.
    """
    if reference.startswith(registry.PREFIX):
        return read_run(registry.run_of(reference))
    runs = list_runs()
    found = find(runs, reference, kind="run") if runs else None
    sweeps: list[Run] = []
    if found is None and trials:
        found = find_trial(reference)
        sweeps = [] if found is not None else list_runs(kind="sweep")
    if found is None and sweeps and reference != "latest":
        sweep = find(sweeps, reference, kind="sweep")
        found = None if sweep is None else _best_trial(sweep)
    if found is not None:
        return read_run(found.id)  # of one of thousands, all at once
    if not runs and (not sweeps or reference == "latest"):
        raise UserError(
            f"no run '{reference}': {store_uri().removeprefix('sqlite:///')} holds no runs"
            f"{_where()} yet; "
            "'kerascnn train MODEL DATASET' makes one"
        )
    raise unknown(
        "run", reference, {run.name for run in (*runs, *sweeps)}, hint="'kerascnn runs' lists them"
    )


def find_trial(reference: str) -> Run | None:
    """Returns the trial, of any sweep, that a reference means; None if none does.

    Args:
        reference: An id, an unambiguous prefix of it, or a name, such as my-sweep-6.

    Raises:
        UserError: If more than one answers to it.
    """
    if reference == "latest":
        return None
    return find(list_runs(kind="trial"), reference, kind="trial")


def _best_trial(sweep: Run) -> Run:
    if BEST not in sweep.tags:
        raise UserError(
            f"sweep {sweep.name} ({sweep.status}) has no best trial to stand for it: none has "
            f"finished, or an earlier version ran it; 'kerascnn sweeps show {sweep.name}' tells"
        )
    return read_run(sweep.tags[BEST])


def _where() -> str:
    name = experiment_name()
    return "" if name == EXPERIMENT else f" of the experiment '{name}'"


def read_run(run_id: str) -> Run:
    """Returns the run of an id, of whatever kind."""
    reader = _reader()
    with store_errors():
        return _read(reader.run(run_id))


def names_network(reference: str) -> bool:
    """Whether a name is a network's, such as "resnet50", and no run's: a run goes first."""
    return reference in known_names() and reference not in {run.name for run in list_runs()}


def find(runs: Sequence[Run], reference: str, *, kind: str) -> Run | None:
    """Returns the run, of those listed newest first, that a reference means; None if none does.

    Args:
        runs: At least one.
        reference: An id, an unambiguous prefix of it, a name, or "latest".
        kind: What they are, for the message.

    Raises:
        UserError: If more than one answers to it.
    """
    if reference == "latest":
        return runs[0]
    found = [run for run in runs if run.name == reference] or [
        run for run in runs if run.id.startswith(reference.lower())
    ]
    if len(found) > 1:
        raise UserError(
            f"{kind} '{reference}' is ambiguous: {', '.join(run.id[:8] for run in found[:6])}; "
            "give more of the id"
        )
    return found[0] if found else None


def differing(runs: Sequence[Run]) -> dict[str, list[str]]:
    """Returns the params whose values are not the same in all runs, by name, run by run."""
    names = dict.fromkeys(name for run in runs for name in run.params)
    values = {name: [run.params.get(name, "-") for run in runs] for name in names}
    return {name: row for name, row in values.items() if len(set(row)) > 1}
