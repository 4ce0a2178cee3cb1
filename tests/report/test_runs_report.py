"""The page of several runs."""

from __future__ import annotations

import json
import re

from kerascnn import tracking
from kerascnn.report.comparison import compare
from kerascnn.report.runs_report import runs_report


def test_what_differs_and_what_came_out(trained) -> None:
    comparison = compare("first", "second")
    page = runs_report(comparison)
    assert re.search(r'<th scope="row">training.epochs</th><td>3</td><td>2</td>', page), (
        "the only field"
    )
    assert page.count('<th scope="row">training.') == 1
    (block,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page)
    data = json.loads(block)
    first = tracking.load_run("first")
    name, value, low, high = data["accuracies"][0]
    assert name == "first"
    assert abs(value - first.metrics["test_accuracy"]) < 1e-6
    assert low < value < high
    assert [len(run["history"]["loss"]) for run in data["curves"]] == [3, 2]


def test_runs_of_one_name_and_one_recipe(trained) -> None:
    page = runs_report(compare("first", "first"))
    run = tracking.load_run("first")
    assert "The recipes are the same." in page
    assert f"first {run.id[:8]}" in page
