"""The names that an API page must show: `make docs` stops where one is missing.

MkDocs calls the functions at the end; tests/test_docs.py reads the names.
"""

from __future__ import annotations

import importlib
import re
from typing import Any

# Everything in `__all__` of these is public.
PACKAGES = ("kerascnn", "kerascnn.arithmetic", "kerascnn.layers")

# Beyond those: what public functions take and return, and what that is made of.
BEYOND = (
    "kerascnn.advice.Advice",
    "kerascnn.advice.Choice",
    "kerascnn.assessment.Calibrated",
    "kerascnn.augment.spec.AugmentSpec",
    "kerascnn.augment.views.ViewSpec",
    "kerascnn.data.dataset.ImageData",
    "kerascnn.data.pixel_statistics.PixelStatistics",
    "kerascnn.data.spec.DataSpec",
    "kerascnn.evaluation.measures.Measures",
    "kerascnn.evaluation.predictions.Predictions",
    "kerascnn.evaluation.scores.Scores",
    "kerascnn.evaluation.set_predictions.SetPredictions",
    "kerascnn.evaluation.set_scores.SetMeasures",
    "kerascnn.evaluation.set_scores.SetScores",
    "kerascnn.evaluation.stress.StressTest",
    "kerascnn.experiment.Trained",
    "kerascnn.evaluation.probes.CurvePoint",
    "kerascnn.evaluation.probes.Probe",
    "kerascnn.few_images.Curve",
    "kerascnn.few_images.Probed",
    "kerascnn.models.registry.ModelEntry",
    "kerascnn.models.spec.ModelSpec",
    "kerascnn.report.comparison.Comparison",
    "kerascnn.serving.archive.SavedModel",
    "kerascnn.serving.predict.Prediction",
    "kerascnn.tracking.runs.Run",
    "kerascnn.training.lr_find.RangeTest",
    "kerascnn.training.optimizer_spec.OptimizerSpec",
    "kerascnn.training.optimizer_spec.ScheduleSpec",
    "kerascnn.training.spec.TrainSpec",
    "kerascnn.tuning.importance.Importance",
    "kerascnn.tuning.results.SweepResults",
    "kerascnn.tuning.results.Trial",
    "kerascnn.tuning.space.SpaceSpec",
    "kerascnn.tuning.spec.SweepSpec",
    "kerascnn.visualization.picture.Picture",
    "kerascnn.visualization.writing.new_figure",
    "kerascnn.visualization.writing.write_figure",
)


# And every kind of these, which is chosen by its name.
KINDS = (
    "kerascnn.augment.spec.Operation",
    "kerascnn.training.optimizer_spec.OptimizerSpec",
    "kerascnn.training.optimizer_spec.ScheduleSpec",
    "kerascnn.tuning.ranges.Range",
    "kerascnn.visualization.kinds.Demo",
    "kerascnn.visualization.kinds.Kind",
)


def found(name: str) -> Any:
    """Returns what a dotted name stands for."""
    module, _, last = name.rpartition(".")
    return getattr(importlib.import_module(module), last)


def public_names() -> list[str]:
    """Returns the names, each where it is imported from."""
    inside = [
        f"{package}.{name}"
        for package in PACKAGES
        for name in importlib.import_module(package).__all__
        if not name.startswith("__")
    ]
    kinds = [
        f"{kind.__module__}.{kind.__name__}"
        for base in KINDS
        for kind in map(found(base).of_name, found(base).names())
    ]
    return [*inside, *BEYOND, *kinds]


def shown_on(html: str) -> set[str]:
    """Returns the names that a built page shows."""
    return set(re.findall(r'id="(kerascnn\.[\w.]+)"', html))


_shown: set[str] = set()


def on_page_content(html: str, **_: Any) -> None:
    """Notes what a page shows."""
    _shown.update(shown_on(html))


def on_env(env: Any, **_: Any) -> None:
    """Stops the build where a public name is on no page."""
    from mkdocs.exceptions import PluginError

    missing = [name for name in public_names() if name not in _shown]
    if missing:
        raise PluginError(f"public, and on no API page: {', '.join(missing)}")
