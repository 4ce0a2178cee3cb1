"""The reliability diagram: how often a model is right, by how sure it is."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter, StrMethodFormatter

from kerascnn.evaluation.calibration import BINS, calibration_error, reliability
from kerascnn.evaluation.predictions import Predictions
from kerascnn.visualization.writing import in_style, new_figure


@in_style
def draw_reliability(predictions: Predictions, title: str) -> Figure:
    """Draws accuracy over confidence in bins, and below how many examples each bin has.

    Guo et al. 2017, figure 1.

    Args:
        predictions: The table.
        title: Of the picture.
    """
    return draw_reliabilities({f"{predictions.split} images": predictions}, title)


@in_style
def draw_reliabilities(tables: Mapping[str, Predictions], title: str) -> Figure:
    """Draws several tables side by side, each as `draw_reliability` does.

    Args:
        tables: By what they are called, such as before and after calibration.
        title: Over all of it.
    """
    figure = new_figure(4.8 * len(tables) + 0.4, 5.2)
    figure.suptitle(title)
    panels = figure.subplots(2, len(tables), sharex=True, squeeze=False, height_ratios=[3, 1])
    for column, (name, predictions) in enumerate(tables.items()):
        diagram, counts = panels[:, column]
        bins = reliability(predictions)
        middles = np.array([(part.low + part.high) / 2 for part in bins])
        filled = np.array([part.count > 0 for part in bins])
        accuracy = np.array([part.accuracy for part in bins])
        confidence = np.array([part.confidence for part in bins])
        style = {"width": 0.9 / BINS}
        diagram.bar(middles[filled], accuracy[filled], color="C0", label="accuracy", **style)
        half = style["width"] / 2
        diagram.hlines(
            confidence[filled],
            middles[filled] - half,
            middles[filled] + half,
            color="C3",
            lw=2.5,
            label="mean confidence",
        )
        diagram.plot([0, 1], [0, 1], "--", color="grey", label="as sure as it is right")
        error = calibration_error(predictions)
        diagram.set_title(f"{name}: calibration error {error:.2%}", fontsize="medium")
        diagram.set(ylim=(0, 1), ylabel="accuracy")
        diagram.yaxis.set_major_formatter(PercentFormatter(1))
        diagram.legend(loc="upper left", fontsize="small")
        counts.bar(middles, [part.count for part in bins], color="grey", **style)
        counts.set(xlim=(0, 1), xlabel="confidence", ylabel="images")
        counts.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        counts.xaxis.set_major_formatter(PercentFormatter(1))
    return figure
