"""The page of a run: what stands in it, how large it is, and what it is made without."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.evaluation.measures import Estimate, estimate_text, measure
from kerascnn.report.run_report import (
    MOST_CLASSES,
    curves_of,
    drawn_classes,
    duration,
    heading_of,
    run_report,
)
from tests.report.reported import HOSTILE, MOST_BYTES, store_run


def _data(page: str) -> dict:
    (block,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page)
    return json.loads(block)


def _without_pictures(page: str) -> str:
    return re.sub(r"data:image/\w+;base64,[\w+/=]+", "", page)


def test_the_page_of_a_run(workplace: Path) -> None:
    run = store_run(workplace)
    page = run_report(run)
    predictions = run.predictions()
    measures = measure(predictions)
    data = _data(page)
    assert data["classes"][0] == HOSTILE[0]
    confusion = np.zeros((10, 10), int)
    for true, said, count in data["matrix"]["cells"]:
        confusion[true, said] = count
    np.testing.assert_array_equal(confusion, predictions.confusion)
    assert data["curves"][0]["history"]["val_loss"] == [2.1, 1.4, 1.1]
    assert sum(row[2] for row in data["reliability"]) == 120
    accuracy = measures.overall["accuracy"]
    assert f"95% interval {accuracy.low:.2%} to {accuracy.high:.2%}, 120 images" in page
    assert "window.broken = 1&lt;/script&gt;” taken" not in page
    assert "<img src=x" not in page
    assert page.count("<li data-true=") == 24 + 6 * 10, "wrong ones, and the least sure right ones"
    assert page.count("no picture") == 1
    assert "training.batch_size".replace(".", ".<wbr>") in page
    assert len(_without_pictures(page)) < MOST_BYTES
    assert run_report(run) == page, "the same run has the same page"


def test_a_model_that_has_learnt_nothing_is_warned_of(workplace: Path) -> None:
    run = store_run(workplace, classes=["a", "b"], size=20)
    warning = "This is not surely better than always answering “a”"
    assert warning not in run_report(run)
    (workplace / "other").mkdir()
    other = store_run(workplace / "other", "other", ["a", "b"], 20, share=0.6)
    assert warning in run_report(other)


@pytest.mark.slow
def test_a_thousand_classes(workplace: Path) -> None:
    names = [f"a class of a longer name, number {i}" for i in range(1000)]
    run = store_run(workplace, "many", names, 2001)
    page = run_report(run)
    assert len(_without_pictures(page)) < MOST_BYTES
    data = _data(page)
    assert len(data["matrix"]["drawn"]) == MOST_CLASSES
    assert f"The {MOST_CLASSES} classes of 1,000 with most mistakes" in page
    assert data["recall"] == []


def test_classes_with_most_mistakes_are_drawn() -> None:
    confusion = np.diag(np.full(60, 9))
    confusion[7, 50] = confusion[51, 8] = 3
    confusion[0] = 0
    drawn = drawn_classes(confusion)
    assert {7, 50, 51, 8} < set(drawn)
    assert drawn == sorted(drawn)
    assert len(drawn) == MOST_CLASSES
    assert drawn_classes(np.eye(3, dtype=int)) == [0, 1, 2]


def test_texts() -> None:
    assert estimate_text(Estimate(0.5, 0.25, 0.75), True) == ("50.00%", "25.00% to 75.00%")
    assert estimate_text(Estimate(0.5), False) == ("0.5000", "")
    assert estimate_text(Estimate(float("nan")), True) == ("", "")
    assert [duration(x) for x in (4.21, 119, 7300)] == ["4.2 s", "2.0 min", "2.0 h"]


def test_without_tensorflow(workplace: Path) -> None:
    run = store_run(workplace, "first")
    assert heading_of(run)["model_name"] == "linear"
    assert curves_of(run)["val_accuracy"] == [0.25, 0.55, 0.75]
    code = (
        "import sys; from kerascnn import tracking\n"
        "from kerascnn.report.run_report import run_report\n"
        "page = run_report(tracking.load_run('first'))\n"
        "assert 'What the first layer looks for' in page\n"
        "print([name for name in ('tensorflow', 'keras') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_without_predictions_or_model(workplace: Path) -> None:
    run = store_run(workplace)
    run.artifact("model.keras").unlink()
    page = run_report(run)
    assert "Without filters: run hostile (FINISHED) has no model.keras." in page
    assert "What the first layer looks for" not in page
    run.artifact("layers.json").unlink()
    assert "Without the table of layers: run hostile" in run_report(run)
    run.artifact("predictions_test.parquet").unlink()
    with pytest.raises(UserError, match="'kerascnn evaluate hostile' makes them"):
        run_report(run)
