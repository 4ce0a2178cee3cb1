"""Dropout: sub-networks, and scaled weights against the mean over masks."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, StrMethodFormatter
from pydantic import Field

from kerascnn.lectures.dropout import (
    Averages,
    Net,
    averages,
    drawn_masks,
    inverted_means,
    random_net,
    running_means,
)
from kerascnn.visualization.kinds import Demo
from kerascnn.visualization.picture import Picture
from kerascnn.visualization.writing import in_style, new_figure

_INPUTS, _OUTPUTS, _SUBNETS = 3, 3, 8
_KEPT, _DROPPED = "#3066BE", "#C8323C"


@in_style
def draw_dropout(
    net: Net,
    masks: np.ndarray,
    exact: Averages,
    means: np.ndarray,
    inverted: np.ndarray,
    keep: float,
) -> Figure:
    """Draws a net with all its units and some sub-networks, and below how means over masks go.

    Args:
        net: The net.
        masks: A sub-network each, (S, hidden units).
        exact: Over all masks.
        means: Of the probabilities over drawn masks, (N, outputs).
        inverted: How far the mean of Keras's dropout is from its input, relative, (N,).
        keep: alpha.
    """
    figure = new_figure(11.5, 8.2)
    figure.suptitle(f"Dropout: each hidden unit is kept with probability {keep:g}", weight="bold")
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=[4.6, 3.6])[:, 0]
    every = [np.ones_like(masks[0]), *masks]
    for number, axes in enumerate(above.subplots(2, -(-len(every) // 2)).flat):
        axes.set_axis_off()
        if number < len(every):
            _net(axes, net.hidden, every[number])
            kept = f"{int(every[number].sum())} of {every[number].size} units"
            axes.set_title(kept if number else "the net", fontsize="medium")
    shares, distances = below.subplots(1, 2)
    # As many points per decade everywhere.
    drawn = np.unique(np.geomspace(1, len(means), 300).round().astype(int))
    for output in range(means.shape[1]):
        (line,) = shares.plot(drawn, means[drawn - 1, output], lw=1.2, label=f"class {output}")
        colour = line.get_color()
        shares.axhline(exact.arithmetic[output], color=colour, ls="--", lw=1)
        shares.axhline(exact.scaled[output], color=colour, ls=":", lw=1.8)
    shares.plot([], [], "--", color="grey", label="mean over all masks")
    shares.plot([], [], ":", color="grey", label="weights scaled")
    shares.set(xscale="log", xlabel="masks drawn", ylabel="mean probability", ylim=(0, 1))
    shares.set_title("The mean over masks, and one pass with scaled weights")
    shares.legend(ncols=2)
    error = np.abs(means - exact.arithmetic).max(axis=1)
    distances.loglog(drawn, error[drawn - 1], lw=1.2, label="mean of the probabilities")
    distances.loglog(drawn, inverted[drawn - 1], lw=1.2, label="mean of Keras's Dropout, relative")
    slope = 0.5 / np.sqrt(drawn)
    distances.loglog(drawn, slope, "--", color="grey", label="falls as 1 / sqrt(masks)")
    gap = float(np.abs(exact.scaled - exact.arithmetic).max())
    if gap > 1e-6:
        distances.axhline(gap, ls=":", color="grey", label="of the scaled weights")
    distances.set(xlabel="masks drawn", ylabel="distance")
    distances.set_title("Distance from the mean over all masks")
    distances.legend(loc="lower left")
    distances.grid(visible=True)
    for axis in (shares.xaxis, distances.xaxis):
        axis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    distances.yaxis.set_minor_formatter(NullFormatter())
    distances.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    return figure


def _net(axes: Axes, hidden: tuple[int, ...], mask: np.ndarray) -> None:
    sizes = (_INPUTS, *hidden, _OUTPUTS)
    kept = np.split(mask.astype(bool), np.cumsum(hidden)[:-1])
    kept = [np.ones(_INPUTS, bool), *kept, np.ones(_OUTPUTS, bool)]
    most = max(sizes)
    places = [
        np.stack([np.full(size, float(layer)), (np.arange(size) - (size - 1) / 2)], axis=1)
        for layer, size in enumerate(sizes)
    ]
    for layer in range(len(sizes) - 1):
        lines = [
            (start, end)
            for start, here in zip(places[layer], kept[layer], strict=True)
            for end, there in zip(places[layer + 1], kept[layer + 1], strict=True)
            if here and there
        ]
        axes.add_collection(LineCollection(lines, colors="#9fb3c8", linewidths=0.7, zorder=1))
    for place, there in zip(places, kept, strict=True):
        style: dict[str, Any] = {"s": 85, "c": "white", "zorder": 2}
        (x, y), (off_x, off_y) = place[there].T, place[~there].T
        axes.scatter(x, y, edgecolors=_KEPT, linewidths=1.4, **style)
        axes.scatter(off_x, off_y, edgecolors="#c8c8c8", linewidths=1, **style)
        axes.scatter(off_x, off_y, s=60, c=_DROPPED, marker="x", linewidths=1.3, zorder=3)
    axes.set(xlim=(-0.4, len(sizes) - 0.6), ylim=(-(most - 1) / 2 - 0.6, (most - 1) / 2 + 0.6))


class Dropout(Demo, name="dropout"):
    """Sub-networks, and scaled weights against the mean over all masks.

    For a small net with random weights, whose every mask is tried.
    """

    keep: float = Field(0.5, gt=0, lt=1, description="probability that a hidden unit is kept")
    units: int = Field(5, ge=2, le=8, description="in each hidden layer")
    layers: int = Field(2, ge=1, le=2, description="hidden ones")
    masks: int = Field(10_000, ge=10, le=100_000, description="drawn for the running means")
    seed: int = Field(0, ge=0, description="of the weights, the input and the masks")

    def picture(self, images: tuple[str, ...] = ()) -> Picture:
        """Draws it."""
        net = random_net(_INPUTS, [self.units] * self.layers, _OUTPUTS, seed=self.seed)
        x = np.random.default_rng(self.seed).normal(size=_INPUTS)
        exact = averages(net, x, self.keep)
        means = running_means(net, x, self.keep, self.masks, seed=self.seed)
        # The first hidden layer, through Keras's own layer.
        values = 1 / (1 + np.exp(-(x @ net.weights[0] + net.biases[0])))
        keras_means = inverted_means(values, self.keep, self.masks, seed=self.seed)
        inverted = np.linalg.norm(keras_means - values, axis=1) / np.linalg.norm(values)
        masks = drawn_masks(_SUBNETS + 1, sum(net.hidden), self.keep, seed=self.seed)
        count = sum(net.hidden)
        lines = [
            f"{2**count:,} masks of {count} hidden units, kept with probability {self.keep:g}:",
            f"  mean of the probabilities   {_row(exact.arithmetic)}",
            f"  their geometric mean        {_row(exact.geometric)}",
            f"  one pass, weights scaled    {_row(exact.scaled)}",
            f"  mean over {self.masks:,} drawn masks: {_row(means[-1])}",
            "logits of one pass are at most "
            f"{np.abs(exact.mean_logits - exact.scaled_logits).max():.2g} from their mean",
            f"Keras's Dropout, which divides by {self.keep:g} in training instead: the mean of "
            f"{self.masks:,} passes is {inverted[-1]:.2%} from the values it is given",
        ]
        arrays = {
            "arithmetic": exact.arithmetic,
            "geometric": exact.geometric,
            "scaled": exact.scaled,
            "running_means": means,
            "keras_distance": inverted,
            "masks": masks,
        }
        figure = draw_dropout(net, masks, exact, means, inverted, self.keep)
        return Picture((figure,), arrays, tuple(lines), chart=True)


def _row(numbers: np.ndarray) -> str:
    return " ".join(f"{number:.4f}" for number in numbers)
