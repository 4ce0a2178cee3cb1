"""`kerascnn sweep-chief`: a sweep whose trials run on other machines."""

from __future__ import annotations

from typing import Any

import click

from .sweep import search, search_options


@click.command("sweep-chief")
@search_options
@click.option(
    "--listen",
    default="0.0.0.0:9090",
    show_default=True,
    metavar="HOST:PORT",
    help="Where workers find it.",
)
@click.option(
    "--worker-timeout",
    default="60s",
    show_default=True,
    metavar="TIME",
    help="Of silence: a worker's trial is another's then.",
)
@click.option(
    "--wait",
    default="10m",
    show_default=True,
    metavar="TIME",
    help="Without any worker: the chief gives up.",
)
def command(listen: str, worker_timeout: str, wait: str, **options: Any) -> None:
    """Hand the trials of a sweep out to workers; takes what `kerascnn sweep` does.

    \b
    kerascnn sweep-chief convnet mnist --trials 100
    kerascnn sweep-worker --chief HOST:9090        on each machine
    """
    from kerascnn.duration import parse_duration

    patience, longest_wait = parse_duration(worker_timeout), parse_duration(wait)

    def searching(opened: Any) -> bool:
        from kerascnn.tuning.chief import serve

        return serve(opened, listen, patience=patience, longest_wait=longest_wait)

    search(searching=searching, **options)
