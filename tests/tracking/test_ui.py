"""MLflow's own UI, served for real on the same store."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import expect, sync_playwright

from kerascnn import tracking
from kerascnn.tracking.store import open_client

CHROMIUM = shutil.which("chromium")
ARGUMENTS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _see_the_view(address: str) -> None:
    """Opens the page as a browser does: the columns that matter, and the charts in their groups."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        page = browser.new_page(viewport={"width": 1800, "height": 900})
        page.goto(address)
        for heading in ("test_accuracy", "validation_accuracy", "train_seconds", "data.name"):
            expect(page.get_by_role("columnheader", name=heading).first).to_be_visible()
        page.goto(f"{address}&compareRunsMode=CHART")
        for heading in ("Results", "Learning curves", "loss vs validation_loss"):
            expect(page.get_by_text(heading, exact=True).first).to_be_visible()
        browser.close()


@pytest.mark.ci
def test_the_ui_shows_the_runs_of_the_store(
    trained, kerascnn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And as a tracking server it removes none: their space is freed where it runs."""
    port = _free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "kerascnn_pipelines.cli", "ui", "--port", str(port)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        assert address.startswith(f"http://127.0.0.1:{port}/#/experiments/")
        assert "/runs?workflowType=machine_learning&viewStateShareKey=" in address
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as page:
            assert b"MLflow" in page.read()
        if CHROMIUM is not None:
            _see_the_view(address)
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/2.0/mlflow/runs/search",
            data=json.dumps({"experiment_ids": [address.split("/")[5]]}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:
            names = {run["info"]["run_name"] for run in json.load(answer)["runs"]}
        assert names == {"first", "second"}
        run = tracking.load_run("first")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{port}")
        assert kerascnn("runs", "delete", "first").code == 0
        done = kerascnn("runs", "gc")
        client = open_client(create=True)
        assert client is not None
        client.restore_run(run.id)
        monkeypatch.delenv("MLFLOW_TRACKING_URI")
        assert done.code == 0
        assert [line.split()[-1] for line in done.out.splitlines()[1:2]] == ["stays"]
        assert "'mlflow gc' there does" in done.out
        assert done.out.splitlines()[-1] == "freed 0 bytes"
        assert tracking.load_run("first").artifact_uri == run.artifact_uri
    finally:
        asked = time.monotonic()
        server.send_signal(signal.SIGTERM)
        _, err = server.communicate(timeout=60)
    assert time.monotonic() - asked < 2  # it takes half a second, where nothing else runs
    assert server.returncode == 130
    assert err.split() == ["interrupted"]  # nothing of the server's
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/")


def test_a_port_that_is_taken(trained, kerascnn) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = kerascnn("ui", "--port", port)
    assert done.code == 2
    assert f"--port {port}: Address already in use" in done.err


@pytest.mark.parametrize("port", ["0", "70000", "x"])
def test_a_port_that_is_none(kerascnn, workplace, port: str) -> None:
    done = kerascnn("ui", "--port", port)
    assert done.code == 2
    assert done.err.count("\n") == 1
