"""The page of a sweep."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from kerascnn.errors import UserError
from kerascnn.tuning.report import sweep_report
from kerascnn.tuning.results import load_results
from tests.report.reported import MOST_BYTES


def test_the_ranking_and_the_pictures(wide) -> None:
    results = load_results("wide")
    page = sweep_report(results)
    (body,) = re.findall(r'id="ranking-table">.*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in body.split("<tr>")[1:]]
    assert [row[:3] for row in rows] == [
        [str(rank), str(trial.number), results.text(trial)]
        for rank, trial in enumerate(results.ranking, 1)
    ]
    assert page.count("data:image/png;base64,") == 4
    assert "ResourceExhaustedError: out of memory" in page
    assert "18 trials" not in page
    assert "16 finished, 1 failed" in page
    without = re.sub(r"data:image/\w+;base64,[\w+/=]+", "", page)
    assert len(without) < MOST_BYTES


def test_without_a_finished_trial(wide) -> None:
    results = load_results("wide")
    failed = [trial for trial in results.trials if trial.run.status == "FAILED"]
    with pytest.raises(UserError, match="has no finished trial yet"):
        sweep_report(replace(results, trials=failed))
