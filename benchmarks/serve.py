"""`kerascnn serve` beside `mlflow models serve`: 2,000 requests, 16 at a time, an MNIST image each.

Both serve the model of one run, a LeNet-5, to the same requests: an image in base64, to
/invocations. Prints the median and the 99th percentile of the time for an answer, and images a
second; then the same of `kerascnn serve` where a third of the requests is malformed, and the memory
of the server before and after. Every good answer must be that of `kerascnn.predict`, every bad one
a 4xx with a reason. They are asked from the same machine, which takes a part of its processors.

    TFDS_DATA_DIR=... python benchmarks/serve.py [--requests 2000]
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import http.client
import io
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

import kerascnn
from kerascnn.data.loading import load
from kerascnn.data.pipeline import pictures

IMAGES, AT_ONCE = 200, 16
BAD = [b"no json", b'{"inputs": 3}', b'{"inputs": ["AAAA"]}', b'{"other": []}', b""]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2000)
    requests = parser.parse_args().requests
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        settings = ["data.train_fraction=0.05", "data.validation_fraction=0.01"]
        run = kerascnn.train("lenet5", "mnist", epochs=1, settings=settings, report=None).run
        bodies = []
        Path("files").mkdir()
        for number, pixels in enumerate(pictures(load(run.recipe.data), "test", np.arange(IMAGES))):
            file = io.BytesIO()
            Image.fromarray(pixels[..., 0]).save(file, "PNG")
            Path(f"files/{number:03}.png").write_bytes(file.getvalue())
            text = base64.b64encode(file.getvalue()).decode()
            bodies.append(json.dumps({"inputs": [text]}).encode())
        right = [one.classes[0] for one in kerascnn.predict(run, "files", top=1)]
        print(f"load {os.getloadavg()[0]:.2f}")
        with ours(run.id) as port:
            measure("kerascnn serve", port, bodies, right, requests)
        with mlflows(run.id) as port:
            measure("mlflow models serve", port, bodies, right, requests)
        with ours(run.id) as port:
            measure("kerascnn serve, a third malformed", port, bodies, right, requests, bad=True)


@contextlib.contextmanager
def ours(run_id: str) -> Iterator[int]:
    """Starts `kerascnn serve`; yields its port."""
    line = [sys.executable, "-m", "kerascnn_pipelines.cli", "serve", run_id, "--port", "0"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            found = re.search(r":(\d+) answers", server.stdout.readline())
            assert found
            yield int(found[1])
        finally:
            server.terminate()


@contextlib.contextmanager
def mlflows(run_id: str) -> Iterator[int]:
    """Starts MLflow's scoring server on the run's model; yields its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    places = [str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    environment = os.environ | {
        "MLFLOW_TRACKING_URI": "sqlite:///mlruns/mlflow.db",
        "PATH": os.pathsep.join(places),
    }
    line = [sys.executable, "-m", "mlflow", "models", "serve", "-m", f"runs:/{run_id}/model",
            "--env-manager", "local", "--port", str(port)]  # fmt: skip
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        line, env=environment, stdout=quiet, stderr=quiet, start_new_session=True
    ) as server:
        try:
            while True:
                with contextlib.suppress(OSError):
                    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
                    connection.request("GET", "/ping")
                    if connection.getresponse().status == 200:
                        break
                assert server.poll() is None, "it has ended"
                time.sleep(0.5)
            yield port
        finally:
            os.killpg(server.pid, 15)


def memory(port: int) -> float:
    """Returns the memory of the process that listens on a port, in MiB."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if any(one.laddr and one.laddr[1] == port for one in process.net_connections()):
                return float(process.memory_info().rss / 2**20)
    raise AssertionError(f"nothing listens on {port}")


def measure(
    what: str, port: int, bodies: list[bytes], right: list[str], requests: int, *, bad: bool = False
) -> None:
    connections = threading.local()

    def ask(number: int) -> float | None:
        if not hasattr(connections, "mine"):
            connections.mine = http.client.HTTPConnection("127.0.0.1", port)
        connection: http.client.HTTPConnection = connections.mine
        which = number % len(bodies)
        wrong = bad and number % 3 == 0
        body = BAD[number % len(BAD)] if wrong else bodies[which]
        start = time.perf_counter()
        connection.request("POST", "/invocations", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read())
        taken = time.perf_counter() - start
        if wrong:
            assert 400 <= response.status < 500, response.status
            assert answer["error"]
            return None
        (first,) = answer["predictions"]
        first = first["predictions"][0] if "predictions" in first else first
        assert first["class"] == right[which]
        return taken

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(ask, range(200)))
        before = memory(port)
        start = time.perf_counter()
        found = list(pool.map(ask, range(requests)))
        whole = time.perf_counter() - start
        grown = memory(port) - before
    seconds = np.array([one for one in found if one is not None])
    median, worst = np.percentile(seconds, [50, 99]) * 1000
    print(
        f"{what:34} {len(seconds):,} of {requests:,} good, every answer right; median "
        f"{median:.1f} ms, 99th percentile {worst:.1f} ms, {len(seconds) / whole:,.0f} images/s; "
        f"memory {before:,.0f} MiB, {grown:+.1f} MiB after",
        flush=True,
    )


if __name__ == "__main__":
    main()
