"""Examples whose label is likely wrong, as a contact sheet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from kerascnn.data.examples import read_images
from kerascnn.evaluation.label_errors import LabelError
from kerascnn.visualization.contact_sheet import draw_sheet, in_one_size
from kerascnn.visualization.writing import in_style

_MOST, _PER_ROW = 60, 10
_SIDE = 112  # pixels
_NAME = 15  # characters of an example's name


@in_style
def draw_label_errors(data: str | Mapping[str, str], errors: Sequence[LabelError]) -> Figure:
    """Draws the worst of them with the class that each has, the one suggested, and its name.

    Args:
        data: Name of the data set; by split, where it is not the same one.
        errors: From `label_errors`, the worst first; at least one.
    """
    worst = errors[:_MOST]
    sources = [data if isinstance(data, str) else data[error.split] for error in worst]
    found = {
        (source, example): image
        for source in dict.fromkeys(sources)
        for example, image in _images_of(source, sources, worst)
    }
    images = [found[source, error.example] for source, error in zip(sources, worst, strict=True)]
    cells = [
        (image, _caption(error)) for error, image in zip(worst, in_one_size(images), strict=True)
    ]
    more = f", the worst {len(worst)}" if len(errors) > len(worst) else ""
    labels = f"{len(errors):,} label{'s' if len(errors) > 1 else ''}"
    gone = sum(image is None for image in images)
    return draw_sheet(
        [cells[i : i + _PER_ROW] for i in range(0, len(cells), _PER_ROW)],
        title=f"{' and '.join(dict.fromkeys(sources))}: {labels} likely wrong{more}",
        note=f"no longer there: {gone}" if gone else "",
        side=_SIDE,
    )


def _images_of(
    source: str, sources: Sequence[str], errors: Sequence[LabelError]
) -> Iterator[tuple[str, np.ndarray | None]]:
    """Yields the examples that are in a data set, with their images."""
    names = [error.example for error, its in zip(errors, sources, strict=True) if its == source]
    yield from zip(names, read_images(source, names), strict=True)


def _caption(error: LabelError) -> str:
    name = error.example.rpartition("/")[2]
    short = name if len(name) <= _NAME else f"…{name[1 - _NAME :]}"
    return f"labelled {error.label}\n{error.probability:.0%} {error.suggested}\n{short}"
