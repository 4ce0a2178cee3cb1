"""Learning curves: the lines that are drawn."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from kerascnn.visualization.curves import draw_curves

HISTORY = {
    "loss": [1.0, 0.6, 0.3], "val_loss": [1.1, 0.7, 0.9],
    "accuracy": [0.3, 0.6, 0.9], "val_accuracy": [0.2, 0.5, 0.6],
    "learning_rate": [0.1, 0.1, 0.1],
}  # fmt: skip


def _lines(axes: Axes) -> list[tuple[str, list[float], list[float]]]:
    """Style and points of every line that has some."""
    return [
        (str(line.get_linestyle()), *np.array(line.get_data()).tolist())
        for line in axes.get_lines()
        if np.size(line.get_xdata())
    ]


def _legend(figure: Figure) -> list[str]:
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def test_training_is_dashed_and_validation_solid_with_its_lowest_marked() -> None:
    figure = draw_curves({"mine": HISTORY})
    loss, accuracy = figure.axes
    assert (loss.get_title(), accuracy.get_title()) == ("loss", "accuracy")
    assert (loss.get_yscale(), accuracy.get_yscale()) == ("log", "linear")
    assert _lines(loss) == [
        ("--", [1, 2, 3], HISTORY["loss"]),
        ("-", [1, 2, 3], HISTORY["val_loss"]),
        ("None", [2], [0.7]),
    ]
    assert _lines(accuracy) == [
        ("--", [1, 2, 3], HISTORY["accuracy"]),
        ("-", [1, 2, 3], HISTORY["val_accuracy"]),
    ]
    assert _legend(figure) == ["validation", "training", "lowest validation loss"]


def test_accuracies_are_percent() -> None:
    figure = draw_curves({"mine": HISTORY})
    figure.canvas.draw()
    labels = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert "50%" in labels
    assert all(label.endswith("%") for label in labels)


def test_several_runs_lie_over_each_other_in_their_own_colours() -> None:
    figure = draw_curves({"one": HISTORY, "two": HISTORY})
    loss, _ = figure.axes
    assert _legend(figure) == [
        "one", "two", "solid: validation", "dashed: training", "lowest validation loss"
    ]  # fmt: skip
    colours = [line.get_color() for line in loss.get_lines() if np.size(line.get_xdata())]
    assert colours == ["C0"] * 3 + ["C1"] * 3


def test_many_runs_have_a_colour_each() -> None:
    figure = draw_curves({f"run {number}": HISTORY for number in range(20)})
    lines = [line for line in figure.axes[1].get_lines() if np.size(line.get_xdata())]
    assert len({line.get_color() for line in lines}) == 20
    assert len(_legend(figure)) == 23


@pytest.mark.parametrize(
    "history", [{}, {"loss": [1.0]}, {"val_loss": [2.0], "loss": [1.0]}, {"val_accuracy": [0.5]}]
)
def test_a_run_that_ended_early_or_logged_less(history: dict) -> None:
    figure = draw_curves({"mine": history})
    figure.canvas.draw()
    drawn = sum(len(_lines(axes)) for axes in figure.axes)
    assert drawn == len(history) + ("val_loss" in history)
