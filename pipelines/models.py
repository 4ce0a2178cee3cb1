"""`kerascnn models`: every network, with what it costs."""

from __future__ import annotations

import click


@click.command("models")
@click.option("--family", help="Only this family, such as resnet.")
@click.option("--search", default="", metavar="TEXT", help="In the name, paper or year.")
def command(family: str | None, search: str) -> None:
    """List the networks: year, paper, and parameters and MACs at their own input size."""
    from rich.console import Console
    from rich.table import Table

    from kerascnn.errors import UserError
    from kerascnn.models.catalog import matching, sizes

    found = matching(family, search)
    if not found:
        raise UserError(f"no network matches '{search}': 'kerascnn models' lists them all")
    counted = sizes()
    table = Table(box=None, pad_edge=False)
    for heading in ("model", "family", "input", "classes", "parameters", "MACs", "year", "paper"):
        number = heading in ("classes", "parameters", "MACs")
        table.add_column(
            heading,
            justify="right" if number else "left",
            no_wrap=heading != "paper",
        )
    for entry in found:
        size = counted.get(entry.name)
        table.add_row(
            entry.name,
            entry.family,
            "x".join(map(str, entry.input_shape)),
            str(entry.classes),
            f"{size.parameters:,}" if size else "?",
            f"{size.macs:,}" if size else "?",
            str(entry.year),
            entry.paper,
        )
    Console().print(table)
