"""The page of several runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from kerascnn.report.comparison import compare
from kerascnn.report.runs_report import runs_report
from kerascnn.tracking import Run
from tests.report.reported import store_run


@pytest.fixture
def runs(workplace: Path) -> list[Run]:
    for name in ("first", "second"):
        (workplace / name).mkdir()
    return [
        store_run(workplace / "first", "first"),
        store_run(workplace / "second", "second", share=0.4),
    ]


def test_what_differs_and_what_came_out(runs: list[Run]) -> None:
    page = runs_report(compare(*runs))
    places = [run.params["data.name"] for run in runs]
    cells = "".join(f"<td>{place}</td>" for place in places)
    assert f'<th scope="row">data.name</th>{cells}</tr>' in page
    assert "training.epochs" not in page
    assert '<td class="number">80.00%</td><td class="number">60.00%</td>' in page
    (block,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page)
    data = json.loads(block)
    for run, row in zip(runs, data["accuracies"], strict=True):
        ends = ("", "_low", "_high")
        figures = [round(run.metrics[f"test_accuracy{end}"], 6) for end in ends]
        assert row == [run.name, *figures]
    assert [len(run["history"]["loss"]) for run in data["curves"]] == [3, 3]


def test_runs_of_one_name_and_one_recipe(runs: list[Run]) -> None:
    page = runs_report(compare("first", "first"))
    assert "The recipes are the same." in page
    assert f"first {runs[0].id[:8]}" in page
