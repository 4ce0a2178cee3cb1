"""`kerascnn compare`: what differs between runs, beside what came out, and whether it is chance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import completion
from .output import echo, print_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from kerascnn.report.comparison import Comparison

_SIDE_BY_SIDE = 4  # runs that are columns; more are rows
_WIDEST = 24  # characters of a value in a row
_LEVEL = 0.05


@click.command("compare")
@click.argument("runs", nargs=-1, metavar="[RUN]...", shell_complete=completion.runs)
@click.option(
    "--sweep", metavar="SWEEP", shell_complete=completion.sweeps, help="Its finished trials, too."
)
@click.option(
    "--filter",
    "conditions",
    multiple=True,
    metavar="CONDITION",
    help="Only those that meet it, such as 'test_accuracy > 0.99'; of all runs where none is "
    "named. May be repeated.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("compare.png"),
    show_default=True,
    help="Where the learning curves are drawn; the other pictures lie beside it.",
)
@click.option(
    "--csv", "csv_file", type=click.Path(path_type=Path), help="Write a row for each run."
)
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write everything.")
def command(
    runs: tuple[str, ...],
    sweep: str | None,
    conditions: tuple[str, ...],
    out: Path,
    csv_file: Path | None,
    json_file: Path | None,
) -> None:
    """Print what differs in the recipes of runs beside what came out, and test it in pairs.

    RUN is an id, the beginning of one, a name or latest. Runs that differ only in their seed are
    taken together. McNemar's test tells which runs differ by more than chance on the same test
    images. Three pictures are drawn: the learning curves, accuracy against cost, and the images
    on which the best two runs disagree.
    """
    from kerascnn.errors import UserError
    from kerascnn.report.comparison import compare
    from kerascnn.table_files import check_table_path, write_csv, write_json
    from kerascnn.visualization.paths import check_path

    check_path(out, what="--out")
    for path, option in ((csv_file, "--csv"), (json_file, "--json")):
        if path:
            check_table_path(path, option)
    comparison = compare(*runs, sweep=sweep, conditions=conditions)
    _print_runs(comparison)
    _print_seeds(comparison)
    _print_pairs(comparison)
    echo()
    figures = _figures(comparison, out)
    from kerascnn.visualization.writing import write_figure  # Matplotlib: the tables are printed

    for what, path, figure in figures:
        write_figure(figure, path)
        echo(f"{what}: {path}")
    if csv_file:
        write_csv(csv_file, *comparison.table())
        echo(f"table: {csv_file}")
    if json_file:
        write_json(json_file, comparison.values())
        echo(f"table: {json_file}")
    if comparison.paired.refused:
        raise UserError(
            f"{'; '.join(comparison.paired.refused)}; only runs that are scored on the same "
            "images can be tested in pairs"
        )


def _print_runs(comparison: Comparison) -> None:
    runs = comparison.runs
    if len(runs) <= _SIDE_BY_SIDE:
        same = [["recipe", *("the same" for _ in runs)]]
        print_table(
            ["", *(f"{run.name} {run.id[:8]}" for run in runs)],
            [*(comparison.differences or same), None, *comparison.results],
        )
        return
    fields = [*(name for name, *_ in comparison.results), *comparison.differing]
    rows = [
        [number, run.name, run.id[:8], *(_brief(run.text(field)) for field in fields)]
        for number, run in enumerate(runs, start=1)
    ]
    # What is left out where it is narrow, before other fields.
    least = (
        "status", "best_epoch", "train_accuracy", "test_accuracy_low", "test_accuracy_high",
        "test_loss", "id", "macs", "parameters", "train_seconds", "validation_accuracy",
    )  # fmt: skip
    print_table(["", "name", "id", *fields], rows, last=least)


def _brief(text: str) -> str:
    """Returns a value that is no wider than a column should be."""
    from kerascnn.metrics import short_number

    text = " ".join(short_number(text, 4).split())
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _print_seeds(comparison: Comparison) -> None:
    """Prints the figures of runs that differ only in their seed."""
    from kerascnn.metrics import format_metric
    from kerascnn.report.comparison import SPREADS

    groups = [group for group in comparison.groups if len(group.runs) > 1]
    rows = []
    for group in groups:
        for figure in SPREADS:
            spread = group.spread(figure)
            if spread:
                mean, deviation = (
                    format_metric(figure, value) for value in (spread.mean, spread.deviation)
                )
                deviation = deviation if spread.count > 1 else ""
                rows.append([group.name, figure, spread.count, mean, deviation])
    if rows:
        echo("\nruns that differ only in their seed:")
        print_table(["", "", "n", "mean", "standard deviation"], rows, right=["n"])


def _print_pairs(comparison: Comparison) -> None:
    from kerascnn.evaluation.pairing import percentage_points

    best, paired = comparison.best, comparison.paired
    if best is not None:
        pairs = comparison.pairs_with_best
        accuracy = pairs[0].pairing.first.correct.mean()
        size = pairs[0].pairing.size
        echo(f"\nbest: {best.name}, {accuracy:.2%} of {size:,} test images; against it:")
        several = len(paired.tested) > 1
        rows = []
        for pair in pairs:
            ahead, interval = percentage_points(pair.pairing.difference)
            counts = (len(pair.pairing.only_first), len(pair.pairing.only_second))
            corrected = [f"{pair.p_corrected:.2g}"] if several else []
            differ = "yes" if pair.p_corrected < _LEVEL else "no"
            found = [f"{pair.p_value:.2g}", *corrected, differ]
            rows.append([pair.second.name, ahead, interval, *counts, *found])
        holm = ["p (Holm)"] if several else []
        head = ["", "points", "95% interval", "only best", "only this", "p", *holm, "differs"]
        print_table(
            head, rows, right=["points", "only best", "only this"], last=("p", "95% interval")
        )
        among = f", corrected for {len(paired.tested):,} pairs (Holm)" if several else ""
        echo(
            "points: how far the best is ahead; only: images that one of the two alone has right; "
            f"p: McNemar's exact test{among}"
        )
    elif paired.lacking:
        echo()
    for line in paired.lacking:
        echo(f"not tested in pairs: {line}")


def _figures(comparison: Comparison, out: Path) -> Iterator[tuple[str, Path, Figure]]:
    """Yields each picture that can be drawn: what it is, and where it goes."""
    from kerascnn.errors import UserError
    from kerascnn.text import first_names

    yield "curves", out, comparison.draw()
    try:
        figure = comparison.draw_pareto()
    except UserError as error:
        echo(f"accuracy against cost: not drawn, {error}")
    else:
        yield "accuracy against cost", out.with_stem(f"{out.stem}_pareto"), figure
        if without := comparison.without_macs:
            names = first_names([run.name for run in without])
            echo(f"  without MACs, which older versions did not track: {names}")
    if comparison.best is None:
        return
    try:
        figure = comparison.draw_disagreements()
    except UserError as error:
        echo(f"disagreements: not drawn, {error}")
    else:
        pair = comparison.paired.tested[0]
        names = f"{pair.first.name} and {pair.second.name}"
        yield f"disagreements of {names}", out.with_stem(f"{out.stem}_disagreements"), figure
