"""`kerascnn sweeps`: the sweeps of the store, and what one has found so far."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import completion
from .output import echo, print_table
from .runs import delete_found

if TYPE_CHECKING:
    from kerascnn.tuning.results import SweepResults


@click.group("sweeps", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """List the sweeps, newest first."""
    if ctx.invoked_subcommand is not None:
        return
    from kerascnn import tracking
    from kerascnn.errors import UserError
    from kerascnn.tuning.results import results_of

    sweeps = tracking.list_sweeps()
    if not sweeps:
        echo(f"no sweeps yet in {tracking.store_uri()}: 'kerascnn sweep' makes one")
        return
    fields = ["name", "id", "status", "started", "model.name", "data.name"]
    rows, unread = [], []
    for sweep in sweeps:
        try:
            results = results_of(sweep)
        except UserError as error:  # cut off by a kill, or gone by now: the others are there
            unread.append(str(error))
            continue
        best = results.text(results.best) if results.ranking else ""
        counts = (len(results.ranking), results.count("FAILED"))
        rows.append([*(sweep.text(field) for field in fields), *counts, results.objective, best])
    headings = [*fields, "finished", "failed", "objective", "best"]
    print_table(headings, rows, last=("objective", "started", "id", "failed", "data.name"))
    for line in unread:
        echo(f"Warning: {line}", err=True)


@command.command()
@click.argument("sweep", shell_complete=completion.sweeps)
@click.option(
    "--save-best",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the best trial's recipe, for 'kerascnn train --recipe FILE'.",
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FOLDER", help="Draw pictures.")
@click.option("--limit", default=10, show_default=True, type=click.IntRange(1), help="Trials.")
def show(sweep: str, save_best: Path | None, out: Path | None, limit: int) -> None:
    """Rank the trials of SWEEP, at any time: also while it runs, or after it was killed.

    SWEEP is an id, the beginning of one, a name or latest.
    """
    from kerascnn.tuning.results import load_results

    results = load_results(sweep)
    print_results(results, limit)
    if save_best:
        results.save_best(save_best)
        echo(f"\nbest recipe: {save_best}\n  kerascnn train --recipe {save_best}")
    if out:
        from kerascnn.tuning.pictures import draw_sweep

        echo(f"\npictures: {', '.join(str(path) for path in draw_sweep(results, out))}")


@command.command()
@click.argument(
    "sweeps", nargs=-1, required=True, metavar="SWEEP...", shell_complete=completion.sweeps
)
def delete(sweeps: tuple[str, ...]) -> None:
    """Delete sweeps with their trials. 'kerascnn runs gc' frees the space.

    SWEEP is an id, the beginning of one, a name or latest. What was trained from a sweep's best
    recipe is a run of its own, and stays.
    """
    from kerascnn import tracking

    delete_found(map(tracking.load_sweep, sweeps))


def print_results(results: SweepResults, limit: int = 10) -> None:
    """Prints what a sweep has found: ranking, failures, importance, the best trial's values."""
    from kerascnn.metrics import short_number

    run = results.run
    begun = "running" if run.status in ("RUNNING", "FINISHED") else "cut off"
    cut = results.count("KILLED")  # cross-validated ones, of which some folds are finished
    kept = f"{cut} cut off between folds, " if cut else ""
    echo(
        f"sweep {run.name} ({run.id[:8]}): {run.status}, {len(results.trials)} trials: "
        f"{len(results.ranking)} finished, {results.count('RUNNING')} {begun}, {kept}"
        f"{results.count('FAILED')} failed"
    )
    if run.status != "FINISHED":
        echo(f"if it was ended: kerascnn sweep --resume {run.name}")
    if results.ranking:
        _print_ranking(results, limit)
    _print_failures(results)
    if results.ranking:
        _print_importance(results)
        best = results.best
        values = (
            f"{name}={short_number(value, 6)}"
            for name, value in best.values.items()
            if value is not None
        )
        interval = results.interval(best)
        echo(
            f"\nbest: trial {best.number}, {results.objective} {results.text(best)}"
            f"{f' ({interval})' if interval else ''}"
        )
        echo("".join(f"  {value}\n" for value in values), nl=False)
    if results.winner:
        echo(f"\n{results.winner}")


def _print_ranking(results: SweepResults, limit: int) -> None:
    from kerascnn.arithmetic.table import short

    # The most important ones stand first, and are the last to be left out where it is narrow.
    names = list(results.importance.shares) if results.importance else results.space.searched
    rows = []
    for rank, trial in enumerate(results.ranking[:limit], start=1):
        costs = (short(trial.run.metrics[name]) for name in ("parameters", "macs"))
        seconds = f"{trial.run.metrics['trial_seconds']:.0f}"
        epochs = trial.run.text("training.epochs") + ("" if trial.full else " (part)")
        values = (trial.text(name) for name in names)
        rows.append([rank, trial.number, results.text(trial), epochs, *costs, seconds, *values])
    head = ["rank", "trial", results.objective, "epochs", "parameters", "MACs", "s"]
    echo()
    print_table([*head, *names], rows, last=("MACs", "parameters", "s", *reversed(names)))
    if len(results.ranking) > limit:
        echo(f"{limit} of {len(results.ranking)} trials; --limit shows more")


def _print_failures(results: SweepResults) -> None:
    failed = [trial for trial in results.trials if trial.run.status == "FAILED"]
    if failed:
        echo("\nfailed:")
    for trial in failed:
        echo(f"  trial {trial.number}: {trial.error}")


def _print_importance(results: SweepResults) -> None:
    importance = results.importance
    if importance is None:
        echo("\nimportance: too few trials have finished, or all are equally good")
        return
    doubt = "" if importance.explained > 0.2 else ": too little to trust the shares"
    echo(
        f"\nimportance (a forest that explains {max(importance.explained, 0):.0%} of the "
        f"differences{doubt}):"
    )
    width = max(map(len, importance.shares))
    for name, share in importance.shares.items():
        echo(f"  {name:{width}} {share:4.0%} {'#' * round(40 * share)}".rstrip())
