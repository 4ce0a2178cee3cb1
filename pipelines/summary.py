"""`kerascnn summary`: the lecture's table of a network, layer by layer."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kerascnn.errors import UserError

from . import completion
from .output import echo, print_table

if TYPE_CHECKING:
    from kerascnn.arithmetic import Analysis


def _input_shape(
    ctx: click.Context, option: click.Parameter, text: str | None
) -> tuple[int, ...] | None:
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) != 3 or not all(part.isdecimal() and int(part) for part in parts):
        raise UserError(f"--input: got '{text}', must be like 224x224x3 (height, width, channels)")
    return tuple(map(int, parts))


@click.command(
    "summary", context_settings={"ignore_unknown_options": True, "allow_extra_args": True}
)
@click.argument("name", shell_complete=completion.models)
@click.option("--input", "input_shape", callback=_input_shape, metavar="HxWxC", help="Image size.")
@click.option("--classes", type=int, help="Number of classes.  [default: the paper's]")
@click.option("--batch-size", type=click.IntRange(1), default=1, show_default=True)
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json", "markdown"]),
    default="table",
    show_default=True,
)
@click.option("--diagram", type=click.Path(path_type=Path), help="Draw it: FILE.svg, .png or .pdf.")
@click.pass_context
def command(
    ctx: click.Context,
    name: str,
    input_shape: tuple[int, int, int] | None,
    classes: int | None,
    batch_size: int,
    form: str,
    diagram: Path | None,
) -> None:
    """Show what network NAME costs, layer by layer.

    Any option of the network can be set, such as --groups 2,1,2 or --batch-norm.

    Activations, batch norm, dropout and padding are counted in the row of the layer before them;
    the column of biases holds every trained number that is not a multiplier of the input.
    """
    from kerascnn.arithmetic import table
    from kerascnn.models.summary import summarize
    from kerascnn.visualization.paths import check_path
    from kerascnn.visualization.writing import write_figure

    from .model_options import parse

    if diagram:
        check_path(diagram, what="--diagram")
    analysis = summarize(name, input_shape=input_shape, classes=classes, **parse(name, ctx.args))
    if form == "table":
        print_analysis(analysis, batch_size)
    else:
        echo(getattr(table, f"as_{form}")(analysis, batch_size), nl=False)
    if diagram:
        from kerascnn.visualization.diagram import draw_diagram

        write_figure(draw_diagram(analysis), diagram, what="diagram")
        echo(f"diagram: {diagram}", err=form != "table")  # what is piped stays pure


def print_analysis(analysis: Analysis, batch_size: int) -> None:
    """Prints the table of a network and its totals."""
    from kerascnn.arithmetic import table

    # A narrow terminal gets 15.5G for 15,470,264,320, and the columns that matter most.
    exact = not sys.stdout.isatty() or shutil.get_terminal_size().columns >= 120
    rows = []
    for row in analysis.rows:
        texts = []
        for heading, cell in zip(table.COLUMNS, table.cells(row), strict=True):
            if isinstance(cell, str):
                texts.append(cell)
            elif heading == "bytes":
                texts.append(table.memory(cell))
            else:
                texts.append("" if not cell else f"{cell:,}" if exact else table.short(cell))
        rows.append(texts)
    numbers = table.COLUMNS[3:]
    print_table(
        table.COLUMNS, rows, right=numbers, last=("activations", "biases", "jump", "bytes", "what")
    )
    echo()
    for label, text in table.total_lines(analysis, batch_size):
        echo(f"{label + ':':22}{text}")
