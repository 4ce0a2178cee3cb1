"""`kerascnn serve`: a model answers requests over HTTP."""

from __future__ import annotations

import socket

import click

from kerascnn.errors import UserError

from . import completion
from .output import echo


@click.command("serve")
@click.argument("run", shell_complete=completion.runs)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--top", default=3, show_default=True, type=click.IntRange(1), help="Classes an image."
)
@click.option(
    "--max-body",
    default=16,
    show_default=True,
    type=click.IntRange(1, 256),
    metavar="MIB",
    help="The largest body of a request; larger ones are answered 413.",
)
@click.option(
    "--max-pixels",
    default=2**25,
    show_default=True,
    type=click.IntRange(1, 178_956_970),
    help="The largest image; larger ones are answered 413, and never decoded.",
)
@click.option(
    "--timeout",
    default=30.0,
    show_default=True,
    type=click.FloatRange(0.1, 3600),
    metavar="SECONDS",
    help="In which a body must have come; a slower one is answered 408.",
)
def command(
    run: str, host: str, port: int, top: int, max_body: int, max_pixels: int, timeout: float
) -> None:
    """Answer requests over HTTP with RUN's model; Ctrl-C or SIGTERM ends it.

    RUN is an id, an unambiguous prefix of one, a run's name, latest, or a model.keras file.

    \b
    kerascnn serve latest --port 8000
    curl --data-binary @photo.jpg -H 'Content-Type: image/jpeg' http://127.0.0.1:8000/predict
    """
    from kerascnn.tracking import load_run

    model = run if run.endswith(".keras") else load_run(run)
    if not isinstance(model, str):
        model.artifact("model.keras")  # it has one
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"--host {host} --port {port}: cannot listen there: {reason}") from None
    with listening:
        import numpy as np

        from kerascnn.run_model import load_model
        from kerascnn.serving.predict import classifier_of
        from kerascnn.serving.server import Limits, application, serve

        classifier = classifier_of(load_model(model))
        classifier.probabilities(np.zeros((1, *classifier.image_shape), np.uint8))  # the slow one
        name = model if isinstance(model, str) else model.name
        limits = Limits(max_body * 2**20, max_pixels, timeout)
        address = f"[{host}]" if ":" in host else host
        echo(f"http://{address}:{listening.getsockname()[1]} answers with {name}; Ctrl-C ends it")
        serve(application(classifier, name, top=top, limits=limits), listening)
    echo("ended", err=True)
