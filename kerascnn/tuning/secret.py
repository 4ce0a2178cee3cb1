"""The secret that a sweep's chief and its workers share: without it no call is answered.

It travels in the metadata of every call, beside the name of the worker, in both KerasTuner's
service and our own.
"""

from __future__ import annotations

import hmac
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc

from kerascnn.errors import UserError
from kerascnn.files import outside, status

VARIABLE = "KERASCNN_SWEEP_SECRET"
_SECRET, _WORKER = "kerascnn-secret-bin", "kerascnn-worker-bin"  # gRPC sends bytes under "-bin"
_LARGEST = 2**16  # bytes


def read_small_file(option: str, path: Path) -> bytes:
    """Returns the content of a file of keys.

    Raises:
        UserError: If it is no regular file, cannot be read, is empty or too large for what it is.
    """
    found = status(path)
    if found is None or not stat.S_ISREG(found.st_mode):
        raise UserError(f"{option} {path}: there is no such file")
    try:
        with outside(path).open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise UserError(f"{option} {path}: {error.strerror}") from None
    if not content.strip() or len(content) > _LARGEST:
        what = f"more than {_LARGEST} bytes" if content.strip() else "empty"
        raise UserError(f"{option} {path}: it is {what}")
    return content


def given_secret(file: Path | None) -> bytes | None:
    """Returns the secret of a file, or else of KERASCNN_SWEEP_SECRET; None where neither is given.

    White space around it does not count.
    """
    if file is not None:
        return read_small_file("--secret-file", file).strip()
    return os.environb.get(VARIABLE.encode(), b"").strip() or None


def new_secret() -> str:
    """Returns a secret that nobody can guess."""
    return secrets.token_urlsafe(32)


def worker_of(context: grpc.ServicerContext) -> str:
    """Returns the name of the worker that a call comes from."""
    name = dict(context.invocation_metadata())[_WORKER]
    return bytes(name).decode(errors="replace")


class SecretAsked(grpc.ServerInterceptor):
    """Refuses every call that does not bring the secret, whatever it is for.

    Args:
        secret: The secret.
        refused: Called for each call that is refused.
    """

    def __init__(self, secret: bytes, refused: Callable[[], None]):
        self._secret, self._refused = secret, refused

    def intercept_service(self, continuation: Any, handler_call_details: Any) -> Any:
        """Returns what answers a call."""
        sent = dict(handler_call_details.invocation_metadata)
        if hmac.compare_digest(sent.get(_SECRET, b""), self._secret) and _WORKER in sent:
            return continuation(handler_call_details)
        self._refused()
        # A stream, as for anything else a thread would wait until the request has come.
        return grpc.stream_unary_rpc_method_handler(
            lambda requests, context: context.abort(
                grpc.StatusCode.UNAUTHENTICATED, "it has another secret"
            )
        )


class SecretSent(grpc.UnaryUnaryClientInterceptor):
    """Sends the secret and a worker's name with every call.

    Args:
        secret: The secret.
        worker: The name of the worker.
    """

    def __init__(self, secret: bytes, worker: str):
        self._metadata = [(_SECRET, secret), (_WORKER, worker.encode(errors="replace"))]

    def intercept_unary_unary(
        self, continuation: Any, client_call_details: Any, request: Any
    ) -> Any:
        """Makes a call."""
        metadata = [*(client_call_details.metadata or ()), *self._metadata]
        return continuation(client_call_details._replace(metadata=metadata), request)
