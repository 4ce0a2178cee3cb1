"""`kerascnn sweep-chief`: a sweep whose trials run on other machines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .sweep import ends_in_time, search, search_options


@click.command("sweep-chief")
@search_options
@click.option(
    "--listen",
    default="127.0.0.1:9090",
    show_default=True,
    metavar="HOST:PORT",
    help="Where workers find it; 0.0.0.0:9090: from other machines too.",
)
@click.option(
    "--secret-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Holds the secret that workers need; that of $KERASCNN_SWEEP_SECRET, or a new one.",
)
@click.option(
    "--tls-cert",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Encrypt, with this certificate (PEM).",
)
@click.option(
    "--tls-key", type=click.Path(path_type=Path), metavar="FILE", help="Of the certificate (PEM)."
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
@ends_in_time()
def command(
    listen: str,
    secret_file: Path | None,
    tls_cert: Path | None,
    tls_key: Path | None,
    worker_timeout: str,
    wait: str,
    **options: Any,
) -> None:
    """Hand the trials of a sweep out to workers; takes what `kerascnn sweep` does.

    It prints the command that starts a worker, to be run on each machine.

    \b
    kerascnn sweep-chief convnet mnist --trials 100 --listen 0.0.0.0:9090
    """
    from kerascnn.duration import parse_duration

    patience, longest_wait = parse_duration(worker_timeout), parse_duration(wait)

    from kerascnn.tuning.door import Door

    # The port is taken before a sweep is opened that would fail for want of it.
    with Door(listen, secret_file=secret_file, tls_cert=tls_cert, tls_key=tls_key) as door:

        def searching(opened: Any) -> bool:
            from kerascnn.tuning.chief import serve

            return serve(opened, door, patience=patience, longest_wait=longest_wait)

        search(searching=searching, **options)
