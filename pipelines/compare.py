"""`kerascnn compare`: what differs between runs, beside what came out."""

from __future__ import annotations

from pathlib import Path

import click

_RESULTS = (
    "status", "best_epoch", "train_accuracy", "validation_accuracy", "test_accuracy",
    "test_accuracy_low", "test_accuracy_high", "test_loss", "train_seconds",
)  # fmt: skip


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

    from kerascnn import tracking
    from kerascnn.errors import UserError
    from kerascnn.visualization.curves import draw_curves
    from kerascnn.visualization.writing import check_path, write_figure

    from .tables import print_table

    if len(runs) < 2:
        raise UserError("compare needs two runs or more, such as 'kerascnn compare latest RUN'")
    check_path(out, what="--out")
    loaded = [tracking.load_run(run) for run in runs]
    table = Table("", *(f"{run.name}\n{run.id[:8]}" for run in loaded))
    differences = tracking.differing(loaded)
    for field in differences:
        table.add_row(field, *(run.text(field) for run in loaded))
    if not differences:
        table.add_row("recipe", *("the same" for _ in loaded))
    table.add_section()
    for field in _RESULTS:
        table.add_row(field, *(run.text(field) for run in loaded))
    print_table(table)
    curves = draw_curves({f"{run.name} {run.id[:4]}": run.history for run in loaded})
    write_figure(curves, out)
    click.echo(f"\ncurves: {out}")
