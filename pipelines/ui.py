"""`kerascnn ui`: MLflow's own UI on the tracked runs."""

from __future__ import annotations

import click


@click.command("ui")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=5000, show_default=True, type=click.IntRange(1, 65535))
def command(host: str, port: int) -> None:
    """Open MLflow's own UI on the same store; Ctrl-C ends it."""
    from kerascnn.tracking.ui import serve_ui, ui_address

    click.echo(f"runs: {ui_address(host, port)}\nstarting; Ctrl-C ends it")
    serve_ui(host, port)
