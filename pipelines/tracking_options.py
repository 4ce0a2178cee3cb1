"""What `train` and `sweep` share: the experiment that they track in, and tags."""

from __future__ import annotations

import contextlib
import functools
import os
from collections.abc import Callable, Iterator
from typing import Any

import click

_VARIABLE = "MLFLOW_EXPERIMENT_NAME"


@contextlib.contextmanager
def _experiment(name: str | None) -> Iterator[None]:
    """Sets the variable for as long as a command runs: its trials' processes have it too."""
    if name is None:
        yield
        return
    from kerascnn.tracking import check_name

    check_name(name)
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = name
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(_VARIABLE, None)
        else:
            os.environ[_VARIABLE] = before


def tracking_options(command: Callable[..., Any]) -> Any:
    """Adds --experiment, which the command itself does not see, and --tag."""

    @functools.wraps(command)
    def tracked(*arguments: Any, experiment: str | None, **values: Any) -> Any:
        with _experiment(experiment):
            return command(*arguments, **values)

    found: Any = tracked
    options = [
        click.option(
            "--experiment",
            metavar="NAME",
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
        found = option(found)
    return found
