"""`kerascnn compare`: what differs between runs, beside what came out."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("compare")
@click.argument("runs", nargs=-1, required=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("compare.png"),
    show_default=True,
    help="Where the learning curves are drawn over each other.",
)
def command(runs: tuple[str, ...], out: Path) -> None:
    """Print what differs in the recipes of RUNS beside what came out, and draw their curves."""
    from rich.table import Table

    from kerascnn.report.comparison import compare
    from kerascnn.visualization.writing import check_path, write_figure

    from .tables import print_table

    check_path(out, what="--out")
    comparison = compare(*runs)
    table = Table("", *(f"{run.name}\n{run.id[:8]}" for run in comparison.runs))
    for row in comparison.differences:
        table.add_row(*row)
    if not comparison.differences:
        table.add_row("recipe", *("the same" for _ in runs))
    table.add_section()
    for row in comparison.results:
        table.add_row(*row)
    print_table(table)
    write_figure(comparison.draw(), out)
    click.echo(f"\ncurves: {out}")
