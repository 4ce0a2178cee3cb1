"""Runs beside each other."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn import tracking
from kerascnn.errors import UserError
from kerascnn.report.comparison import RESULTS, compare


def test_what_differs_and_what_came_out(trained) -> None:
    comparison = compare("first", tracking.load_run("second"))
    assert [run.name for run in comparison.runs] == ["first", "second"]
    assert comparison.differences == [["training.epochs", "3", "2"]]
    rows = {name: values for name, *values in comparison.results}
    assert list(rows) == list(RESULTS)
    assert rows["status"] == ["FINISHED", "FINISHED"]
    first, second = comparison.runs
    expected = [f"{run.metrics['test_accuracy']:.2%}" for run in (first, second)]
    assert rows["test_accuracy"] == expected
    assert repr(comparison) == "<Comparison of first, second: 1 fields differ>"


def test_the_same_run_differs_in_nothing(trained) -> None:
    assert compare("first", "first").differences == []


def test_curves_lie_over_each_other(trained) -> None:
    comparison = compare("second", "first")
    loss, _accuracy = comparison.draw().axes
    curves = {line.get_label(): np.array(line.get_ydata()).tolist() for line in loss.get_lines()}
    for run in comparison.runs:
        assert curves[f"{run.name} {run.id[:4]}"] == run.history["val_loss"]
    page = comparison._repr_html_()
    assert "<td>training.epochs</td><td>2</td><td>3</td>" in page
    assert "data:image/png;base64," in page


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ((), "compare needs two runs or more"),
        (("first",), "compare needs two runs or more, such as 'kerascnn compare latest RUN'"),
        (("first", "secnd"), "unknown run 'secnd': did you mean second"),
    ],
)
def test_what_cannot_be_compared(trained, runs: tuple[str, ...], message: str) -> None:
    with pytest.raises(UserError, match=message):
        compare(*runs)
