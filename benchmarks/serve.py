"""`kerascnn serve` under load: 2,000 requests, 16 at a time, for one MNIST image each.

Prints the median and the 99th percentile of the time for an answer, and images a second, of a
LeNet-5 that another process serves. Every answer must be that of `kerascnn.predict`. It is started
and asked on the same machine, so who asks takes a part of the processors.

    TFDS_DATA_DIR=... python benchmarks/serve.py [--requests 2000]
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import io
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from kerascnn.data.loading import load
from kerascnn.data.pipeline import pictures
from kerascnn.experiment import predict
from kerascnn.models.build import build_model
from kerascnn.recipe import load_recipe
from kerascnn.serving.archive import SavedModel, save_model

IMAGES, AT_ONCE = 200, 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=2000)
    requests = parser.parse_args().requests
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(name):
        recipe = load_recipe({"model": {"name": "lenet5"}, "data": {"name": "mnist"}})
        data = load(recipe.data)
        contents = []
        Path("files").mkdir()
        for number, pixels in enumerate(pictures(data, "test", np.arange(IMAGES))):
            file = io.BytesIO()
            Image.fromarray(pixels[..., 0]).save(file, "PNG")
            contents.append(file.getvalue())
            Path(f"files/{number:03}.png").write_bytes(contents[-1])
        network = build_model("lenet5", input_shape=data.image_shape, classes=10)
        save_model(SavedModel(network, data.classes, recipe), Path("model.keras"))
        right = [one.classes[0] for one in predict("model.keras", "files", top=1)]
        line = [sys.executable, "-m", "kerascnn_pipelines.cli", "serve", "model.keras"]
        with subprocess.Popen([*line, "--port", "0"], stdout=subprocess.PIPE, text=True) as server:
            try:
                assert server.stdout is not None
                found = re.search(r":(\d+) answers", server.stdout.readline())
                assert found
                measure(int(found[1]), contents, right, requests)
            finally:
                server.terminate()


def measure(port: int, contents: list[bytes], right: list[str], requests: int) -> None:
    connections = threading.local()

    def ask(number: int) -> float:
        if not hasattr(connections, "mine"):
            connections.mine = http.client.HTTPConnection("127.0.0.1", port)
        connection: http.client.HTTPConnection = connections.mine
        which = number % len(contents)
        start = time.perf_counter()
        connection.request("POST", "/predict", contents[which], {"Content-Type": "image/png"})
        answer = json.loads(connection.getresponse().read())
        taken = time.perf_counter() - start
        assert answer["predictions"][0]["class"] == right[which]
        return taken

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(ask, range(200)))
        start = time.perf_counter()
        seconds = np.array(list(pool.map(ask, range(requests))))
        whole = time.perf_counter() - start
    median, worst = np.percentile(seconds, [50, 99]) * 1000
    print(f"{requests:,} requests, {AT_ONCE} at a time: every answer right")
    print(
        f"median {median:.1f} ms, 99th percentile {worst:.1f} ms, {requests / whole:,.0f} images/s"
    )


if __name__ == "__main__":
    main()
