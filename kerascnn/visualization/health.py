"""How the layers of a network fare: weights, activations and gradients, a line for each layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from pydantic import Field

from kerascnn.backend import keras
from kerascnn.data.pipeline import pictures
from kerascnn.errors import UserError
from kerascnn.inspection.examples import batches, sample
from kerascnn.inspection.health import (
    Gradients,
    Histogram,
    LayerHealth,
    batch_for_gradients,
    gradient_sizes,
    health,
)
from kerascnn.visualization.kinds import Kind
from kerascnn.visualization.picture import Picture, Subject
from kerascnn.visualization.sweep_axes import log_axis
from kerascnn.visualization.writing import in_style, new_figure

_LINE = 0.3  # inches of a layer


@in_style
def draw_health(
    layers: Sequence[LayerHealth], gradients: Mapping[str, Gradients], *, title: str = ""
) -> Figure:
    """Draws every layer on a line of its own, the input's at the top.

    Histograms of weights, from minus to plus the largest size of one in the layer; of activations,
    from the smallest to the largest, with heights that go with the logarithm of the counts.

    Args:
        layers: From the input on.
        gradients: Of the same layers, by when they were measured.
        title: Over the picture.
    """
    places = list(range(len(layers)))
    figure = new_figure(14.5, 1.9 + _LINE * max(len(layers), 4))
    figure.suptitle(title)
    widths = [2, 1.5, 2, 1.5, 2, 2]
    grid = figure.subplots(1, 6, sharey=True, width_ratios=widths)
    weights, norms, activations, units, at_activations, at_weights = grid
    for place, layer in zip(places, layers, strict=True):
        largest = float(np.abs(layer.weights.edges).max())
        _ridge(weights, place, layer.weights.counts, layer.weights.edges / largest)
        low, high = layer.activations.edges[[0, -1]]
        _ridge(
            activations,
            place,
            np.log1p(layer.activations.counts),
            (layer.activations.edges - low) / (high - low),
        )
    weights.set(title="weights", xlim=(-1.05, 1.05))
    weights.set_xticks([-1, 0, 1], ["-max", "0", "max"])
    activations.set(title="activations (log counts)", xlim=(-0.05, 1.05))
    activations.set_xticks([0, 1], ["min", "max"])
    norms.set(title="norm of the weights")
    norms.plot([layer.norm for layer in layers], places, "o-", markersize=4)
    _logarithmic(norms, [layer.norm for layer in layers])
    dead = [layer.dead for layer in layers]
    saturated = [np.nan if layer.saturated is None else layer.saturated for layer in layers]
    units.barh(np.array(places) - 0.2, dead, 0.36, color="0.45", label="dead units")
    if not np.isnan(saturated).all():
        units.barh(np.array(places) + 0.2, saturated, 0.36, color="C1", label="saturated values")
    units.set(title="dead, saturated", xlim=(0, 1))
    units.xaxis.set_major_formatter(PercentFormatter(1))
    units.legend(loc="lower right")
    for axes, what in ((at_activations, "activations"), (at_weights, "weights")):
        sizes = {when: getattr(found, what) for when, found in gradients.items()}
        for when, values in sizes.items():
            axes.plot(values, places, "o-", markersize=4, label=when)
        _logarithmic(axes, [value for values in sizes.values() for value in values])
        axes.set_title(f"gradient at the {what}")
        if gradients:
            axes.legend(loc="best")
    for axes in grid:
        axes.grid(alpha=0.3)
        axes.tick_params(axis="x", labelsize="small")
    weights.set_yticks(places, [layer.name for layer in layers], fontsize="small")
    weights.set_ylim(len(layers) - 0.4, -0.9)
    return figure


def _ridge(axes: Axes, place: float, counts: np.ndarray, edges: np.ndarray) -> None:
    """Draws a histogram that stands on the line of its layer."""
    heights = 0.85 * counts / max(counts.max(), 1)
    axes.stairs(place - heights, edges, baseline=place, fill=True, color="C0", alpha=0.75)


def _logarithmic(axes: Axes, values: Sequence[float]) -> None:
    """Makes the horizontal axis logarithmic, where there is anything above zero."""
    there = np.array([value for value in values if value > 0])
    if len(there):
        log_axis(axes, there, lambda value, _: f"{value:g}")
        axes.margins(x=0.1)


def histogram_arrays(what: str, histograms: Sequence[Histogram]) -> dict[str, np.ndarray]:
    """Returns histograms of layers as arrays, (L, B) and (L, B + 1)."""
    return {
        f"{what}_counts": np.stack([histogram.counts for histogram in histograms]),
        f"{what}_edges": np.stack([histogram.edges for histogram in histograms]),
    }


class Health(Kind, name="health"):
    """Weights, activations, dead units and gradients of every layer."""

    one_label: ClassVar[bool] = True
    split: Literal["train", "validation", "test"] = Field(
        "validation", description="of the data, whose images are looked at"
    )
    examples: int = Field(
        1000, ge=2, le=10**9, description="of the split at most; a random sample of larger ones"
    )

    def picture(self, subject: Subject) -> Picture:
        """Draws it.

        Raises:
            UserError: If the network has not been trained, or its data is not there any more.
        """
        data = subject.data
        numbers = sample(data, self.split, self.examples)
        layers = health(subject.model, lambda: batches(data, self.split, numbers))
        some = sample(data, self.split, min(len(numbers), batch_for_gradients(subject.model)))
        images, labels = pictures(data, self.split, some), data.splits[self.split].labels[some]
        gradients, notes = {}, []
        try:
            start: keras.Model | None = subject.untrained
        except UserError as error:
            start = None
            notes.append(str(error))
        if start is not None:
            gradients["at the start"] = gradient_sizes(start, images, labels)
        gradients["now"] = gradient_sizes(subject.model, images, labels)
        figure = draw_health(
            layers,
            gradients,
            title=f"{subject.name}: its layers, on {len(numbers):,} images of the {self.split} "
            f"split (gradients: {len(images)})",
        )
        arrays = {
            "layers": np.array([layer.name for layer in layers]),
            "norms": np.array([layer.norm for layer in layers]),
            "dead": np.array([layer.dead for layer in layers]),
            "saturated": np.array(
                [np.nan if layer.saturated is None else layer.saturated for layer in layers]
            ),
            **histogram_arrays("weights", [layer.weights for layer in layers]),
            **histogram_arrays("activations", [layer.activations for layer in layers]),
        }
        for when, found in gradients.items():
            word = when.rpartition(" ")[2]
            arrays[f"gradient_activations_{word}"] = found.activations
            arrays[f"gradient_weights_{word}"] = found.weights
        return Picture(
            frames=(figure,),
            arrays=arrays,
            lines=(*_findings(layers, gradients), *notes),
            chart=True,
        )


def _findings(layers: Sequence[LayerHealth], gradients: Mapping[str, Gradients]) -> Iterator[str]:
    """Yields what is worth saying of the layers."""
    for layer in layers:
        if layer.dead:
            dead = round(layer.dead * layer.units)
            yield f"{layer.name}: {dead} of {layer.units} units are dead: 0 for every image"
        if layer.saturated and layer.saturated >= 0.1:
            yield f"{layer.name}: {layer.saturated:.0%} of the values are saturated"
    if not any(layer.dead for layer in layers):
        yield "no layer has dead units"
    for when, found in gradients.items():
        first, last = found.activations[0], found.activations[-1]
        if last > 0:
            yield (
                f"{when}, the gradient at {found.names[0]} is {first / last:.2g} times that at "
                f"{found.names[-1]}"
            )
