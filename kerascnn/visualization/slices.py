"""Accuracy on parts of a split."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from kerascnn.evaluation.measures import Estimate
from kerascnn.evaluation.slices import Slice
from kerascnn.visualization.writing import in_style, new_figure


@in_style
def draw_slices(rows: Sequence[Slice], overall: Estimate, title: str = "") -> Figure:
    """Draws the accuracy of each part with its 95% interval, beside that of the whole split.

    Args:
        rows: From `slices`.
        overall: The accuracy of the whole split.
        title: The title of the picture.
    """
    groups = list(dict.fromkeys(row.by for row in rows))
    figure = new_figure(8, 1.4 + 0.32 * len(rows) + 0.45 * len(groups))
    axes = figure.subplots()
    axes.axvspan(overall.low, overall.high, color="0.9")
    axes.axvline(overall.value, color="0.4", linestyle="--", label="all images")
    place, ticks, names = 0.0, [], []
    for number, group in enumerate(groups):
        place -= 1.4
        axes.text(
            0.01,
            place + 0.85,
            group,
            weight="bold",
            va="center",
            transform=axes.get_yaxis_transform(),
        )
        for row in (row for row in rows if row.by == group):
            value = row.accuracy
            axes.plot([value.low, value.high], [place, place], color=f"C{number}", linewidth=2)
            axes.plot(value.value, place, "o", color=f"C{number}")
            ticks.append(place)
            names.append(f"{row.name} ({row.count:,})")
            place -= 1
    axes.set_yticks(ticks, names)
    axes.set_ylim(place + 0.3, 0.1)
    axes.margins(x=0.06)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.4g}%")
    axes.set(xlabel="accuracy, with its 95% interval", title=title)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize="small", loc="best")
    return figure
