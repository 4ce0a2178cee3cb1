"""Calls of a tracking server that does not answer for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests
from mlflow.exceptions import MlflowException

from kerascnn.errors import UserError
from kerascnn.tracking.patience import PATIENCE, REPEATABLE, PatientClient, no_answer
from kerascnn.tracking.store import store_errors


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, list[str], list[int]]]:
    """A server: its address, what it was asked, and the status codes that it answers first."""
    asked: list[str] = []
    codes: list[int] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path.rpartition("/")[2])
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(codes.pop(0) if codes else 200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *arguments: object) -> None:
            pass

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked, codes
    server.shutdown()
    thread.join()
    server.server_close()


def test_it_asks_again_and_says_so_once(broken) -> None:
    address, asked, codes = broken
    codes += [503, 500]
    client = PatientClient(address, "there", PATIENCE)
    with pytest.warns(UserWarning, match="the tracking server at there does not ans") as said:
        client.set_tag("0" * 32, "key", "value")
    assert asked == ["set-tag"] * 3
    assert len(said) == 1


def test_what_the_server_refuses_is_not_asked_again(broken) -> None:
    address, asked, codes = broken
    codes.append(400)
    with pytest.raises(MlflowException):
        PatientClient(address, "there", PATIENCE).set_tag("0" * 32, "key", "value")
    assert asked == ["set-tag"]


def test_what_would_be_there_twice_is_not_asked_again(broken) -> None:
    address, asked, codes = broken
    codes.append(503)
    with pytest.raises(MlflowException, match="503"):
        PatientClient(address, "there", PATIENCE).create_run("0")
    assert asked == ["create"]
    assert not {name for name in REPEATABLE if name.startswith(("create", "delete_run"))}


def test_after_a_minute_it_gives_up_and_waits_no_more(broken) -> None:
    address, _, codes = broken
    codes += [500] * 100
    client = PatientClient(address, "there", patience=1.5)
    with pytest.warns(UserWarning, match="up to 1.5 s"), pytest.raises(MlflowException):
        client.set_tag("0" * 32, "key", "value")
    began = time.monotonic()
    with pytest.raises(UserError, match="cannot use the tracking store"), store_errors():
        client.set_terminated("0" * 32)
    assert time.monotonic() - began < 1
    codes.clear()
    client.set_tag("0" * 32, "key", "value")  # answered: it would wait again
    codes.append(500)
    with pytest.warns(UserWarning, match="does not answer"):
        client.set_tag("0" * 32, "key", "value")


def test_which_errors_may_pass() -> None:
    assert no_answer(requests.ConnectionError())
    assert no_answer(requests.Timeout())
    assert not no_answer(requests.exceptions.InvalidURL())
    assert not no_answer(MlflowException("no such run"))
