"""`kerascnn models`: every network, with what it costs."""

from __future__ import annotations

import click

from .output import print_table


@click.command("models")
@click.option(
    "--family",
    help="Only this one: mnist, cifar, alexnet, vgg, inception, prelu-net, resnet, cifar-resnet, "
    "airbench, general, keras or kerashub.",
)
@click.option("--search", default="", metavar="TEXT", help="In the name, paper or year.")
def command(family: str | None, search: str) -> None:
    """List the networks: year, paper, and parameters and MACs at their own input size."""
    from kerascnn.arithmetic.table import by, short
    from kerascnn.errors import UserError
    from kerascnn.models.catalog import matching, sizes

    found = matching(family, search)
    if not found:
        raise UserError(f"no network matches '{search}': 'kerascnn models' lists them all")
    counted = sizes()
    rows: list[list[object]] = []
    group = None
    for entry in found:
        if entry.family != group:
            group = entry.family
            rows.append([group, *[""] * 5])
        size = counted.get(entry.name)
        rows.append(
            [
                f"  {entry.name}",
                by(entry.input_shape),
                f"{size.parameters:,}" if size else "?",
                short(size.macs) if size and size.macs is not None else "?",
                entry.year or "",
                entry.paper,
            ]
        )
    headings = ["model", "input", "parameters", "MACs", "year", "paper"]
    print_table(headings, rows, right=("parameters", "MACs"), last=("input",), cut="paper")
