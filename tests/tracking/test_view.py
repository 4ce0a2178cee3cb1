"""The view of MLflow's UI; `test_ui` opens it in a browser."""

from __future__ import annotations

from pathlib import Path

from mlflow.entities import Experiment

from kerascnn.tracking.store import EXPERIMENT, open_client
from kerascnn.tracking.view import TAG, keep_view, state


def test_every_chart_stands_in_a_section() -> None:
    view = state()
    sections = {section["uuid"] for section in view["compareRunSections"]}
    assert {chart["metricSectionId"] for chart in view["compareRunCharts"]} < sections
    names = [chart["uuid"] for chart in view["compareRunCharts"]]
    assert len(names) == len(set(names))
    assert "metrics.`test_accuracy`" in view["selectedColumns"]


def test_it_is_written_once_and_again_where_it_has_changed(workplace: Path) -> None:
    client = open_client(create=True)
    assert client is not None

    def experiment() -> Experiment:
        found = client.get_experiment_by_name(EXPERIMENT)
        assert found is not None
        return found

    assert TAG not in experiment().tags
    keep_view(client, experiment())
    first = experiment().tags[TAG]
    keep_view(client, experiment())
    assert experiment().tags[TAG] == first
    client.set_experiment_tag(experiment().experiment_id, TAG, "{}")
    keep_view(client, experiment())
    assert experiment().tags[TAG] == first
