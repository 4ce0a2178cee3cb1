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

_COLUMNS = {
    "metrics": (
        "test_accuracy",
        "validation_accuracy",
        "test_loss",
        "validation_loss",
        "train_seconds",
    ),
    "params": ("parameters", "model.name", "data.name"),
}
# By section: each chart's heading, and the figures that it draws over the epochs or, where it is
# one that a run has once, as bars.
_CHARTS: dict[str, list[tuple[str, str, tuple[str, ...]]]] = {
    "Results": [
        ("Test accuracy", "BAR", ("test_accuracy",)),
        ("Validation accuracy", "BAR", ("validation_accuracy",)),
        ("Seconds of training", "BAR", ("train_seconds",)),
    ],
    "Learning curves": [
        ("Accuracy, training and validation", "LINE", ("accuracy", "val_accuracy")),
        ("Loss, training and validation", "LINE", ("loss", "val_loss")),
    ],
}
_OTHERS = ("Model metrics", "System metrics")  # MLflow's own, for all that stands in no other


def state() -> dict[str, Any]:
    """Returns the state of the page, as MLflow's front end reads it."""
    sections = [
        {"uuid": name, "name": name, "display": name in _CHARTS, "isReordered": True}
        for name in (*_CHARTS, *_OTHERS)
    ]
    charts = [
        {
            "uuid": heading,
            "type": type_,
            "displayName": heading,
            "metricKey": figures[0],
            "selectedMetricKeys": list(figures),
            "metricSectionId": section,
            "runsCountToCompare": 10,
            "isGenerated": False,
            "deleted": False,
        }
        | (_LINE if type_ == "LINE" else {})
        for section, listed in _CHARTS.items()
        for heading, type_, figures in listed
    ]
    return {
        "selectedColumns": [
            f"{kind}.`{name}`" for kind, names in _COLUMNS.items() for name in names
        ],
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
