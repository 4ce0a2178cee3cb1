"""A sweep: many trials of one recipe, tracked, resumable, and its winner."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from kerascnn import provenance, tracking
from kerascnn.data.dataset import ImageData
from kerascnn.data.loading import load
from kerascnn.errors import TrainingError, UserError
from kerascnn.files import TakenError, locked
from kerascnn.recipe import Recipe, load_recipe
from kerascnn.scratch import temporary_files_in_scratch
from kerascnn.starting_weights import settle_weights
from kerascnn.text import tell
from kerascnn.tracking import ActiveSweep
from kerascnn.tracking.active import new_name
from kerascnn.tracking.params import flat_recipe
from kerascnn.tuning.builtin import builtin_space
from kerascnn.tuning.plan import OngoingSweep, Plan
from kerascnn.tuning.results import SweepResults, load_results
from kerascnn.tuning.space import SpaceSpec, load_space
from kerascnn.tuning.spec import SweepSpec

if TYPE_CHECKING:
    from kerascnn.tuning.oracles import KeptOracle

# Searches, and returns whether all trials of the budget are done.
Searching = Callable[[OngoingSweep], bool]


def sweep(
    recipe: Recipe | str | Path | Mapping[str, Any],
    data: str | None = None,
    *,
    space: SpaceSpec | str | Path | Mapping[str, Any] | None = None,
    folds: int | None = None,
    report: Callable[[str], None] | None = tell,
    settings: Iterable[str] = (),
    **options: Any,
) -> SweepResults:
    """Searches the space around a recipe, in tracked trials.

        kerascnn.sweep("convnet", "digits", trials=12, max_epochs=3)

    A script must call it below `if __name__ == "__main__":`, as trials are processes.

    Args:
        recipe: As for `train`; with `data`, the name of a network, its schedule a cosine.
        data: As for `train`.
        space: Ranges by field, or the YAML file of some; the network's built-in one if None.
        folds: Each trial is cross-validated with so many folds, and its objective their mean.
        report: Called with each line for the user; None shows nothing.
        settings: As for `train`, of every trial's recipe.
        **options: Of the search, by the words of the command line, such as `trials=12`.

    Raises:
        UserError: For a recipe, space or option that cannot be, data that cannot be read, or a
            tracking store that cannot be written.
        TrainingError: If several trials in a row fail.
    """
    if data is not None:
        # Trials are short: a rate that falls to nothing by the end makes the most of each.
        settings = ["optimizer.schedule=cosine", *settings]
    loaded = load_recipe(recipe, settings, data=data, folds=folds)
    if space is None:
        chosen = builtin_space(loaded.model.name)
    elif isinstance(space, SpaceSpec):
        chosen = space
    else:
        chosen = SpaceSpec(ranges=space) if isinstance(space, Mapping) else load_space(space)
    return run_sweep(loaded, chosen, SweepSpec(**options), report=report or (lambda line: None))


@temporary_files_in_scratch()
def run_sweep(
    recipe: Recipe,
    space: SpaceSpec,
    spec: SweepSpec | None = None,
    *,
    report: Callable[[str], None] = tell,
    searching: Searching | None = None,
    tags: Mapping[str, str] | None = None,
) -> SweepResults:
    """Searches the space around a recipe.

    Args:
        recipe: That the trials vary.
        space: The ranges of the fields that they vary.
        spec: How, and for how long.
        report: Called with each line for the user.
        searching: What runs the trials; this process and its own if None.
        tags: Tags of your own, for the sweep.

    Raises:
        UserError: For a space that the recipe does not have, data that cannot be read, or a
            tracking store that cannot be written.
        TrainingError: If several trials in a row fail.
    """
    spec = spec or SweepSpec()
    tracking.check_name(spec.name)
    tracking.check_tags(tags or {})
    if recipe.data.labels == "several":
        raise UserError(
            "data.labels: a sweep looks for the best accuracy, of one label an image: train with "
            "several labels one by one"
        )
    _start_server(searching)
    space.validate_against(recipe)
    recipe = settle_weights(recipe)
    tracking.check_store()
    data = load(recipe.data)
    if spec.objective == "validation_top5_accuracy" and len(data.classes) <= 5:
        raise UserError(f"objective: no trial logs {spec.objective} of {len(data.classes)} classes")
    plan = Plan(recipe, space, spec)
    _check_retrain(plan, data)
    values = plan.to_values() | {"fingerprint": data.fingerprint}
    tags = {**(tags or {}), **provenance.tags(), "data_fingerprint": data.fingerprint}
    name = spec.name or new_name(recipe, tracking.list_sweeps(), prefix="sweep-")
    try:
        active = tracking.create_sweep(name, recipe, values, tags)
    except KeyboardInterrupt:
        if any(run.name == name for run in tracking.list_sweeps()):
            report(f"to go on: {_again(name, searching)}")
        raise
    return _go_on(active, plan, report, searching)


@temporary_files_in_scratch()
def resume_sweep(
    reference: str,
    changes: Mapping[str, Any] | None = None,
    *,
    recipe: Recipe | None = None,
    space: SpaceSpec | None = None,
    report: Callable[[str], None] = tell,
    searching: Searching | None = None,
) -> SweepResults:
    """Continues a sweep: its finished trials stay, those that were running run again.

    Args:
        reference: Its id, a prefix of it, its name, or "latest".
        changes: Fields of its spec that may change: trials, time_limit, workers and retrain.
        recipe: To be compared with the sweep's.
        space: To be compared with the sweep's.
        report: Called with each line for the user.
        searching: What runs the trials; this process and its own if None.

    Raises:
        UserError: If there is no such sweep, another process has it in hand, or its recipe, space
            or data are no longer what they were.
        TrainingError: If several trials in a row fail.
    """
    run = tracking.load_sweep(reference)
    _start_server(searching)
    values = tracking.sweep_file(run)
    given = {key: value for key, value in (changes or {}).items() if value is not None}
    fixed = [key for key in given if key not in ("trials", "time_limit", "workers", "retrain")]
    if fixed:
        raise UserError(
            f"--resume {run.name}: {', '.join(fixed)} cannot change while it is under way; "
            "trials, time_limit, workers and retrain can"
        )
    plan = Plan.of_values({**values, "sweep": {**values["sweep"], "time_limit": None, **given}})
    if recipe is not None:
        _same(run.name, "recipe", flat_recipe(plan.recipe), flat_recipe(recipe))
    if space is not None:
        _same(run.name, "space", _lines(plan.space), _lines(space))
    data = load(plan.recipe.data)
    _check_retrain(plan, data)
    fingerprint = data.fingerprint
    if fingerprint != values["fingerprint"]:
        raise UserError(
            f"sweep {run.name}: {plan.recipe.data.name} has changed since it was started "
            f"(fingerprint {fingerprint}, was {values['fingerprint']}); start it anew"
        )
    active = ActiveSweep(run.id, run.name)
    active.write_plan(
        plan.to_values() | {"fingerprint": fingerprint}, None if run.params else plan.recipe
    )
    return _go_on(active, plan, report, searching)


def _check_retrain(plan: Plan, data: ImageData) -> None:
    """Refuses to train the winner again where there are no images left to test it on."""
    if plan.spec.retrain and plan.cross_validated and "test" not in data.splits:
        raise UserError(
            "retrain: the folds are of all images, which leaves none to test the winner on: give "
            "others (data.test), or leave retrain out and 'kerascnn train' the best recipe, which "
            "has the folds"
        )


def _go_on(
    active: ActiveSweep,
    plan: Plan,
    report: Callable[[str], None],
    searching: Searching | None,
) -> SweepResults:
    folder = Path(tracking.STORE_FOLDER).resolve() / "sweeps" / active.id
    with _locked(folder, active.name), active.running():
        report(f"sweep {active.name} ({active.id[:8]}): {plan.describe()}")
        try:
            complete = (searching or search_here)(OngoingSweep(active, plan, folder, report))
            active.settle_best(maximize=plan.spec.direction == "max")
            results = load_results(active.id)

            from kerascnn.tuning.outcome import keep_outcome

            keep_outcome(active, results)
            if results.best_in_full is not None:
                best = results.best_in_full.run.metrics["objective"]
                active.log_metrics({"best_objective": best})
            if not complete:
                report(f"the time is up; '{_again(active.name, searching)}' goes on")
            if plan.spec.retrain:
                from kerascnn.tuning.retrain import retrain

                if results.best_in_full is None:
                    raise TrainingError(f"sweep {active.name}: no trial succeeded, none to retrain")
                retrain(active, results, plan.spec.retrain, report)
        except KeyboardInterrupt:
            report(f"to go on: {_again(active.name, searching)}")
            raise
    return load_results(active.id)


def _again(name: str, searching: Searching | None) -> str:
    return f"kerascnn {'sweep-chief' if searching else 'sweep'} --resume {name}"


def search_here(sweep: OngoingSweep) -> bool:
    """Runs the trials in processes of this one; returns whether all of the budget are done."""
    from kerascnn.tuning.oracles import make_oracle
    from kerascnn.tuning.progress import View
    from kerascnn.tuning.search import Search, trial_tags
    from kerascnn.tuning.slots import make_slots

    plan, active = sweep.plan, sweep.active
    oracle = make_oracle(plan, sweep.folder)
    settle_unfinished(sweep, oracle)
    deadline = time.monotonic() + plan.spec.time_limit if plan.spec.time_limit else None
    slots = make_slots(plan.spec.workers)
    with View.of(sweep, deadline) as view:
        complete = Search(
            oracle,
            active,
            plan,
            slots,
            view,
            tags=trial_tags(tracking.read_run(active.id), plan.recipe),
            folder=sweep.folder,
            deadline=deadline,
        ).run()
    if oracle.rejected:
        sweep.report(f"{oracle.rejected} configurations that cannot be built were not tried")
    return complete


def settle_unfinished(
    sweep: OngoingSweep, oracle: KeptOracle, *, only: str | None = None
) -> dict[int, float]:
    """Makes the store and the oracle agree on the trials that the oracle has not seen the end of.

    One whose run has finished has ended; the runs of all others are deleted, as they run again, but
    for those that have finished folds.

    Args:
        sweep: The sweep.
        oracle: Its oracle.
        only: The id of one trial; all of them if None.

    Returns:
        The objectives of those that had ended, by number.

    Raises:
        UserError: If the store has finished trials of which the oracle knows nothing.
    """
    from kerascnn.tuning.search import number_of

    found = tracking.load_sweep(sweep.active.id)
    known = {number_of(trial_id): trial_id for trial_id in oracle.start_order}
    open_ = {number_of(trial_id) for trial_id in oracle.waiting}
    chosen = None if only is None else number_of(only)
    ended = {}
    for trial in tracking.trials_of(found):
        number = tracking.trial_number(trial)
        assert number is not None
        finished = trial.status == "FINISHED" and "objective" in trial.metrics
        if finished and number not in known:
            raise UserError(
                f"sweep {found.name}: {sweep.folder} does not know of its trial {number}: resume "
                "it in the folder where it was started"
            )
        if chosen not in (None, number) or (number in known and number not in open_):
            continue
        if finished:
            ended[number] = trial.metrics["objective"]
            oracle.finish(known[number], ended[number])
        else:
            sweep.active.forget_trial(trial.id)
    if only is None:
        for trial in tracking.half_made_trials(found):
            sweep.active.forget_trial(trial.id)
    return ended


def _start_server(searching: Searching | None) -> None:
    """Lets the fork server import TensorFlow while this process does."""
    if searching is None:
        from kerascnn.tuning.processes import start_server

        start_server()


def _lines(space: SpaceSpec) -> dict[str, str]:
    """Returns a space as text, field by field."""
    return {key: str(value) for key, value in yaml.safe_load(space.to_yaml()).items()}


def _same(name: str, what: str, before: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Refuses to go on with something else."""
    differing = [
        f"{key} was {before.get(key, 'not there')}, is {now.get(key, 'not there')}"
        for key in {**before, **now}
        if before.get(key) != now.get(key)
    ]
    if differing:
        raise UserError(
            f"sweep {name} was started with another {what}: {'; '.join(differing)}; "
            "resume it without one, or start a new sweep"
        )


@contextlib.contextmanager
def _locked(folder: Path, name: str) -> Iterator[None]:
    """Keeps other processes from running the same sweep; a killed process lets go of it."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with locked(folder / ".lock"):
            yield
    except TakenError:
        raise UserError(f"sweep {name} is being run by another process") from None
