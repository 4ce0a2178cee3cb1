"""`kerascnn runs`: the tracked runs as a table."""

from __future__ import annotations

import click

from .output import echo, print_table


@click.command("runs")
@click.option(
    "--filter",
    "conditions",
    multiple=True,
    metavar="CONDITION",
    help="Such as model.name=lenet5 or test_accuracy>0.99; may be repeated.",
)
@click.option(
    "--sort",
    default="started",
    show_default=True,
    metavar="FIELD",
    help="Any metric, recipe field, or name, status, started; largest first.",
)
@click.option("--reverse", is_flag=True, help="Smallest first.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1), help="Rows.")
@click.option("--columns", metavar="FIELD,...", help="Further fields to show.")
def command(
    conditions: tuple[str, ...], sort: str, reverse: bool, limit: int, columns: str | None
) -> None:
    """List the tracked runs, newest first."""
    from kerascnn import tracking
    from kerascnn.tracking.selection import known_fields, select

    runs = tracking.list_runs()
    if not runs:
        echo(f"no runs yet in {tracking.store_uri()}: 'kerascnn train' makes one")
        return
    chosen = select(runs, conditions, sort=sort, ascending=reverse)
    fields = [
        "name", "id", "status", "started", "model.name", "data.name", "parameters",
        "validation_accuracy", "test_accuracy", "train_seconds",
    ]  # fmt: skip
    fields += known_fields(columns.split(","), runs) if columns else []
    rows = [[run.text(field) for field in fields] for run in chosen[:limit]]
    last = ("parameters", "train_seconds", "started", "id", "validation_accuracy", "data.name")
    print_table(fields, rows, last=last)
    if len(chosen) > limit:
        echo(f"{limit} of {len(chosen)} runs; --limit shows more")
