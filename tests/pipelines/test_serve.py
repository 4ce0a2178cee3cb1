"""`kerascnn serve`, started for real and asked much that is wrong; its container."""

from __future__ import annotations

import json
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from kerascnn_pipelines.cli import cli

from kerascnn.experiment import predict
from tests.serving.requests import ask, ask_slowly, bomb, encoded, png

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def server(trained) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    """A server of the run "first", and its port."""
    line = ["serve", "first", "--port", "0", "--timeout", "2", "--max-body", "1"]
    process = subprocess.Popen(
        [sys.executable, "-m", "kerascnn_pipelines.cli", *line],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        found = re.match(r"http://127.0.0.1:(\d+) answers with first", process.stdout.readline())
        assert found
        yield int(found[1]), process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.ci
def test_good_and_bad_requests_at_once_and_a_graceful_end(server, tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    port, process = server
    files = [png((one * 255 / 16).astype(np.uint8)) for one in load_digits().images[:40]]
    for number, content in enumerate(files):
        (tmp_path / f"{number:02}.png").write_bytes(content)
    expected = predict("first", tmp_path, top=3)

    def good(number: int) -> None:
        which = number % len(files)
        status, answer = ask(port, "/predict", files[which])
        assert status == 200, answer
        names = tuple(one["class"] for one in answer["predictions"])
        shares = [one["probability"] for one in answer["predictions"]]
        assert names == expected[which].classes
        assert shares == pytest.approx(expected[which].probabilities, abs=1e-6)

    def bad(number: int) -> None:
        kinds = (
            lambda: ask(port, "/predict", b"text", "text/plain"),
            lambda: ask(port, "/predict", files[0][:70]),
            lambda: ask(port, "/predict", bomb()),
            lambda: ask(port, "/invocations", b'{"inputs": {"a": 1}}', "application/json"),
            lambda: ask(port, "/invocations", encoded(b"x"), "application/json"),
            lambda: ask(port, "/predict", (bytes(2**20) for _ in range(200))),
            lambda: ask_slowly(port),
        )
        status, answer = kinds[number % len(kinds)]()
        assert 400 <= status < 500
        assert answer["error"]

    def some(count: int) -> None:
        with ThreadPoolExecutor(16) as pool:
            jobs = [pool.submit(bad if n % 3 == 2 else good, n) for n in range(count)]
        for job in jobs:
            job.result()

    some(90)
    before = psutil.Process(process.pid).memory_info().rss
    some(240)
    assert psutil.Process(process.pid).memory_info().rss < before + 50 * 2**20
    assert ask(port, "/health", method="GET")[0] == 200

    answers: list[int] = []
    asked = threading.Thread(target=lambda: answers.append(ask_slowly(port)[0]))
    asked.start()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    asked.join()
    assert answers == [408], "what was being sent is answered before the end"
    assert (process.returncode, err) == (0, "ended\n")


def test_a_port_that_is_taken(trained, kerascnn) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = kerascnn("serve", "first", "--port", port)
    assert done.code == 2
    assert done.err.startswith(f"Error: --host 127.0.0.1 --port {port}: cannot listen there: ")
    assert kerascnn("serve", "gone").code == 2


def test_the_container_file() -> None:
    """The linter finds nothing, it does not run as root, and its command is one of ours."""
    linter = Path(sys.executable).with_name("hadolint")
    lint = subprocess.run([linter, DOCS / "Containerfile"], capture_output=True, text=True)
    assert (lint.returncode, lint.stdout, lint.stderr) == (0, "", "")
    text = (DOCS / "Containerfile").read_text(encoding="utf-8")
    assert f"```dockerfile\n{text}```" in (DOCS / "serving.md").read_text(encoding="utf-8")
    text = text.replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    found = dict(line.split(maxsplit=1) for line in lines)
    assert re.fullmatch(r"\S+:\d[\w.-]*", found["FROM"]), "a version, and not what is newest"
    assert found["USER"] not in ("root", "0")
    command = json.loads(found["CMD"])
    assert command[:2] == ["kerascnn", "serve"]
    serve = cli.get_command(cli.make_context("kerascnn", []), "serve")
    assert serve is not None
    options = serve.make_context("serve", command[2:]).params
    assert str(options["port"]) == found["EXPOSE"]
    assert options["host"] == "0.0.0.0"
    assert f":{found['EXPOSE']}/health" in found["HEALTHCHECK"]
    assert shlex.split(found["COPY"])[-1].endswith(options["run"])
