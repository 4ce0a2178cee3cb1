"""`kerascnn export`: a run's model for other programs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kerascnn.errors import UserError
from kerascnn.serving.exports.format import NAMES, format_of

from . import completion
from .output import echo, print_table

if TYPE_CHECKING:
    from kerascnn.exporting import Exported


@click.command("export")
@click.argument("run", shell_complete=completion.runs)
@click.option(
    "--format",
    "formats",
    multiple=True,
    required=True,
    metavar="FORMAT",
    help=f"{', '.join(NAMES[:-1])} or {NAMES[-1]}; may be given several times.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder to write; NAME-FORMAT by default.",
)
@click.option(
    "--most-lost",
    type=click.FloatRange(0, 100),
    default=1.0,
    show_default=True,
    metavar="POINTS",
    help="Of accuracy on the validation images, that litert-int8 may lose.",
)
def command(run: str, formats: tuple[str, ...], out: Path | None, most_lost: float) -> None:
    """Write RUN's model for other programs, and check it on every validation image.

    The file takes raw RGB images of any size and gives probabilities: resizing and preprocessing
    are inside. One that agrees with the model on less than 99.9% of the images is not kept.

    RUN is an id, an unambiguous prefix of one, a run's name, latest, or a model.keras file.
    """
    for name in formats:
        format_of(name).check_installed()
    if out is not None and len(formats) > 1:
        raise UserError("--out names the folder of one format; without it each has its own")
    if not run.endswith(".keras"):
        from kerascnn.tracking import load_run

        load_run(run).artifact("model.keras")

    from kerascnn.data.inventory import progress
    from kerascnn.exporting import LINES, export

    finished = []
    try:
        for name in formats:
            echo(f"{name}: writing, then checking it in a process of its own")
            with contextlib.ExitStack() as stack:

                def checking(
                    total: int, stack: contextlib.ExitStack = stack
                ) -> Callable[[int], None]:
                    return stack.enter_context(progress("checking images", total))

                done = export(run, name, out, most_lost=most_lost, checking=checking)
            finished.append((name, done))
            echo(f"\n# {done.path / LINES}\n{done.lines}")
    finally:  # one that fails says nothing against those before it
        if finished:
            _print_checks(finished)


def _print_checks(finished: Sequence[tuple[str, Exported]]) -> None:
    from kerascnn.files import size_text

    rows = [
        [
            name,
            f"{done.path}/",
            f"{done.check.agreement:.2%}",
            f"{done.check.difference:.1e}",
            f"{done.check.accuracy.value:.2%}",
            f"{done.check.accuracy.low:.2%} to {done.check.accuracy.high:.2%}",
            f"{done.check.original.value:.2%}",
            size_text(done.check.size),
            f"{done.check.milliseconds:.2f} ms",
        ]
        for name, done in finished
    ]
    print_table(
        [
            "format", "folder", "agreement", "difference", "accuracy", "95% interval", "model's",
            "size", "one core",
        ],
        rows,
        right=["agreement", "difference", "size", "one core"],
        last=["difference", "folder"],
    )  # fmt: skip
    check = finished[0][1].check
    echo(
        f"on {check.count:,} {check.split} images; one core: the median time of one image, "
        "resizing included"
    )
