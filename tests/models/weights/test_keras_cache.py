from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerascnn.errors import UserError
from kerascnn.models.weights.keras_cache import cache_path, fetched
from kerascnn.models.weights.published import WeightsFile

CONTENT = b"weights" * 1000


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "keras").mkdir()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    return tmp_path / "keras"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Of a server that has the file."""
    (tmp_path / "served").mkdir()
    (tmp_path / "served/some.h5").write_bytes(CONTENT)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=tmp_path / "served")

        def log_message(self, *arguments) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def _file(address: str, name: str = "some.h5", content: bytes = CONTENT) -> WeightsFile:
    return WeightsFile(name, f"{address}/{name}", hashlib.md5(content).hexdigest())


def test_where_keras_has_its_files(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache_path("a.h5") == home / "models/a.h5"
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", "/home/of/mine")
    assert cache_path("a.h5") == Path("/home/of/mine/.keras/models/a.h5")


def test_keras_downloads_what_is_not_there_once(address: str, home: Path) -> None:
    lines: list[str] = []
    path = fetched([_file(address)], lines.append)
    assert path == home / "models/some.h5"
    assert path.read_bytes() == CONTENT
    assert fetched([_file("http://127.0.0.1:9")], lines.append) == path, "without a network"
    assert lines == []


def test_a_file_that_is_there_is_taken_and_said(home: Path) -> None:
    (home / "models").mkdir()
    (home / "models/some.h5").write_bytes(b"mine")
    lines: list[str] = []
    path = fetched([_file("http://127.0.0.1:9")], lines.append)
    assert path.read_bytes() == b"mine"
    (line,) = lines
    assert line.startswith(f"{path}: not the published file (its MD5 is not ")


def test_no_network(home: Path) -> None:
    file = _file("http://127.0.0.1:9")
    with pytest.raises(UserError) as raised:
        fetched([file], print)
    assert str(raised.value) == (
        "training.initialize: some.h5 cannot be downloaded ([Errno 111] Connection refused): put "
        f"{file.url} at {home}/models/some.h5, or set KERAS_HOME to a cache that has it"
    )
    assert not list(home.rglob("*.h5"))


def test_a_download_that_is_not_what_it_should_be(address: str, home: Path) -> None:
    with pytest.raises(UserError, match="cannot be downloaded .Incomplete or corrupted file"):
        fetched([_file(address, content=b"other")], print)
    assert not list(home.rglob("*.h5"))


def test_any_of_some_files_will_do(home: Path) -> None:
    first, second = (_file("http://127.0.0.1:9", name) for name in ("first.h5", "second.h5"))
    (home / "models").mkdir()
    (home / "models/second.h5").write_bytes(CONTENT)
    assert fetched([first, second], print) == home / "models/second.h5"
    with pytest.raises(UserError, match=r"first\.h5 cannot be downloaded"):
        fetched([first], print)


def test_a_file_whose_digest_nobody_knows(home: Path) -> None:
    (home / "models").mkdir()
    (home / "models/some.h5").write_bytes(b"mine")
    lines: list[str] = []
    fetched([WeightsFile("some.h5", "http://127.0.0.1:9/some.h5", None)], lines.append)
    assert lines == []
