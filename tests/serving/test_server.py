"""The server, asked for real: good requests are right, bad ones are told why."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from kerascnn.data.images import resize
from kerascnn.serving.predict import Classifier
from kerascnn.serving.server import Batcher, Limits, application, server_of
from tests.serving.requests import ask, ask_slowly, bomb, encoded, png

SIZES: list[int] = []  # of the batches that the network was given


def _brightness(images: np.ndarray) -> np.ndarray:
    """Light is what is bright; nobody may be all black in the first pixel and white elsewhere."""
    SIZES.append(len(images))
    light = images.mean(axis=(1, 2, 3), dtype=np.float64) / 255
    if (images[:, -1, -1, 0] == 13).any():
        raise ValueError("the network fails")
    return np.stack([light, 1 - light], axis=1).astype(np.float32)


CLASSIFIER = Classifier(_brightness, (6, 6, 3), ("light", "dark"))


def _grey(level: int, side: int = 6) -> bytes:
    return png(np.full((side, side), level, np.uint8))


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Where a server answers."""
    limits = Limits(body=2**20, pixels=10_000, seconds=0.5)
    server = server_of(application(CLASSIFIER, "brightness", top=1, limits=limits))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        yield listening.getsockname()[1]
        server.should_exit = True
        thread.join()


def test_an_image_and_several(port: int) -> None:
    white = {"predictions": [{"class": "light", "probability": 1.0}]}
    assert ask(port, "/predict", _grey(255)) == (200, white)
    assert ask(port, "/predict", _grey(255, 90), "") == (200, white)
    status, both = ask(port, "/predict?top=2", _grey(51), "application/octet-stream")
    assert status == 200
    assert [one["class"] for one in both["predictions"]] == ["dark", "light"]
    assert both["predictions"][0]["probability"] == pytest.approx(0.8)
    body = encoded(_grey(255), _grey(0))
    status, answer = ask(port, "/invocations", body, "application/json; charset=utf-8")
    dark = {"predictions": [{"class": "dark", "probability": 1.0}]}
    assert (status, answer) == (200, {"predictions": [white, dark]})
    status, health = ask(port, "/health", method="GET")
    assert (status, health["status"], health["model"]) == (200, "ok", "brightness")


@pytest.mark.parametrize(
    ("path", "body", "kind", "status", "reason"),
    [
        ("/predict", b"no image", "image/png", 400, "image: is not an image"),
        ("/predict", _grey(0, 50)[:-30], "image/png", 400, "image: "),
        ("/predict", b"", "image/png", 400, "the body is empty"),
        ("/predict", bomb(), "image/png", 413, "image: has more than the 178,956,970 pixels"),
        ("/predict", _grey(0, 101), "image/png", 413, "has 101 x 101 pixels; at most 10,000"),
        ("/predict", bytes(2**20 + 1), "image/png", 413, "the body is larger than the 1 MiB"),
        ("/predict", b"{}", "text/html", 415, "send an image file as image/*"),
        ("/predict?top=0", _grey(0), "image/png", 422, "top: .*greater than or equal to 1"),
        ("/predict?top=x", _grey(0), "image/png", 422, "top: "),
        ("/invocations", encoded(_grey(0)), "image/png", 415, "send application/json"),
        ("/invocations", b"{", "application/json", 400, "the body is not JSON"),
        ("/invocations", b"[" * 10**5, "application/json", 400, "the body is not JSON"),
        ("/invocations", b"\xff\xfe{", "application/json", 400, "the body is not JSON"),
        ("/invocations", b"[1]", "application/json", 400, "the JSON must be"),
        ("/invocations", b'{"inputs": [[1, 2]]}', "application/json", 400, "the JSON must be"),
        ("/invocations", b'{"inputs": []}', "application/json", 400, "the JSON must be"),
        ("/invocations", b'{"inputs": ["!"]}', "application/json", 400, "inputs: not base64"),
        ("/invocations", encoded(*[b"x"] * 65), "application/json", 413, "65 images; at most 64"),
        ("/invocations", encoded(_grey(0), b"x"), "application/json", 400, r"inputs\[1\]: image: "),
        ("/gone", b"", "image/png", 404, "Not Found"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_on_one_line(port, path, body, kind, status, reason) -> None:
    found, answer = ask(port, path, body, kind)
    assert found == status, answer
    assert list(answer) == ["error"]
    assert "\n" not in answer["error"]
    assert re.search(reason, answer["error"]), answer


def test_large_bodies_slow_ones_and_other_methods(port: int) -> None:
    chunks = (bytes(2**16) for _ in range(100))  # of a length that is not said
    status, answer = ask(port, "/predict", chunks)
    assert (status, answer["error"][:18]) == (413, "the body is larger")
    assert ask_slowly(port) == (408, {"error": "the body has not come within 0.5 seconds"})
    assert ask(port, "/predict", method="GET")[0] == 405


def test_a_network_that_fails_is_told_and_the_server_goes_on(port: int) -> None:
    assert ask(port, "/predict", _grey(13)) == (500, {"error": "unexpected ValueError"})
    assert ask(port, "/predict", _grey(255))[0] == 200


def test_concurrent_requests_share_batches_and_each_gets_its_own(port: int) -> None:
    levels = [number for number in range(256) if number != 13]
    SIZES.clear()
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda level: ask(port, "/predict?top=2", _grey(level)), levels))
    for level, (status, answer) in zip(levels, found, strict=True):
        shares = {one["class"]: one["probability"] for one in answer["predictions"]}
        assert status == 200
        assert shares["light"] == pytest.approx(level / 255, abs=1e-6)
    assert sum(SIZES) == len(levels)
    assert 1 < max(SIZES) <= 32


def test_a_batcher_computes_what_it_was_asked_before_it_ends() -> None:
    batcher = Batcher(CLASSIFIER)
    image = resize(np.full((6, 6, 1), 51, np.uint8), (6, 6, 3))
    futures = [batcher.probabilities(image) for _ in range(100)]
    batcher.close()
    assert not batcher.alive
    for future in futures:
        np.testing.assert_allclose(future.result(0), [0.2, 0.8], rtol=1e-6)


def test_several_labels_come_with_their_thresholds() -> None:
    several = Classifier(_brightness, (6, 6, 3), ("light", "dark"), thresholds=(0.1, 0.9))
    server = server_of(application(several, "several", limits=Limits()))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        _, answer = ask(listening.getsockname()[1], "/predict", _grey(51))
        server.should_exit = True
        thread.join()
    (label,) = answer["labels"]
    assert (label["class"], label["threshold"]) == ("light", 0.1)
