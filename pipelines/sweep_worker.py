"""`kerascnn sweep-worker`: runs the trials that a chief hands out."""

from __future__ import annotations

from pathlib import Path

import click

from .sweep import ends_in_time


@click.command("sweep-worker")
@click.option("--chief", required=True, metavar="HOST:PORT", help="Where the chief listens.")
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Holds the chief's secret; that of $KERASCNN_SWEEP_SECRET.",
)
@click.option(
    "--tls-ca",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Encrypt; who vouches for the chief's certificate (PEM), or itself.",
)
@click.option("--threads", type=click.IntRange(1), help="Of the processor; all.")
@click.option(
    "--timeout",
    default="60s",
    show_default=True,
    metavar="TIME",
    help="Without an answer of the chief: the worker ends.",
)
@ends_in_time()
def command(
    chief: str, secret_file: Path | None, tls_ca: Path | None, threads: int | None, timeout: str
) -> None:
    """Run trials for a `kerascnn sweep-chief` until it has no more.

    The machines share one tracking store (MLFLOW_TRACKING_URI) and have the data set each.
    """
    from kerascnn.duration import parse_duration
    from kerascnn.tuning.secret import given_secret, read_small_file
    from kerascnn.tuning.worker import work

    work(
        chief,
        secret=given_secret(secret_file),
        tls_ca=read_small_file("--tls-ca", tls_ca) if tls_ca else None,
        threads=threads,
        timeout=parse_duration(timeout),
    )
