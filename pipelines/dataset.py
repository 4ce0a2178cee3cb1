"""`kerascnn datasets`: what can be learned from, looked at before it is."""

from __future__ import annotations

import click

from pipelines.preview import command as preview


@click.group("datasets")
def command() -> None:
    """Look at data sets before training on them."""


command.add_command(preview)
