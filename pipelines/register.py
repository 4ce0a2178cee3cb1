"""`kerascnn register`: a run's model gets a name in MLflow's registry."""

from __future__ import annotations

import click

from . import completion
from .output import echo


@click.command("register")
@click.argument("run", shell_complete=completion.runs)
@click.argument("name")
@click.option("--alias", metavar="ALIAS", help="Such as champion: stands for this version alone.")
def command(run: str, name: str, alias: str | None) -> None:
    """Make RUN's model the next version of the registered model NAME.

    Where RUN is taken, models:/NAME/VERSION and models:/NAME@ALIAS then mean it. A model that is a
    version of NAME already stays that; its alias can be moved.

    \b
    kerascnn register latest digits --alias challenger
    kerascnn evaluate models:/digits@challenger
    kerascnn register models:/digits@challenger digits --alias champion
    """
    from kerascnn import tracking

    tracking.check_registration(name, alias)
    found = tracking.load_run(run)
    version = found.register(name, alias)
    echo(f"{found.name} ({found.id[:8]}) is models:/{name}/{version}")
    if alias is not None:
        echo(f"models:/{name}@{alias} is version {version}")
