"""Requests to a server of a model, good ones and bad ones."""

from __future__ import annotations

import base64
import http.client
import io
import json
import socket
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image


def png(pixels: np.ndarray) -> bytes:
    """An image as a PNG file."""
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def bomb() -> bytes:
    """The head of a PNG file of 30,000 x 30,000 pixels."""
    head = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    return b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 2**20) + b"IDAT"


def encoded(*files: bytes) -> bytes:
    """Files as /invocations takes them."""
    return json.dumps({"inputs": [base64.b64encode(one).decode() for one in files]}).encode()


def ask(
    port: int, path: str, body: Any = None, kind: str = "image/png", method: str = "POST"
) -> tuple[int, Any]:
    """Sends a request; returns the status and what the JSON of the answer holds."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, {"Content-Type": kind} if kind else {})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def ask_slowly(port: int) -> tuple[int, Any]:
    """Sends a part of a body, and never the rest."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        head = "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\n"
        connection.sendall(f"{head}Content-Length: 1000\r\n\r\nabc".encode())
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.status, json.loads(answer.read())
