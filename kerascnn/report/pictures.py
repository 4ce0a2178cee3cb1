"""What a network has learnt, in the report of its run: what `kerascnn visualize` has kept."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import PurePosixPath

from kerascnn.errors import UserError
from kerascnn.files import read_regular
from kerascnn.text import shown
from kerascnn.tracking import Run
from kerascnn.visualization.contents import KINDS

FOLDER = "pictures"  # of them, among the artifacts of a run
_TYPES = {".png": "image/png", ".gif": "image/gif"}
_MOST_BYTES = 3 * 2**20  # of a picture
_MOST_ALL = 12 * 2**20  # of all in a page


@dataclass(frozen=True)
class KeptPicture:
    """A picture in a page.

    Attributes:
        title: The kind and what it is of, such as "patches c3".
        line: What the kind shows.
        uri: The picture as an address.
    """

    title: str
    line: str
    uri: str


def kept_pictures(run: Run) -> tuple[list[KeptPicture], list[str]]:
    """Reads the pictures that were made of a run's network, in the order of the kinds.

    Returns:
        The pictures, and a line for each that is left out.
    """
    order = list(KINDS)
    found = []
    for name in run.artifacts(FOLDER):
        path = PurePosixPath(name)
        kind, _, of = path.stem.partition("_")
        if kind in KINDS and path.suffix in _TYPES:
            found.append((order.index(kind), path, of.replace("_", " ")))
    pictures, left, room = [], [], _MOST_ALL
    for number, path, of in sorted(found):
        try:
            content = read_regular(run.artifact(str(path)), min(_MOST_BYTES, room))
        except UserError as error:
            left.append(f"Without {path.name}: {error}.")
            continue
        room -= len(content)
        encoded = base64.b64encode(content).decode("ascii")
        kind = order[number]
        title = shown(f"{kind} {of}".strip())
        pictures.append(
            KeptPicture(title, KINDS[kind], f"data:{_TYPES[path.suffix]};base64,{encoded}")
        )
    return pictures, left
