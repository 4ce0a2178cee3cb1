"""`kerascnn models`: every network, with what it costs."""

from __future__ import annotations

import click


@click.command("models")
@click.option("--family", help="Only this family, such as resnet.")
@click.option("--search", default="", metavar="TEXT", help="In the name, paper or year.")
def command(family: str | None, search: str) -> None:
    """List the networks: year, paper, and parameters and MACs at their own input size."""
    from rich.table import Table

    from kerascnn.arithmetic.table import by, short
    from kerascnn.errors import UserError
    from kerascnn.models.catalog import matching, sizes

    from .tables import print_table

    found = matching(family, search)
    if not found:
        raise UserError(f"no network matches '{search}': 'kerascnn models' lists them all")
    counted = sizes()
    grid = Table()
    for heading in ("model", "input", "parameters", "MACs", "year"):
        right = heading in ("parameters", "MACs")
        grid.add_column(heading, justify="right" if right else "left", no_wrap=True)
    grid.add_column("paper")
    group = None
    for entry in found:
        if entry.family != group:
            group = entry.family
            grid.add_row(f"[bold]{group}[/bold]")
        size = counted.get(entry.name)
        grid.add_row(
            f"  {entry.name}",
            by(entry.input_shape),
            f"{size.parameters:,}" if size else "?",
            short(size.macs) if size else "?",
            str(entry.year),
            entry.paper,
        )
    print_table(grid)
