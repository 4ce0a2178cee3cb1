"""Sweeps in the store: one parent run each, with a nested run for every trial.

The parent is tagged `kerascnn.kind=sweep`; its tags `kerascnn.plan.N` together hold the recipe,
the space and the fingerprint of the data as JSON, `kerascnn.search` the spec, which may change, and
its artifact sweep.yaml all of it for people to read. A trial is tagged `kerascnn.kind=trial` and
`trial` with its number; its params are its flat recipe and its number, its metrics those of every
epoch and, at the end, the figures of its validation score, `objective`, `parameters`, `macs`,
`best_epoch` and `trial_seconds`. A trial that is not trained in full (fewer epochs, a share of the
images) is tagged `kerascnn.full=false`. A failed one is tagged `error` with its message.
Where trials are cross-validated, the folds are nested runs of the trial, and have the epochs.
The best trial so far has its network as an MLflow model, and the tag
`kerascnn.keeps_model`; its id is the parent's tag `kerascnn.best_trial`. Where several processes
run trials, two may have theirs for a moment: whoever ends one that is better, and at last the
sweep, settle which is best.

A process may be killed between any two writes. What a sweep or a trial is goes into the store with
its row, in one piece: in the tags of `create_run`. All that is written after it can be written
again. Version 0.1 kept a trial's number in its params alone, a sweep's plan in sweep.yaml alone.
"""

from __future__ import annotations

import contextlib
import json
import math
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from kerascnn.errors import UserError, unknown
from kerascnn.recipe import Recipe
from kerascnn.tracking.active import ActiveRun, check_name, ended
from kerascnn.tracking.folds import fold_runs, fold_tags, folds_of
from kerascnn.tracking.long_tags import LONGEST, long_tags, long_value
from kerascnn.tracking.models import models_of
from kerascnn.tracking.origin import origin
from kerascnn.tracking.params import flat_recipe
from kerascnn.tracking.process import own_process
from kerascnn.tracking.registry import registered_as
from kerascnn.tracking.runs import BEST, KIND, Run, find, list_runs, read_run
from kerascnn.tracking.store import experiment_name, open_client, store_errors, store_uri

FULL = "kerascnn.full"
SWEEP = "kerascnn.sweep"  # of a winner that was trained again: its sweep's id
ERROR = "error"
HAS_MODEL = "kerascnn.keeps_model"  # of a trial that has kept its network: "true"
_NOTE, _NOTE_STARTS = "mlflow.note.content", "Best of "
_NUMBER = "trial"
_PLAN, _SEARCH = "kerascnn.plan", "kerascnn.search"
_FILE = "sweep.yaml"
_PARENT = "mlflow.parentRunId"
_THREADS = "training.threads"  # may differ from one process to the next


def list_sweeps() -> list[Run]:
    """Returns every sweep of the store, newest first; one without a plan is none."""
    return [run for run in list_runs(kind="sweep") if _has_plan(run)]


def _has_plan(sweep: Run) -> bool:
    """Whether a sweep can be read: version 0.1 may have been killed before it wrote sweep.yaml."""
    return f"{_PLAN}.0" in sweep.tags or sweep.has(_FILE)


def load_sweep(reference: str) -> Run:
    """Finds a sweep by its id, an unambiguous prefix of it, its name, or "latest".

    Raises:
        UserError: If no sweep, or more than one, answers to it.
    """
    sweeps = list_sweeps()
    if not sweeps:
        raise UserError(f"no sweep '{reference}': 'kerascnn sweep MODEL DATASET' makes one")
    found = find(sweeps, reference, kind="sweep")
    if found is None:
        names = {sweep.name for sweep in sweeps}
        raise unknown("sweep", reference, names, hint="'kerascnn sweeps' lists them")
    return found


def trials_of(sweep: Run) -> list[Run]:
    """Returns a sweep's trials in the order of their numbers, those that failed included."""
    runs = [run for run in children(sweep) if trial_number(run) is not None]
    return sorted(runs, key=lambda run: trial_number(run) or 0)


def half_made_trials(sweep: Run) -> list[Run]:
    """Returns runs that never became trials: version 0.1 was killed before it wrote the number."""
    return [run for run in children(sweep) if trial_number(run) is None]


def children(sweep: Run) -> list[Run]:
    """Returns the runs of a sweep's trials, half made ones included."""
    return _trials_below(sweep.id)


def _trials_below(sweep_id: str) -> list[Run]:
    return list_runs(kind="trial", tags={_PARENT: sweep_id})


def trial_number(trial: Run) -> int | None:
    """Returns a trial's number, from 1; None where its run was never given one."""
    text = trial.tags.get(_NUMBER) or trial.params.get(_NUMBER)
    return int(text) if text and text.isdecimal() else None


def is_full(trial: Run) -> bool:
    """Whether a trial was trained in full: for every epoch, on every image."""
    return trial.tags.get(FULL) != "false"


Rank = tuple[bool, float, int]


def rank(*, full: bool, objective: float, number: int, maximize: bool) -> Rank:
    """Returns what trials are sorted by, the best first.

    Args:
        full: Whether the trial was trained in full: all others come after those.
        objective: What it has come to.
        number: The first of several that have come to the same goes first.
        maximize: Whether the best objective is the highest.
    """
    return not full, -objective if maximize else objective, number


def rank_of(trial: Run, *, maximize: bool) -> Rank:
    """Returns the rank of a trial that has finished."""
    return rank(
        full=is_full(trial),
        objective=trial.metrics["objective"],
        number=trial_number(trial) or 0,
        maximize=maximize,
    )


def ranked(trials: Sequence[Run], *, maximize: bool) -> list[Run]:
    """Returns the finished trials, best objective first; those not in full come after all others.

    Args:
        trials: The trials of a sweep.
        maximize: Whether the best objective is the highest.
    """
    finished = [
        trial
        for trial in trials
        if trial.status == "FINISHED" and math.isfinite(trial.metrics.get("objective", math.nan))
    ]
    return sorted(finished, key=lambda trial: rank_of(trial, maximize=maximize))


def retrained(sweep: Run) -> list[Run]:
    """Returns the runs that trained a sweep's winner again, oldest first."""
    return list_runs(tags={SWEEP: sweep.id})[::-1]


def sweep_file(sweep: Run) -> dict[str, Any]:
    """Returns what sweep.yaml holds: recipe, space, spec and the data's fingerprint, plain values.

    Raises:
        UserError: If the sweep.yaml of a sweep of version 0.1 is not whole.
    """
    if f"{_PLAN}.0" not in sweep.tags:
        return _plan_file(sweep)
    values: dict[str, Any] = long_value(_PLAN, sweep.tags)
    return values | {"sweep": json.loads(sweep.tags[_SEARCH])}


def _plan_file(sweep: Run) -> dict[str, Any]:
    try:
        values = yaml.safe_load(sweep.artifact(_FILE).read_text(encoding="utf-8"))
    except yaml.YAMLError:
        values = None
    if not isinstance(values, dict) or not {"recipe", "space", "sweep"} <= set(values):
        raise UserError(f"sweep {sweep.name}: its {_FILE} was cut off: start the sweep anew")
    return values


def _plan_tags(values: Mapping[str, Any]) -> dict[str, str]:
    kept = {name: value for name, value in values.items() if name != "sweep"}
    return long_tags(_PLAN, kept) | {_SEARCH: json.dumps(values["sweep"])}


class ActiveSweep:
    """A sweep that is being written, by one process at a time or by several workers.

    Attributes:
        id: The id of the parent run.
        name: The name of the parent run.
    """

    def __init__(self, run_id: str, name: str):
        client = open_client(create=True)
        assert client is not None
        self._client = client
        self.id = run_id
        self.name = name

    def start_trial(
        self, number: int, recipe: Recipe, tags: Mapping[str, str], params: Mapping[str, Any]
    ) -> ActiveRun:
        """Opens the nested run of a trial; `end_trial` closes it.

        Args:
            number: From 1.
            recipe: The trial's own, logged flat and as recipe.yaml.
            tags: Code, versions, hardware.
            params: Beside the recipe.
        """
        params = {**flat_recipe(recipe), _NUMBER: str(number), **params}
        tags = {**tags, KIND: "trial", _PARENT: self.id, _NUMBER: str(number)}
        return self._open(f"{self.name}-{number}", recipe, tags, params)

    def start_fold(
        self, trial: ActiveRun, number: int, recipe: Recipe, tags: Mapping[str, str]
    ) -> ActiveRun:
        """Opens the nested run of a fold of a trial; `end_trial` closes it.

        Args:
            trial: The trial.
            number: Of the fold, from 1.
            recipe: The fold's own, logged flat and as recipe.yaml.
            tags: Code, versions, hardware.
        """
        tags = {**tags, **fold_tags(trial.id, number)}
        return self._open(f"{trial.name}-fold-{number}", recipe, tags, flat_recipe(recipe))

    def take_up_trial(self, number: int, recipe: Recipe) -> tuple[ActiveRun, dict[int, Run]] | None:
        """Opens the run of a trial again that did not end, for what is left of its folds.

        Args:
            number: Of the trial, from 1.
            recipe: The trial's own; a run of another one is deleted.

        Returns:
            The run and its finished folds, by number; None where no fold is finished.
        """
        wanted = flat_recipe(recipe)
        del wanted[_THREADS]
        for run in _trials_below(self.id):
            if trial_number(run) != number:
                continue
            if any(run.params.get(key) != value for key, value in wanted.items()):
                self.forget_trial(run.id, {fold.id for fold in fold_runs(run.id)})
                continue
            folds = {n: fold for n, fold in folds_of(run.id).items() if fold.status == "FINISHED"}
            if folds:
                with store_errors():
                    self._client.update_run(run.id, status="RUNNING")
                return ActiveRun(self._client, run.id, run.name), folds
        return None

    def _open(
        self, name: str, recipe: Recipe, tags: Mapping[str, str], params: Mapping[str, Any]
    ) -> ActiveRun:
        from mlflow.entities import Param

        with store_errors():
            experiment = self._client.get_experiment_by_name(experiment_name())
            assert experiment is not None
            run_id = self._client.create_run(
                experiment.experiment_id, run_name=name, tags={**origin(tags), **tags}
            ).info.run_id
            self._client.log_batch(
                run_id, params=[Param(key, str(value)) for key, value in params.items()]
            )
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "recipe.yaml"
                path.write_text(recipe.to_yaml(), encoding="utf-8")
                self._client.log_artifact(run_id, str(path))
        return ActiveRun(self._client, run_id, name)

    def end_trial(self, trial: ActiveRun, error: str | None = None) -> None:
        """Ends the run of a trial or a fold as FINISHED, or as FAILED with its message."""
        with store_errors():
            if error is not None:
                self._client.set_tag(trial.id, ERROR, error[:LONGEST])
            self._client.set_terminated(trial.id, "FINISHED" if error is None else "FAILED")

    def forget_trial(self, run_id: str, folds: Collection[str] | None = None) -> None:
        """Deletes the run of a trial that did not end: it will be run again.

        Args:
            run_id: Of the trial; it stays where it has folds that do.
            folds: Ids of those that did not end either; all that are not finished if None.
        """
        known = fold_runs(run_id)
        if folds is None:
            folds = {fold.id for fold in known if fold.status != "FINISHED"}
        with store_errors():
            for fold in folds:
                self._client.delete_run(fold)
            if not {fold.id for fold in known} - set(folds):
                self._client.delete_run(run_id)
            # Another worker may have ended it in the meantime.
            elif self._client.get_run(run_id).info.status != "FINISHED":
                self._client.set_terminated(run_id, "KILLED")

    def best(self) -> Run | None:
        """Returns the best trial, as it was settled last; None where there is none yet."""
        with store_errors():
            found = self._client.get_run(self.id).data.tags.get(BEST)
        return None if found is None else read_run(found)

    def keep_model(self, trial: ActiveRun, folder: Path) -> None:
        """Makes the files of a trial that may be the best its artifacts, before it ends.

        Args:
            trial: The trial.
            folder: With its model, as `write_artifacts` writes it.
        """
        trial.log_files(folder)
        self.tag({HAS_MODEL: "true"}, trial.id)

    def settle_best(self, *, maximize: bool) -> None:
        """Names the best of the finished trials, and removes the models of all others.

        One that is registered stays.

        Args:
            maximize: Whether the best objective is the highest.
        """
        trials = _trials_below(self.id)
        ranking = ranked(trials, maximize=maximize)
        if not ranking:
            return
        best = ranking[0]
        self.tag({BEST: best.id})
        for trial in ranking[1:]:
            if HAS_MODEL in trial.tags:
                self._drop_model(trial)

    def _drop_model(self, trial: Run) -> None:
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        if registered_as(trial.id):  # somebody uses it
            return
        with store_errors():
            # First the files: cut off in between, the tag has them removed once more.
            for model in models_of(self._client, trial.id):
                get_artifact_repository(model.artifact_location, store_uri()).delete_artifacts()
                self._client.delete_logged_model(model.model_id)
            self._client.delete_tag(trial.id, HAS_MODEL)

    def describe(self, words: str, best: Run) -> None:
        """Writes a sweep's result where MLflow shows it, unless somebody has written a note there.

        Args:
            words: What was found.
            best: The best trial, which is linked to.
        """
        with store_errors():
            run = self._client.get_run(self.id)
            if run.data.tags.get(_NOTE, _NOTE_STARTS).startswith(_NOTE_STARTS):
                link = f"#/experiments/{run.info.experiment_id}/runs/{best.id}"
                text = f"{_NOTE_STARTS}{words}: [{best.name}]({link})"
                self._client.set_tag(self.id, _NOTE, text)

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Logs figures of the whole sweep."""
        ActiveRun(self._client, self.id, self.name).log_metrics(metrics, step)

    def write_plan(self, values: Mapping[str, Any], recipe: Recipe | None) -> None:
        """Writes what is written of a sweep after its row; does no harm where it is there already.

        Args:
            values: As `sweep_file` returns them; of their recipe and space nothing may change.
            recipe: To log flat; None where that was done.
        """
        from mlflow.entities import Param, RunTag

        params = {} if recipe is None else flat_recipe(recipe)
        text = yaml.safe_dump(dict(values), sort_keys=False)
        with store_errors():
            self._client.log_batch(
                self.id,
                params=[Param(*pair) for pair in params.items()],
                tags=[RunTag(*pair) for pair in _plan_tags(values).items()],
            )
            self._client.log_text(self.id, text, _FILE)

    def tag(self, values: Mapping[str, str], run_id: str | None = None) -> None:
        """Tags the sweep, or one of its runs."""
        with store_errors():
            for key, value in values.items():
                self._client.set_tag(run_id or self.id, key, value)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Marks the sweep as running; it ends FINISHED, FAILED after an exception, or KILLED."""
        with store_errors():
            for key, value in own_process().items():
                self._client.set_tag(self.id, key, value)
            self._client.update_run(self.id, status="RUNNING")
        with ended(ActiveRun(self._client, self.id, self.name), self._client):
            yield


def check_new_sweep(name: str | None) -> None:
    """Refuses the name of a sweep to be, before there is one.

    Raises:
        UserError: If it cannot be a name, or another sweep has it.
    """
    check_name(name)
    if name is not None and any(sweep.name == name for sweep in list_sweeps()):
        raise UserError(f"a sweep named {name} exists: --resume {name} continues it")


def create_sweep(
    name: str, recipe: Recipe, values: Mapping[str, Any], tags: Mapping[str, str]
) -> ActiveSweep:
    """Opens the parent run of a new sweep.

    Args:
        name: The name of the sweep.
        recipe: That its trials vary; logged flat.
        values: As `sweep_file` returns them.
        tags: Code, versions, hardware, data.

    Raises:
        UserError: If another sweep has the name, or the store cannot be written.
    """
    client = open_client(create=True)
    assert client is not None
    check_new_sweep(name)
    tags = {**origin(tags), **tags, **own_process(), KIND: "sweep", **_plan_tags(values)}
    with store_errors():
        experiment = client.get_experiment_by_name(experiment_name())
        assert experiment is not None
        run = client.create_run(experiment.experiment_id, run_name=name, tags=tags)
    sweep = ActiveSweep(run.info.run_id, name)
    sweep.write_plan(values, recipe)
    return sweep
