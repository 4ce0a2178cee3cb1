"""`kerascnn ui`: MLflow's own UI on the tracked runs."""

from __future__ import annotations

import sys

import click

from .output import echo


@click.command("ui")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=5000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--browser/--no-browser", default=None, help="Open it.  [default: on a terminal]")
def command(host: str, port: int, browser: bool | None) -> None:
    """Open MLflow's own UI on the tracked runs; Ctrl-C ends it."""
    from kerascnn.tracking.ui import serve_ui, ui_address

    address = ui_address(host, port)

    def ready() -> None:
        echo(f"{address}\nCtrl-C ends it")
        if sys.stdout.isatty() if browser is None else browser:
            click.launch(address)

    serve_ui(host, port, ready)
