"""`kerascnn demo TOPIC`: the pictures of lectures on convolutional networks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kerascnn.errors import unknown
from kerascnn.visualization.contents import DEMOS

from .output import echo

if TYPE_CHECKING:
    from kerascnn.visualization.kinds import Demo


class _Topics(click.Group):
    """A group of the topics, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(DEMOS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from kerascnn.visualization.kinds import Demo

        from .picture_options import picture_command

        if cmd_name not in DEMOS:
            return None
        return picture_command(Demo.of_name(cmd_name), DEMOS[cmd_name], _draw)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Topics"):
            formatter.write_dl(list(DEMOS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in DEMOS:
            raise unknown("demo", args[0], DEMOS, hint="'kerascnn demo --help' lists them")
        return super().resolve_command(ctx, args)


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
    from kerascnn.visualization.picture_files import file_name

    from .picture_options import default_ending, write

    picture = demo(chosen, images)
    for line in picture.lines:
        echo(line)
    write(picture, out or Path(f"{file_name(chosen, images)}{default_ending(picture)}"), npz)
