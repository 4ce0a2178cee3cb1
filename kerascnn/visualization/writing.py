"""Figures of one size and style, and how they are written to disk."""

from __future__ import annotations

import contextlib
import functools
import io
import warnings
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Literal, ParamSpec

from matplotlib import RcParams, rc_context, rc_params_from_file
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from kerascnn.errors import UserError
from kerascnn.files import written_whole
from kerascnn.text import shown
from kerascnn.visualization.paths import check_path

_Arguments = ParamSpec("_Arguments")


@functools.cache
def _style() -> RcParams:
    """Returns the settings in `kerascnn.mplstyle`."""
    with as_file(files("kerascnn.visualization") / "kerascnn.mplstyle") as path:
        return rc_params_from_file(path, use_default_template=False)


def in_style(draw: Callable[_Arguments, Figure]) -> Callable[_Arguments, Figure]:
    """Lets a function draw in the style of all pictures here; matplotlib's settings stay."""

    @functools.wraps(draw)
    def drawn(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> Figure:
        with rc_context(_style()):
            return draw(*args, **kwargs)

    return drawn


def new_figure(
    width: float,
    height: float,
    *,
    dpi: int = 120,
    layout: Literal["constrained"] | None = "constrained",
) -> Figure:
    """Returns an empty figure.

    Args:
        width: In inches.
        height: In inches.
        dpi: Dots per inch, where it is written as PNG.
        layout: How matplotlib arranges what is in it; None leaves that to the caller.
    """
    return Figure(figsize=(width, height), dpi=dpi, layout=layout, facecolor="white")


@contextlib.contextmanager
def plain_text(figure: Figure) -> Iterator[None]:
    """Lets a figure be drawn with the texts in it as they are.

    Names of classes, files and runs are no formulas, may hold what cannot be seen, and may be in
    any writing: what no font here has is a box, and no news.
    """
    for text in figure.findobj(Text):
        text.set_parse_math(False)
        text.set_text("\n".join(map(shown, text.get_text().split("\n"))))
    with rc_context({"text.parse_math": False}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support")
        yield


def write_figure(figure: Figure, path: str | Path, *, what: str = "picture") -> None:
    """Writes a picture, whole or not at all; the same picture gives the same file.

    Args:
        figure: To write.
        path: The path of the file; its ending tells the format.
        what: It is, for the message.

    Raises:
        UserError: If the ending is of no known format, or the file cannot be written.
    """
    path = check_path(path, what=what)
    metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix.lower())
    try:
        with (
            written_whole(path) as unfinished,
            plain_text(figure),
            rc_context({"svg.fonttype": "none", "svg.hashsalt": "kerascnn"}),  # text stays text
        ):
            figure.savefig(unfinished, metadata=metadata)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from None


def png_of(figure: Figure) -> bytes:
    """Returns a picture as the content of a PNG file."""
    content = io.BytesIO()
    with plain_text(figure):
        figure.savefig(content, format="png")
    return content.getvalue()


def write_animation(figures: Sequence[Figure], path: str | Path, *, seconds: float = 0.5) -> None:
    """Writes figures of one size as a GIF that goes on for ever, whole or not at all.

    Args:
        figures: The frames, in their order.
        path: The path of the file, which must end in .gif.
        seconds: That each frame is to be seen; the last one three times as long.

    Raises:
        UserError: If the path does not end in .gif, or the file cannot be written.
    """
    path = check_path(path, endings=(".gif",))
    frames = [Image.open(io.BytesIO(png_of(figure))).convert("RGB") for figure in figures]
    # One palette for all: colours must not flicker from frame to frame.
    sheet = Image.new("RGB", (frames[0].width, frames[0].height * len(frames)))
    for number, frame in enumerate(frames):
        sheet.paste(frame, (0, number * frame.height))
    palette = sheet.quantize(255, dither=Image.Dither.NONE)
    first, *rest = (frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames)
    each = round(1000 * seconds)
    times = [each] * len(rest) + [3 * each]
    try:
        with written_whole(path) as unfinished:
            first.save(
                unfinished,
                format="GIF",
                save_all=True,
                append_images=rest,
                duration=times,
                loop=0,
            )
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from None
