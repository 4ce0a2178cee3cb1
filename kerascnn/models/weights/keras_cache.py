"""Files that keras.applications downloads, in the cache where Keras has them."""

from __future__ import annotations

import hashlib
import http.client
import os
import socket
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.files import status
from kerascnn.models.weights.published import WeightsFile

_FOLDER = "models"  # of the cache
_PATIENCE = 30  # seconds without an answer
_SHORT_PATIENCE = 3  # where there is another way


def cache_path(name: str) -> Path:
    """Returns where Keras has a file, or would: below KERAS_HOME, or ~/.keras."""
    home = os.environ.get("KERAS_HOME") or "~/.keras"
    return Path(home).expanduser() / _FOLDER / name


def obtainable(file: WeightsFile) -> bool:
    """Whether a file is in Keras's cache, or its server has it and answers soon."""
    if status(cache_path(file.name)) is not None:
        return True
    request = urllib.request.Request(file.url, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=_SHORT_PATIENCE) as answer:
            return bool(answer.status == http.HTTPStatus.OK)
    except (OSError, http.client.HTTPException):  # URLError is an OSError
        return False


def fetched(files: Sequence[WeightsFile], report: Callable[[str], None]) -> Path:
    """Returns the path of one of some files in Keras's cache; Keras downloads the first otherwise.

    A file that is there is taken, and it is said if it is not the published one: it may have been
    made by somebody who has no network.

    Args:
        files: Of weights, any of which will do.
        report: Called with each line for the user.

    Raises:
        UserError: If none is there and it cannot be downloaded.
    """
    here = [file for file in files if status(cache_path(file.name)) is not None]
    file = (*here, *files)[0]
    path = cache_path(file.name)
    if here:
        if file.md5 is not None and _md5(path) != file.md5:
            report(
                f"{path}: not the published file (its MD5 is not {file.md5}); taken all the same"
            )
        return path
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_PATIENCE)
    try:
        got = keras.utils.get_file(
            file.name,
            origin=file.url,
            cache_subdir=_FOLDER,
            cache_dir=str(path.parent.parent),
            file_hash=file.md5,
        )
    except Exception as error:  # get_file raises bare exceptions
        path.unlink(missing_ok=True)  # what is not as it should be, it leaves
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        reason = reason.removeprefix(f"URL fetch failure on {file.url}: ").removeprefix("None -- ")
        raise UserError(
            f"training.initialize: {file.name} cannot be downloaded ({reason}): put "
            f"{file.url} at {path}, or set KERAS_HOME to a cache that has it"
        ) from None
    finally:
        socket.setdefaulttimeout(before)
    return Path(got)


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
