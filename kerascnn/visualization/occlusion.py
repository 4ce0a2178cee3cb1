"""What covering a part of the image does, as maps by where the square is."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, ListedColormap, to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import PercentFormatter
from pydantic import Field
from scipy.special import softmax

from kerascnn.inspection.layers import feature_maps, last_maps, maps_of
from kerascnn.inspection.occlusion import Occlusion, occlude
from kerascnn.visualization.kinds import Kind
from kerascnn.visualization.picture import Picture, Subject
from kerascnn.visualization.writing import in_style, new_figure

_PLACES = 28  # along the shorter side, about
_SHARE = 0.22  # of the shorter side, that the square covers
_PANEL = 3.1  # inches
_LABELS = 9  # classes that the legend can name


@in_style
def draw_occlusion(
    image: np.ndarray,
    found: Occlusion,
    target: int,
    classes: tuple[str, ...],
    title: str,
    *,
    layer: str = "",
) -> Figure:
    """Draws the image and what the network answers while a square covers a part of it.

    Zeiler & Fergus 2014, figure 6. A place in a map is where the middle of the square is.

    Args:
        image: uint8 (H, W, 1 or 3).
        found: From `occlude`.
        target: The class whose probability is drawn.
        classes: Names of all.
        title: Over the picture.
        layer: Whose strongest map `found` has followed.
    """
    panels = 3 if found.activity is None else 4
    height, width = image.shape[:2]
    tall = _PANEL * min(2.0, max(0.5, height / width))
    figure = new_figure(_PANEL * panels + 0.4, tall + 1.45)
    figure.suptitle(title)
    grid = figure.subplots(2, panels, height_ratios=[1, 0.1 / tall])
    for axes in grid[1]:
        axes.set_axis_off()
    first, *axes = grid[0]
    *bars, legend = grid[1][1:]
    first.imshow(image.squeeze(), cmap="gray", vmin=0, vmax=255, extent=(0, width, height, 0))
    probability = softmax(found.logits, axis=-1)[..., target]
    i, j = np.unravel_index(probability.argmin(), probability.shape)
    left, top = (int(place) - found.size // 2 for place in (found.columns[j], found.rows[i]))
    square = Rectangle((left, top), found.size, found.size, fill=False, color="#E07A1F", lw=2.5)
    first.add_patch(square)
    _finish(first, image, f"the square ({found.size} pixels)\nwhere it does most")

    def map_of(values: np.ndarray, heading: str, most: float | None) -> None:
        panel, bar = axes.pop(0), bars.pop(0)
        drawn = panel.imshow(values, vmin=0, vmax=most, extent=_extent(found))
        form = PercentFormatter(1, decimals=0) if most else None
        bar.set_axis_on()
        figure.colorbar(drawn, cax=bar, orientation="horizontal", format=form)
        _finish(panel, image, heading)

    if found.activity is not None:
        heading = f"activity of map {found.unit} of {layer}\n({found.uncovered_activity:.3g} whole)"
        map_of(found.activity, heading, None)
    whole = softmax(found.uncovered)[target]
    map_of(probability, f"probability of {classes[target]}\n({whole:.1%} whole)", 1.0)
    _draw_labels(axes[0], legend, found, target, classes)
    _finish(axes[0], image, "the answer")
    return figure


def _draw_labels(
    axes: Axes, below: Axes, found: Occlusion, target: int, classes: tuple[str, ...]
) -> None:
    """Draws the most probable class by place, with a legend; the rarest as one."""
    answers = found.logits.argmax(axis=-1)
    labels, counts = np.unique(answers, return_counts=True)
    order = labels[np.argsort(-counts, kind="stable")]
    named = sorted(order[:_LABELS].tolist(), key=lambda label: (label != target, label))
    places = np.full(answers.shape, len(named))
    for number, label in enumerate(named):
        places[answers == label] = number
    names = [classes[label] for label in named]
    if (places == len(named)).any():
        names.append(f"{len(order) - len(named)} others")
    colours = [to_hex(f"C{number}") for number in range(len(named))] + ["#dddddd"]
    norm = BoundaryNorm(np.arange(len(colours) + 1) - 0.5, len(colours))
    axes.imshow(places, cmap=ListedColormap(colours), norm=norm, extent=_extent(found))
    handles = [Patch(color=colours[k], label=name[:18]) for k, name in enumerate(names)]
    below.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, 1.5),
        ncols=min(3, len(handles)),
        frameon=False,
        handlelength=1,
        columnspacing=1,
    )


def _extent(found: Occlusion) -> tuple[float, float, float, float]:
    """Returns where a map lies on the image: a cell around each pixel that is a middle."""
    ends = [
        (places[0] + 0.5 - found.stride / 2, places[-1] + 0.5 + found.stride / 2)
        for places in (found.columns, found.rows)
    ]
    (left, right), (top, bottom) = ends
    return left, right, bottom, top


def _finish(axes: Axes, image: np.ndarray, heading: str) -> None:
    axes.set(xlim=(0, image.shape[1]), ylim=(image.shape[0], 0), xticks=[], yticks=[])
    axes.set_title(heading, fontsize=10)
    for spine in axes.spines.values():
        spine.set(visible=True, color="#cccccc")


class Occluded(Kind, name="occlusion"):
    """What a grey square in front of the image does to the answer."""

    one_label: ClassVar[bool] = True
    images: ClassVar[int] = 1

    size: int | None = Field(
        None,
        ge=1,
        description="side of the square in pixels; by default about a fifth of the image",
    )
    stride: int | None = Field(
        None,
        ge=1,
        description="pixels from one place to the next; by default about 28 places a side",
    )
    fill: Literal["mean", "grey", "black", "white"] = Field(
        "mean", description="colour of the square: the image's mean, middle grey, black or white"
    )
    layer: str | None = Field(
        None, description="layer whose strongest map is followed; the last one with feature maps"
    )
    target: str | None = Field(
        None, description="class whose probability is drawn; by default the image's own"
    )

    def picture(self, subject: Subject) -> Picture:
        """Draws it."""
        (seen,) = subject.images[:1]
        image, lines = seen.pixels, []
        layer = None
        if self.layer is not None:
            layer = maps_of(subject.model, self.layer)
        elif any(min(maps.shape[:2]) > 1 for maps in feature_maps(subject.model).values()):
            layer = last_maps(subject.model)
        else:
            lines.append(f"{subject.name} has no feature maps whose activity could be followed")
        side = min(image.shape[:2])
        found = occlude(
            subject.model,
            image,
            size=self.size or max(1, round(_SHARE * side)),
            stride=self.stride or max(1, round(side / _PLACES)),
            fill=_colour(self.fill, image),
            layer=layer,
        )
        target = subject.target(self.target, seen, found.uncovered)
        probability = softmax(found.logits, axis=-1)[..., target]
        whole = softmax(found.uncovered)[target]
        answers = found.logits.argmax(axis=-1)
        kept = float((answers == found.uncovered.argmax()).mean())
        i, j = np.unravel_index(probability.argmin(), probability.shape)
        name = subject.classes[target]
        lines += [
            f"{seen.name}: {name} {whole:.1%}; at least {probability.min():.1%}, with the square "
            f"of {found.size} pixels around row {found.rows[i]}, column {found.columns[j]}",
            f"the answer stays {subject.classes[int(found.uncovered.argmax())]} at {kept:.0%} of "
            f"{answers.size} places",
        ]
        title = f"{subject.name}: {seen.name}, behind a square"
        figure = draw_occlusion(
            image, found, target, subject.classes, title, layer=layer.name if layer else ""
        )
        arrays = {
            "image": image,
            "rows": found.rows,
            "columns": found.columns,
            "logits": found.logits,
            "probability": probability,
            "answers": answers,
            "uncovered": found.uncovered,
        }
        if found.activity is not None:
            arrays["activity"] = found.activity
        return Picture((figure,), arrays, tuple(lines))


def _colour(name: Literal["mean", "grey", "black", "white"], image: np.ndarray) -> np.ndarray:
    if name == "mean":
        return np.asarray(image.mean(axis=(0, 1)))
    return np.full(image.shape[-1], {"grey": 127.5, "black": 0.0, "white": 255.0}[name])
