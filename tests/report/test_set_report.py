"""The page of a run whose images may have several labels."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from kerascnn import tracking
from kerascnn.errors import UserError
from kerascnn.evaluation.measures import wilson
from kerascnn.evaluation.set_scores import measure_sets
from kerascnn.report.set_report import set_report
from tests.report.reported import MOST_BYTES, store_run


def test_the_page(sets: Path) -> None:
    run = tracking.load_run("pairs")
    page = set_report(run)
    predictions = run.set_predictions()
    measures = measure_sets(predictions)
    (block,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page)
    data = json.loads(block)
    history = data["curves"][0]["history"]
    assert len(history["val_mean_average_precision"]) == len(run.history["loss"])
    assert 'data-chart="mean_average_precision"' in page
    assert [row[1] for row in data["precisions"]] == sorted(
        round(of.average_precision.value, 4) for of in measures.classes
    )
    for of in measures.classes:
        assert f'<th scope="row">{of.name}</th>' in page
        assert f"{of.threshold:.4f}" in page
    exact = wilson(int(predictions.exact.sum()), predictions.size)
    assert f"{exact.value:.2%}" in page
    assert f"{predictions.size - predictions.exact.sum()} of {predictions.size} test images" in page
    assert "<img src" in page
    assert "Without" not in page
    assert len(re.sub(r"data:image/\w+;base64,[\w+/=]+", "", page)) < MOST_BYTES
    assert set_report(run) == page, "the same run has the same page"


def test_it_is_of_several_labels(workplace: Path) -> None:
    run = store_run(workplace)
    with pytest.raises(UserError, match=f"run {run.name} gives an image one label: see predictio"):
        set_report(run)
