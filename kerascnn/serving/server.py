"""An HTTP server for a model: images in, class names and probabilities out.

Whatever is sent is answered, what is wrong by a status of 4xx and a reason on one line.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import io
import json
import queue
import socket
import threading
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

import numpy as np
import uvicorn
from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from kerascnn.data import images
from kerascnn.data.images import LARGE, TooManyPixelsError, UnreadableImageError
from kerascnn.files import size_text
from kerascnn.hardware import processors
from kerascnn.serving.predict import Classifier

MOST_IMAGES = 64  # of a request

_BATCH = 32  # images that the network is given at once
_WAIT = 0.003  # seconds for which the first of them waits for others
_HELD = 2**29  # bytes of bodies that are held at once
_CONNECTIONS = 512
_GRACE = 30  # seconds in which what has been asked is still answered

_Top: TypeAlias = Annotated[int, Query(ge=1)]


@dataclass(frozen=True)
class Limits:
    """What a request may have.

    Attributes:
        body: Bytes.
        pixels: Of an image, before it is resized.
        seconds: In which its body must have come.
    """

    body: int = 2**24
    pixels: int = LARGE
    seconds: float = 30.0


class Batcher:
    """Has one thread run a network on the images of all requests, many at once.

    Args:
        classifier: Of the network.
    """

    def __init__(self, classifier: Classifier):
        self._classifier = classifier
        self._waiting: queue.SimpleQueue[tuple[np.ndarray, Future[np.ndarray]] | None]
        self._waiting = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it computes."""
        return self._thread.is_alive()

    def probabilities(self, image: np.ndarray) -> Future[np.ndarray]:
        """Returns what will be the probabilities (classes,) of an image of the model's size."""
        future: Future[np.ndarray] = Future()
        self._waiting.put((image, future))
        return future

    def close(self) -> None:
        """Ends when all that was asked is computed."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        most = min(_BATCH, self._classifier.batch_size)
        ended = False
        while not ended:
            taken = []
            item = self._waiting.get()
            until = time.monotonic() + _WAIT
            while item is not None:
                taken.append(item)
                if len(taken) == most:
                    break
                try:
                    item = self._waiting.get(timeout=max(0.0, until - time.monotonic()))
                except queue.Empty:
                    break
            ended = item is None
            if taken:
                self._compute(taken)

    def _compute(self, taken: Sequence[tuple[np.ndarray, Future[np.ndarray]]]) -> None:
        try:
            rows = self._classifier.probabilities(np.stack([image for image, _ in taken]))
        except Exception as error:  # of the network: who asked is told, the server goes on
            for _, future in taken:
                with contextlib.suppress(InvalidStateError):  # nobody waits for it any more
                    future.set_exception(error)
            return
        for (_, future), row in zip(taken, rows, strict=True):
            with contextlib.suppress(InvalidStateError):
                future.set_result(row)


class _Service:
    """Answers requests."""

    def __init__(self, classifier: Classifier, limits: Limits):
        self._classifier, self._limits = classifier, limits
        self._thresholds = dict(zip(classifier.classes, classifier.thresholds or (), strict=False))
        self.batcher = Batcher(classifier)
        self._decoders = ThreadPoolExecutor(processors())
        self._held = 0

    def close(self) -> None:
        self._decoders.shutdown()
        self.batcher.close()

    @contextlib.asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[bytes]:
        """Reads what is sent; what is too much, to its end, or the reason would not be read."""
        most, chunks, size = self._limits.body, list[bytes](), 0
        reason = f"the body is larger than the {size_text(most)} that are taken"
        said = request.headers.get("content-length", "")
        expects = request.headers.get("expect", "").lower() == "100-continue"
        if expects and said.isdecimal() and int(said) > most:
            raise HTTPException(413, reason)
        try:
            try:
                async with asyncio.timeout(self._limits.seconds):
                    async for chunk in request.stream():
                        size += len(chunk)
                        if size > most:
                            self._held -= sum(map(len, chunks))
                            chunks.clear()
                            continue
                        if self._held + len(chunk) > _HELD:
                            raise HTTPException(503, "too many large requests at once")
                        chunks.append(chunk)
                        self._held += len(chunk)
            except TimeoutError:
                if size <= most:
                    seconds = f"{self._limits.seconds:g}"
                    raise HTTPException(
                        408, f"the body has not come within {seconds} seconds"
                    ) from None
            if size > most:
                raise HTTPException(413, reason)
            if not size:
                raise HTTPException(400, "the body is empty")
            yield b"".join(chunks)
        finally:
            self._held -= sum(map(len, chunks))

    async def answer(self, contents: Sequence[bytes], top: int) -> list[dict[str, Any]]:
        """Returns what the model says of some image files."""
        loop = asyncio.get_running_loop()
        pixels = []
        for number, content in enumerate(contents):
            try:
                pixels.append(await loop.run_in_executor(self._decoders, self._decode, content))
            except UnreadableImageError as error:
                which = f"inputs[{number}]: " if len(contents) > 1 else ""
                status = 413 if isinstance(error, TooManyPixelsError) else 400
                raise HTTPException(status, f"{which}{error}") from None
        futures = [asyncio.wrap_future(self.batcher.probabilities(one)) for one in pixels]
        rows = np.stack(await asyncio.gather(*futures))
        return [self._record(answer) for answer in self._classifier.named(rows, top)]

    def _decode(self, content: bytes) -> np.ndarray:
        most = self._limits.pixels
        with images.opened(io.BytesIO(content)) as image:
            if image.width * image.height > most:
                raise TooManyPixelsError(
                    f"image: has {image.width:,} x {image.height:,} pixels; at most {most:,} are "
                    "taken"
                )
            pixels = images.upright_rgb(image)
        return images.resize(pixels, self._classifier.image_shape, self._classifier.resize)

    def _record(self, answer: Sequence[tuple[str, float]]) -> dict[str, Any]:
        if not self._thresholds:
            return {"predictions": [{"class": name, "probability": p} for name, p in answer]}
        return {
            "labels": [
                {"class": name, "probability": p, "threshold": self._thresholds[name]}
                for name, p in answer
            ]
        }


def _encoded_images(body: bytes) -> list[bytes]:
    """Returns the files in {"inputs": ["base64", ...]}."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise HTTPException(400, "the body is not JSON") from None
    inputs = value.get("inputs") if isinstance(value, dict) else None
    right = isinstance(inputs, list) and all(isinstance(one, str) for one in inputs)
    if not right or not inputs:
        raise HTTPException(400, 'the JSON must be {"inputs": ["an image file in base64", ...]}')
    if len(inputs) > MOST_IMAGES:
        raise HTTPException(413, f"{len(inputs):,} images; at most {MOST_IMAGES} are taken")
    try:
        return [base64.b64decode(one, validate=True) for one in inputs]
    except (binascii.Error, ValueError):
        raise HTTPException(400, "inputs: not base64") from None


def application(classifier: Classifier, name: str, *, top: int = 3, limits: Limits) -> FastAPI:
    """Returns the server's application.

    Args:
        classifier: Of the model.
        name: Of the model, as /health has it.
        top: How many classes are given of an image unless the request says.
        limits: What a request may have.
    """
    service = _Service(classifier, limits)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        service.close()

    app = FastAPI(title=f"kerascnn: {name}", docs_url=None, redoc_url=None, lifespan=lifespan)

    async def predict(request: Request, top: _Top = top) -> dict[str, Any]:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind and not kind.startswith("image/") and kind != "application/octet-stream":
            raise HTTPException(
                415, "send an image file as image/* or application/octet-stream, or JSON to "
                "/invocations"
            )  # fmt: skip
        async with service.body(request) as body:
            return (await service.answer([body], top))[0]

    async def invocations(request: Request, top: _Top = top) -> dict[str, Any]:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            raise HTTPException(415, "send application/json, or an image file to /predict")
        async with service.body(request) as body:
            return {"predictions": await service.answer(_encoded_images(body), top)}

    async def health() -> JSONResponse:
        well = service.batcher.alive
        about = {
            "status": "ok" if well else "the network has stopped",
            "model": name,
            "image_shape": classifier.image_shape,
        }
        return JSONResponse(about, 200 if well else 503)

    async def refuse(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return JSONResponse({"error": " ".join(error.detail.split())}, error.status_code)

    async def refuse_values(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        return JSONResponse({"error": f"{first['loc'][-1]}: {first['msg']}"}, 422)

    async def left(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": "the connection was closed"}, 400)  # which nobody reads

    async def fail(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"error": f"unexpected {type(error).__name__}"}, 500)

    app.post("/predict")(predict)
    app.post("/invocations")(invocations)
    app.get("/health")(health)
    app.exception_handler(HTTPException)(refuse)
    app.exception_handler(RequestValidationError)(refuse_values)
    app.exception_handler(ClientDisconnect)(left)
    app.exception_handler(Exception)(fail)
    return app


def server_of(app: FastAPI) -> uvicorn.Server:
    """Returns a server, whose `run(sockets=[...])` ends after SIGINT or SIGTERM.

    What has been asked by then is answered, for up to 30 seconds.
    """
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="error",
        access_log=False,
        ws="none",
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE,
    )
    return uvicorn.Server(config)


def serve(app: FastAPI, listening: socket.socket) -> None:
    """Serves an application at a socket, until SIGINT or SIGTERM."""
    with contextlib.suppress(KeyboardInterrupt):  # what the signal is made of, when all has ended
        server_of(app).run(sockets=[listening])
