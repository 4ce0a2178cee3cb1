"""The view that MLflow's own UI opens on: which columns it shows, and which charts, in groups.

MLflow keeps a view that somebody shares as a tag of the experiment, `mlflow.sharedViewState.KEY`,
and a link opens it with `viewStateShareKey=KEY`. Its value is the state of the page as JSON, whose
fields are those of MLflow 3.17's front end (ExperimentPageUIState); it leaves out what it does not
know.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow.entities import Experiment
    from mlflow.tracking import MlflowClient

KEY = "kerascnn"
TAG = f"mlflow.sharedViewState.{KEY}"

# As MLflow's table names them, in the order in which they stand, with their widths in pixels.
_ALWAYS = {"attributes.`Run Name`": 170, "runDateAndNestInfo": 130, "duration": 75}
_COLUMNS = {
    "metrics.`test_accuracy`": 110,
    "metrics.`validation_accuracy`": 135,
    "metrics.`test_loss`": 85,
    "metrics.`train_seconds`": 110,
    "params.`parameters`": 95,
    "params.`data.name`": 90,
    "params.`model.name`": 90,
}
# By section: the figures of each chart, as bars where a run has them once, else over its epochs.
_CHARTS: dict[str, list[tuple[str, ...]]] = {
    "Results": [("test_accuracy",), ("validation_accuracy",), ("train_seconds",)],
    "Learning curves": [("accuracy", "validation_accuracy"), ("loss", "validation_loss")],
}
_CURVES = "Learning curves"
_OTHERS = ("Model metrics", "System metrics")  # MLflow's own, for all that stands in no other


def state() -> dict[str, Any]:
    """Returns the state of the page, as MLflow's front end reads it."""
    sections = [
        {"uuid": name, "name": name, "display": name in _CHARTS, "isReordered": True}
        for name in (*_CHARTS, *_OTHERS)
    ]
    charts = [
        {
            "uuid": "-".join(figures),
            "type": "LINE" if section == _CURVES else "BAR",
            "metricKey": figures[0],
            "selectedMetricKeys": list(figures),
            "metricSectionId": section,
            "runsCountToCompare": 10,
            "isGenerated": False,
            "deleted": False,
        }
        | (_LINE if section == _CURVES else {})
        for section, listed in _CHARTS.items()
        for figures in listed
    ]
    return {
        "selectedColumns": list(_COLUMNS),
        "columnOrder": [*_ALWAYS, *_COLUMNS],
        "columnWidths": _ALWAYS | _COLUMNS,
        "compareRunSections": sections,
        "compareRunCharts": charts,
        "isAccordionReordered": True,
        "hideEmptyCharts": True,
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,
    }


_LINE = {
    "xAxisKey": "step",
    "xAxisScaleType": "linear",
    "scaleType": "linear",
    "lineSmoothness": 0,
    "useGlobalXaxisKey": True,
    "useGlobalLineSmoothing": True,
}


def keep_view(client: MlflowClient, experiment: Experiment) -> None:
    """Makes the view one that the experiment's page can be opened on, if it is not yet."""
    value = json.dumps(state(), separators=(",", ":"))
    if experiment.tags.get(TAG) != value:
        client.set_experiment_tag(experiment.experiment_id, TAG, value)
