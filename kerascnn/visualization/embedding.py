"""Examples in the plane, as the last hidden layer of a network places them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage
from pydantic import Field

from kerascnn.data.pipeline import pictures
from kerascnn.inspection.embedding import (
    features_of,
    in_the_plane,
    neighbour_accuracy,
    usual_method,
)
from kerascnn.inspection.examples import sample
from kerascnn.visualization.kinds import Kind
from kerascnn.visualization.picture import Picture, Subject
from kerascnn.visualization.writing import in_style, new_figure

_WIDTH = 7.5  # inches, of the points
_SIDE = 0.036  # of a thumbnail, of the width of the picture
_MOST_NAMES = 20  # classes in a legend

Colour = tuple[float, float, float]


def room_for_thumbnails(points: np.ndarray, side: float = _SIDE) -> np.ndarray:
    """Chooses points whose thumbnails do not overlap, as many as there is room for.

    Args:
        points: (N, 2), of 0..1 from edge to edge.
        side: Of a thumbnail, in the same measure.

    Returns:
        Their numbers, ascending; the first point of each crowd.
    """
    chosen: list[int] = []
    for number, point in enumerate(points):
        if not chosen or (np.abs(points[chosen] - point).max(axis=1) >= 1.15 * side).all():
            chosen.append(number)
    return np.array(chosen, np.int64)


def in_unit_square(points: np.ndarray) -> np.ndarray:
    """Returns points (N, 2) moved and shrunk alike in both directions, so that all are in 0..1."""
    low, high = points.min(axis=0), points.max(axis=0)
    extent = float((high - low).max()) or 1.0
    shrunk: np.ndarray = (points - (low + high) / 2) / extent + 0.5
    return shrunk


@in_style
def draw_embedding(
    points: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    *,
    wrong: np.ndarray | None = None,
    thumbnails: tuple[np.ndarray, np.ndarray] | None = None,
    title: str = "",
) -> Figure:
    """Draws examples as dots, coloured by their class, with some of the images.

    Args:
        points: In the plane, (N, 2).
        labels: int (N,).
        classes: Names.
        wrong: Whose answer is wrong, bool (N,): drawn as a cross.
        thumbnails: Numbers of the points that are drawn as images (K,), and these, uint8
            (K, H, W, 1 or 3).
        title: Over the picture.
    """
    wrong = np.zeros(len(labels), bool) if wrong is None else wrong
    points = in_unit_square(points)
    there, counts = np.unique(labels, return_counts=True)
    named = there[np.argsort(-counts, kind="stable")][:_MOST_NAMES]
    colours = _colours(len(classes))
    reach = np.abs(points - 0.5).max(axis=0) + 0.03
    figure = new_figure(2.1 + _WIDTH * 2 * reach[0], 0.8 + _WIDTH * 2 * max(0.25, reach[1]))
    axes = figure.subplots()
    axes.set(xlim=(0.5 - reach[0], 0.5 + reach[0]), ylim=(0.5 - reach[1], 0.5 + reach[1]))
    axes.set(xticks=[], yticks=[], aspect="equal")
    axes.spines[:].set_visible(False)
    size = float(np.clip(9000 / len(labels), 4, 30))
    for label in there:
        right, not_right = (labels == label) & ~wrong, (labels == label) & wrong
        name = classes[label] if label in named else None
        label_of = f" {name}" if name and name.startswith("_") else name
        axes.scatter(
            points[right, 0],
            points[right, 1],
            s=size,
            color=colours[label],
            alpha=0.75,
            linewidths=0,
        )
        axes.scatter(
            points[not_right, 0], points[not_right, 1], s=3 * size, color=colours[label], marker="x"
        )
        axes.scatter([], [], s=30, color=colours[label], label=label_of)
    if wrong.any():
        axes.scatter([], [], s=30, color="0.3", marker="x", label="wrong answer")
    if thumbnails is not None:
        for number, pixels in zip(*thumbnails, strict=True):
            _thumbnail(axes, points[number], pixels, colours[labels[number]])
    more = len(there) - len(named)
    axes.set_title(title, loc="left")
    handles, names = axes.get_legend_handles_labels()
    legend = figure.legend(handles, names, loc="outside right center", frameon=False)
    if more:
        legend.set_title(f"{more} more classes")
    return figure


def _colours(count: int) -> list[Colour]:
    """Returns a colour for each class: of many, neighbours differ in hue and in lightness."""
    if count <= 20:
        few = count <= 10
        return [to_rgb(f"C{n}" if few else colormaps["tab20"](n)) for n in range(count)]
    numbers = np.arange(count)
    colours = colormaps["hsv"](numbers * 0.618 % 1)[:, :3] * (0.9 - 0.3 * (numbers % 2))[:, None]
    return [to_rgb(colour) for colour in colours]


def _thumbnail(axes: Axes, point: np.ndarray, pixels: np.ndarray, colour: Colour) -> None:
    """Puts an image where its point is, in a frame of the colour of its class."""
    image = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
    figure = axes.get_figure(root=True)
    assert figure is not None
    side = _SIDE * _WIDTH * 72  # points
    kind = "nearest" if max(image.shape[:2]) <= side * figure.dpi / 72 else "antialiased"
    box = OffsetImage(image, zoom=side / max(image.shape[:2]), interpolation=kind)
    axes.add_artist(
        AnnotationBbox(
            box,
            (float(point[0]), float(point[1])),
            pad=0.08,
            bboxprops={"edgecolor": colour, "linewidth": 1.2},
        )
    )


class Embedding(Kind, name="embedding"):
    """The examples as the last hidden layer places them, in two dimensions."""

    one_label: ClassVar[bool] = True
    split: Literal["train", "validation", "test"] = Field("test", description="of the data")
    examples: int = Field(
        1000, ge=10, le=50_000, description="of the split at most; a random sample of larger ones"
    )
    method: Literal["auto", "tsne", "pca"] = Field(
        "auto", description="auto: tsne where openTSNE is installed (kerascnn[embedding]), or pca"
    )
    perplexity: float = Field(
        30.0, ge=2, le=1000, description="of t-SNE: about how many neighbours it looks at"
    )
    thumbnails: bool = Field(True, description="images, where there is room for them")

    def picture(self, subject: Subject) -> Picture:
        """Draws it.

        Raises:
            UserError: If the network has not been trained, or t-SNE is asked for and not there.
        """
        method = usual_method() if self.method == "auto" else self.method
        data = subject.data
        found = features_of(
            subject.model, data, self.split, sample(data, self.split, self.examples)
        )
        points = in_the_plane(found.values, method, perplexity=self.perplexity)
        thumbnails = None
        if self.thumbnails:
            chosen = room_for_thumbnails(in_unit_square(points))
            thumbnails = chosen, pictures(data, self.split, found.numbers[chosen])
        wrong = found.answers != found.labels
        name = {"tsne": "t-SNE", "pca": "PCA"}[method]
        count, width = found.values.shape
        images = f"{count:,} images of the {self.split} split"
        title = f"{subject.name}: {images}, their {width} features by {name}"
        lines = [
            "the nearest ten others have an image's own class for "
            f"{neighbour_accuracy(found.values, found.labels):.1%} of the images by all features, "
            f"and for {neighbour_accuracy(points, found.labels):.1%} in the plane"
        ]
        if self.method == "auto" and method == "pca":
            lines.append("by PCA, as openTSNE is not installed: pip install 'kerascnn[embedding]'")
        figure = draw_embedding(
            points,
            found.labels,
            subject.classes,
            wrong=wrong,
            thumbnails=thumbnails,
            title=title,
        )
        return Picture(
            frames=(figure,),
            arrays={
                "points": points,
                "features": found.values,
                "labels": found.labels,
                "answers": found.answers,
                "numbers": found.numbers,
            },
            lines=tuple(lines),
            chart=True,
        )
