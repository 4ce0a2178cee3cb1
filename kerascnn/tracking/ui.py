"""MLflow's own UI on the tracking store."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from kerascnn.errors import UserError
from kerascnn.tracking.store import (
    check_store,
    experiment_name,
    open_client,
    store_errors,
    store_uri,
)
from kerascnn.tracking.view import KEY, keep_view


def ui_address(host: str, port: int) -> str:
    """Returns the page that lists the runs, in the view that `kerascnn.tracking.view` keeps.

    The bare page of the UI opens on traces, which a training run does not have.

    Raises:
        UserError: If the store cannot be opened, or the port is taken.
    """
    check_store()
    client = open_client(create=True)
    assert client is not None
    experiment = client.get_experiment_by_name(experiment_name())
    assert experiment is not None
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UserError(
                f"--port {port}: {error.strerror}; another one, such as --port {port + 1}, may do"
            ) from None
    with store_errors():
        keep_view(client, experiment)
    view = f"workflowType=machine_learning&viewStateShareKey={KEY}"
    return f"http://{host}:{port}/#/experiments/{experiment.experiment_id}/runs?{view}"


def serve_ui(host: str, port: int, ready: Callable[[], None]) -> None:
    """Serves the UI until it is interrupted.

    Args:
        host: Address to listen on.
        port: Port to listen on.
        ready: Called once, when the server answers.

    Raises:
        UserError: If the server ends by itself.
    """
    # With its defaults the server starts 15 processes and takes 3 GB; one worker is enough here.
    environment = os.environ | {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "PYTHONSAFEPATH": "1",  # a random.py in the working directory is not Python's
    }
    # uvicorn would put the working directory on the path again; this is no folder at all.
    options = f"--log-level=warning --app-dir={os.devnull}"
    arguments = ["--backend-store-uri", store_uri(), "--host", host, "--port", str(port)]
    with tempfile.TemporaryFile() as said:  # notes about its own set-up, unless it goes wrong
        server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *arguments, "--workers", "1",
             "--uvicorn-opts", options],
            env=environment,
            stdout=said,
            stderr=said,
            start_new_session=True,  # a group of its own: its workers end with it
        )  # fmt: skip
        try:
            while server.poll() is None and not _answers(host, port):
                time.sleep(0.2)
            if server.poll() is None:
                ready()
            code = server.wait()
            said.seek(0)
            last = said.read().decode(errors="replace").strip().rpartition("\n")[2]
            raise UserError(f"MLflow's server ended by itself, exit code {code}: {last}")
        finally:
            _end(server)


def _end(server: subprocess.Popen[bytes]) -> None:
    # Asked to end, it takes 5 s. It only reads and writes the store, in transactions.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def _answers(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0
