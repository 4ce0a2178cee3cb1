"""Where pictures can be written to: told without Matplotlib, before there is one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kerascnn.errors import UserError
from kerascnn.files import has_folder

ENDINGS = (".png", ".svg", ".pdf")


def check_path(
    path: str | Path, *, what: str = "picture", endings: Sequence[str] = ENDINGS
) -> Path:
    """Returns a path that a picture can be written to, before there is a picture.

    Args:
        path: The path of the file to be.
        what: It is, for the message.
        endings: That it may have.

    Raises:
        UserError: If its ending names no format that pictures are written in, or its folder is
            missing.
    """
    path = Path(path)
    if path.suffix.lower() not in endings:
        known = " or ".join(filter(None, (", ".join(endings[:-1]), endings[-1])))
        raise UserError(f"{what} {path}: must end in {known}")
    if not has_folder(path):
        raise UserError(f"cannot write {path}: there is no folder {path.parent}")
    return path
