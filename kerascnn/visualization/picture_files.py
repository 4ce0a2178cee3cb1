"""The files of a picture: what they are called, and how they are written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kerascnn.errors import UserError
from kerascnn.files import written_whole
from kerascnn.visualization.kinds import Demo, Kind
from kerascnn.visualization.picture import Picture
from kerascnn.visualization.writing import write_animation, write_figure


def file_name(wanted: Kind | Demo, images: Sequence[str | Path] = ()) -> str:
    """Returns what the file of a picture is called, without its ending: what was asked for."""
    parts = [wanted.name]
    for field in type(wanted).model_fields:
        value = getattr(wanted, field)
        if field == "name" or field not in wanted.model_fields_set or value is None:
            continue
        if isinstance(value, bool):
            parts += [field] if value else []
        else:
            parts += map(str, value) if isinstance(value, tuple) else [str(value)]
    parts += [Path(image).stem for image in images[:3]]
    return re.sub(r"[^A-Za-z0-9._-]+", "-", "_".join(parts))[:100].strip("-")


def default_ending(picture: Picture) -> str:
    """Returns the ending of a picture's file where none was asked for."""
    return ".gif" if len(picture.frames) > 1 else ".png"


def write_picture(picture: Picture, path: Path) -> list[Path]:
    """Writes a picture, each file whole or not at all.

    Args:
        picture: From `visualize` or `demo`.
        path: .gif for what moves; for .png, .svg and .pdf each frame is a file, numbered.

    Returns:
        The paths of the files.

    Raises:
        UserError: If a file cannot be written, or is to move and the picture does not.
    """
    if path.suffix.lower() == ".gif":
        if len(picture.frames) == 1:
            raise UserError(f"{path}: nothing moves in this picture: .png, .svg or .pdf")
        write_animation(picture.frames, path, seconds=picture.seconds)
        return [path]
    count = len(picture.frames)
    if count == 1:
        write_figure(picture.figure, path)
        return [path]
    paths = [
        path.with_name(f"{path.stem}-{n:0{len(str(count))}}{path.suffix}")
        for n in range(1, count + 1)
    ]
    for frame, name in zip(picture.frames, paths, strict=True):
        write_figure(frame, name)
    return paths


def write_arrays(picture: Picture, path: Path) -> None:
    """Writes the numbers behind a picture as an .npz file.

    Raises:
        UserError: If it cannot be written.
    """
    try:
        with written_whole(path) as unfinished, unfinished.open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **picture.arrays)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from None
