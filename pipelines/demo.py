"""`kerascnn demo TOPIC`: the pictures of lectures on convolutional networks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kerascnn.visualization.contents import DEMOS

from .output import echo
from .picture_options import PictureGroup, write

if TYPE_CHECKING:
    from kerascnn.visualization.kinds import Demo


class _Topics(PictureGroup):
    lines, what, heading = DEMOS, "demo", "Topics"

    def kind_of(self, name: str) -> type[Demo]:
        from kerascnn.visualization.kinds import Demo

        return Demo.of_name(name)

    def draw(self, ctx: click.Context, chosen: Demo, **options: Any) -> None:
        _draw(chosen, **options)


@click.group(
    "demo", cls=_Topics, subcommand_metavar="TOPIC [IMAGE] [OPTIONS]", no_args_is_help=True
)
def command() -> None:
    """Draw what lectures on convolutional networks show, with the numbers; no run is needed.

    \b
    kerascnn demo convolution --kernel edge
    kerascnn demo backprop --graph logistic
    kerascnn demo convolution --help
    """


def _draw(chosen: Demo, *, images: tuple[str, ...], out: Path | None, npz: Path | None) -> None:
    from kerascnn.visualization.kinds import demo
    from kerascnn.visualization.picture_files import default_ending, file_name

    picture = demo(chosen, images)
    for line in picture.lines:
        echo(line)
    write(picture, out or Path(f"{file_name(chosen, images)}{default_ending(picture)}"), npz)
