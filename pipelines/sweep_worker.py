"""`kerascnn sweep-worker`: runs the trials that a chief hands out."""

from __future__ import annotations

import click


@click.command("sweep-worker")
@click.option("--chief", required=True, metavar="HOST:PORT", help="Where the chief listens.")
@click.option("--threads", type=click.IntRange(1), help="Of the processor; all.")
@click.option(
    "--timeout",
    default="60s",
    show_default=True,
    metavar="TIME",
    help="Without an answer of the chief: the worker ends.",
)
def command(chief: str, threads: int | None, timeout: str) -> None:
    """Run trials for a `kerascnn sweep-chief` until it has no more.

    The machines share one tracking store (MLFLOW_TRACKING_URI) and have the data set each.
    """
    from kerascnn.duration import parse_duration
    from kerascnn.tuning.worker import work

    work(chief, threads=threads, timeout=parse_duration(timeout))
