"""What a sweep leaves, read back from the store: also while it runs, and after a kill."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from kerascnn import notebook, tracking
from kerascnn.errors import UserError
from kerascnn.files import written_whole
from kerascnn.metrics import format_metric, short_number
from kerascnn.recipe import Recipe, check_recipe_path
from kerascnn.text import shown
from kerascnn.tracking import Run
from kerascnn.tracking.params import flat
from kerascnn.tracking.sweeps import ERROR
from kerascnn.tuning.importance import Importance, measure
from kerascnn.tuning.ranges import Choice
from kerascnn.tuning.space import SpaceSpec
from kerascnn.tuning.spec import SweepSpec
from kerascnn.visualization.sweep_trials import Column, Trials


@dataclass(frozen=True)
class Trial:
    """One trial of a sweep.

    Attributes:
        run: As tracked; `run.status` is RUNNING, FINISHED, FAILED or KILLED.
        values: The values of the searched fields, as the run's params have them; None where a
            field's condition did not hold.
    """

    run: Run
    values: dict[str, str | None]

    @property
    def number(self) -> int:
        """From 1, in the order of their start."""
        number = tracking.trial_number(self.run)
        assert number is not None
        return number

    @property
    def objective(self) -> float | None:
        """What the sweep searches the best of; None until the trial has finished."""
        value = self.run.metrics.get("objective")
        return value if value is not None and np.isfinite(value) else None

    @property
    def full(self) -> bool:
        """Whether it was trained in full: for every epoch, on every image."""
        return tracking.is_full(self.run)

    @property
    def error(self) -> str:
        """Why it failed; empty where it did not."""
        return self.run.tags.get(ERROR, "")

    def text(self, name: str) -> str:
        """Returns the value of a field as it is shown in tables."""
        value = self.values[name]
        return "" if value is None else short_number(value, 3)


@dataclass(frozen=True)
class SweepResults:
    """A sweep and its trials.

    Attributes:
        run: The parent run.
        space: That is searched.
        objective: Name of the figure that is searched the best of, such as "validation_accuracy".
        maximize: Whether the best is the highest.
        recipe: That the trials vary.
        trials: In the order of their numbers, those that run and that failed included.
        retrained: Runs of winners that were trained again, oldest first.
    """

    run: Run
    space: SpaceSpec
    objective: str
    maximize: bool
    recipe: Recipe
    trials: Sequence[Trial]
    retrained: Sequence[Run] = ()

    def __repr__(self) -> str:
        """On one line."""
        best = f"best {self.objective} {self.text(self.best)}" if self.ranking else "none finished"
        return f"<Sweep {self.run.name} ({self.run.id[:8]}): {len(self.trials)} trials, {best}>"

    def _repr_html_(self) -> str:
        """The ranking and the objective over the trials."""
        # Not for every list: matplotlib takes its time.
        from kerascnn.visualization.sweep import draw_history
        from kerascnn.visualization.writing import png_of

        names = self.space.searched
        rows = [
            (rank, trial.number, self.text(trial), *(trial.text(name) for name in names))
            for rank, trial in enumerate(self.ranking, start=1)
        ]
        ranking = notebook.table(("rank", "trial", self.objective, *names), rows)
        shown = notebook.picture(png_of(draw_history(self.as_drawn))) if self.ranking else ""
        return notebook.heading(repr(self).strip("<>")) + ranking + shown

    @property
    def as_drawn(self) -> Trials:
        """The finished trials as pictures show them."""
        return Trials(
            numbers=np.array([trial.number for trial in self.ranking]),
            scores=np.array([trial.objective for trial in self.ranking], dtype=float),
            full=np.array([trial.full for trial in self.ranking]),
            name=self.objective,
            maximize=self.maximize,
            failed=[trial.number for trial in self.trials if trial.run.status == "FAILED"],
        )

    @cached_property
    def ranking(self) -> list[Trial]:
        """The finished trials, best first; those not trained in full come after all others."""
        trials = {trial.run.id: trial for trial in self.trials}
        runs = [trial.run for trial in self.trials]
        return [trials[run.id] for run in tracking.ranked(runs, maximize=self.maximize)]

    @property
    def best(self) -> Trial:
        """The first of the ranking.

        Raises:
            UserError: If no trial has finished.
        """
        if not self.ranking:
            raise UserError(f"sweep {self.run.name} ({self.run.status}) has no finished trial yet")
        return self.ranking[0]

    @property
    def best_in_full(self) -> Trial | None:
        """The best of the trials that were trained in full; None where there is none yet."""
        return self.ranking[0] if self.ranking and self.ranking[0].full else None

    def count(self, status: str) -> int:
        """Returns how many trials have a status."""
        return sum(trial.run.status == status for trial in self.trials)

    def text(self, trial: Trial) -> str:
        """Returns a trial's objective as it is shown in tables."""
        value = trial.objective
        assert value is not None
        return format_metric(self.objective, value)

    def interval(self, trial: Trial) -> str:
        """Returns the 95% interval of a trial's objective over its folds; empty without folds."""
        ends = [trial.run.metrics.get(f"{self.objective}_{end}") for end in ("low", "high")]
        if not self.recipe.data.cross_validated or None in ends:
            return ""
        low, high = (format_metric(self.objective, end) for end in ends if end is not None)
        return f"95% interval {low} to {high} over {self.recipe.data.folds} folds"

    @property
    def winner(self) -> str | None:
        """What the winner that was trained again last has reached; None where none was."""
        for run in reversed(self.retrained):
            trial = int(run.tags["trial"])
            if scores := accuracies(self.retrained, trial):
                return describe_winner(trial, scores)
        return None

    def best_recipe(self) -> str:
        """Returns the best trial's recipe as YAML, as a full training wants it.

        A trial may be short, and use a part of the images or of the processor: the recipe has the
        epochs, images and threads of the sweep's own. Its header says where it is from.
        """
        best, whole = self.best, self.recipe
        trial = best.run.recipe
        epochs = trial.training.epochs
        values = trial.model_dump(mode="json")
        values["data"]["train_fraction"] = whole.data.train_fraction
        values["training"]["threads"] = whole.training.threads
        for field in ("epochs", "steps", "time_limit"):
            values["training"][field] = getattr(whole.training, field)
        full = Recipe(**values)
        part = "" if best.full else " on a part of the images"
        name = f"{shown(self.run.name)} ({self.run.id[:8]})"
        folds = whole.data.folds if whole.data.cross_validated else None
        images = f"the mean over {folds} folds" if folds else "on the validation images"
        return (
            f"# The best of sweep {name}: trial {best.number} of {len(self.trials)}.\n"
            f"# {self.objective} {best.objective:.6g} after {epochs} epochs{part}, {images}.\n"
            f"# {_length(full)}, as the recipe that was searched around.\n"
            "# kerascnn train --recipe THIS_FILE\n"
            f"{full.to_yaml()}"
        )

    def save_best(self, path: str | Path) -> None:
        """Writes the best trial's recipe, as `kerascnn train --recipe` takes it.

        Raises:
            UserError: If no trial has finished, or the file cannot be written.
        """
        path = Path(path)
        check_recipe_path(path, "--save-best")
        text = self.best_recipe()
        try:
            with written_whole(path) as unfinished:
                unfinished.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UserError(f"--save-best {path}: {error.strerror}") from None

    @cached_property
    def importance(self) -> Importance | None:
        """How much each field moves the objective; None where too few trials have finished."""
        trials = self.ranking
        columns = {name: self.column(name, trials).values for name in self.space.searched}
        epochs = np.array([float(trial.run.params["training.epochs"]) for trial in trials])
        objective = np.array([trial.objective for trial in trials], dtype=float)
        return measure(columns, objective, beside=epochs)

    def column(self, name: str, trials: Sequence[Trial]) -> Column:
        """Returns a field's values over some trials as numbers."""
        range_ = self.space.ranges[name]
        texts = [trial.values[name] for trial in trials]
        if not isinstance(range_, Choice):
            numbers = np.array([np.nan if text is None else float(text) for text in texts])
            return Column(name, numbers, log=bool(getattr(range_, "log", False)))
        listed = [flat({"": value})[""] for value in range_.values]
        found = [text for text in texts if text is not None]
        labels = tuple(dict.fromkeys([text for text in listed if text in found] + found))
        indices = [np.nan if text is None else labels.index(text) for text in texts]
        return Column(name, np.array(indices, dtype=float), labels=labels)


def _length(recipe: Recipe) -> str:
    """Returns in words how long a recipe trains."""
    training = recipe.training
    lengths = {
        f"{training.epochs} epochs": training.epochs,
        f"{training.steps} steps": training.steps,
        f"{training.time_limit:g} s" if training.time_limit else "": training.time_limit,
    }
    return " or ".join(text for text, value in lengths.items() if value is not None)


def accuracies(runs: Sequence[Run], trial: int) -> list[float]:
    """Returns the test accuracies of a trial's trainings, of those that are finished."""
    done = [run for run in runs if run.status == "FINISHED"]
    return [run.metrics["test_accuracy"] for run in done if run.tags["trial"] == str(trial)]


def describe_winner(trial: int, scores: Sequence[float]) -> str:
    """Returns on one line what a winner has reached on the test images."""
    spread = f" (standard deviation {statistics.stdev(scores):.2%})" if len(scores) > 1 else ""
    seeds = f"{len(scores)} seed{'s' if len(scores) > 1 else ''}"
    return f"winner: trial {trial}, test accuracy {statistics.fmean(scores):.2%}{spread}, {seeds}"


def _values(space: SpaceSpec, run: Run) -> dict[str, str | None]:
    """Returns the values of the searched fields of a trial, as far as their conditions hold."""
    values: dict[str, str | None] = {}
    for name, range_ in space.ranges.items():
        holds = all(
            values[field] in [flat({"": value})[""] for value in wanted]
            for field, wanted in range_.when.items()
        )
        values[name] = run.params.get(name) if holds else None
    return {name: values[name] for name in space.searched}


def load_results(reference: str) -> SweepResults:
    """Reads a sweep and its trials from the store.

    Args:
        reference: Its id, an unambiguous prefix of it, its name, or "latest".

    Raises:
        UserError: If no sweep, or more than one, answers to it.
    """
    return results_of(tracking.load_sweep(reference))


def results_of(run: Run) -> SweepResults:
    """Reads the trials of a sweep that was found.

    Raises:
        UserError: If the sweep's plan is not whole.
    """
    file = tracking.sweep_file(run)
    space, spec = SpaceSpec(**file["space"]), SweepSpec(**file["sweep"])
    recipe = Recipe(**file["recipe"])
    return SweepResults(
        run=run,
        space=space,
        objective=spec.figure(folds=recipe.data.cross_validated),
        maximize=spec.direction == "max",
        recipe=recipe,
        trials=[Trial(trial, _values(space, trial)) for trial in tracking.trials_of(run)],
        retrained=tracking.retrained(run),
    )
