"""What `train` and `sweep` share: the experiment that they track in, and tags."""

from __future__ import annotations

import os
from typing import Any

import click

_VARIABLE = "MLFLOW_EXPERIMENT_NAME"


def _choose(ctx: click.Context, param: click.Parameter, name: str | None) -> None:
    """Sets the variable for as long as the command runs: its trials' processes have it too."""
    if name is None:
        return
    from kerascnn.tracking import check_name

    check_name(name)
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = name

    def restore() -> None:
        if before is None:
            os.environ.pop(_VARIABLE, None)
        else:
            os.environ[_VARIABLE] = before

    ctx.call_on_close(restore)


def tracking_options(command: Any) -> Any:
    """Adds --experiment and --tag."""
    options = [
        click.option(
            "--experiment",
            metavar="NAME",
            expose_value=False,
            is_eager=True,
            callback=_choose,
            help=f"Of MLflow's, to track in; {_VARIABLE} names one for every command.",
        ),
        click.option(
            "--tag",
            "tags",
            multiple=True,
            metavar="KEY=VALUE",
            help="Of your own; may be repeated.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command
