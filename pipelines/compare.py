"""`kerascnn compare`: what differs between runs, beside what came out."""

from __future__ import annotations

from pathlib import Path

import click

from . import completion
from .output import echo


@click.command("compare")
@click.argument("runs", nargs=-1, required=True, shell_complete=completion.runs)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("compare.png"),
    show_default=True,
    help="Where the learning curves are drawn over each other.",
)
def command(runs: tuple[str, ...], out: Path) -> None:
    """Print what differs in the recipes of RUNS beside what came out, and draw their curves."""
    from kerascnn.report.comparison import compare
    from kerascnn.visualization.writing import check_path, write_figure

    from .output import print_table

    check_path(out, what="--out")
    comparison = compare(*runs)
    same = [["recipe", *("the same" for _ in runs)]]
    print_table(
        ["", *(f"{run.name} {run.id[:8]}" for run in comparison.runs)],
        [*(comparison.differences or same), None, *comparison.results],
    )
    write_figure(comparison.draw(), out)
    echo(f"\ncurves: {out}")
