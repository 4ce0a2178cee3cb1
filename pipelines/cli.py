"""The command `kerascnn`: finds the subcommand, prints errors on one line."""

from __future__ import annotations

import importlib
import sys

import click

from kerascnn import __version__
from kerascnn.errors import UserError, unknown

# name -> module of the command; imported when it is called, so that --help stays fast.
COMMANDS = {
    "models": "pipelines.models",
    "summary": "pipelines.summary",
    "recipes": "pipelines.recipe",
}


class _LazyGroup(click.Group):
    """A group whose commands live in modules that are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        return importlib.import_module(COMMANDS[cmd_name]).command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS:
            raise unknown("command", args[0], COMMANDS, hint="'kerascnn --help' lists them")
        return super().resolve_command(ctx, args)


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kerascnn")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Train, track and understand convolutional networks."""


def main() -> None:
    """Runs the command line; a mistake of the user ends with one line and exit code 2."""
    try:
        cli(standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except UserError as error:
        if "--debug" in sys.argv:
            raise
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
