"""kerascnn: from images to a trained, tracked, understood convolutional network.

Importing this package is cheap: TensorFlow and MLflow are imported when a function needs them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from kerascnn.version import __version__

if TYPE_CHECKING:
    from kerascnn.advice import advise
    from kerascnn.assessment import calibrate, evaluate, evaluate_together, stress
    from kerascnn.errors import TrainingError, UserError
    from kerascnn.experiment import lr_find, predict, resume, train
    from kerascnn.exporting import export
    from kerascnn.few_images import knn, learning_curve, linear_probe
    from kerascnn.models.build import build_model
    from kerascnn.models.catalog import list_models
    from kerascnn.models.registry import register_model
    from kerascnn.pictures import visualize
    from kerascnn.recipe import Recipe, load_recipe
    from kerascnn.report.comparison import compare
    from kerascnn.run_model import load_model
    from kerascnn.tracking import list_runs, load_run
    from kerascnn.tuning.results import load_results as load_sweep
    from kerascnn.tuning.sweep import resume_sweep, sweep
    from kerascnn.visualization.kinds import demo

# Public name -> (its module, its name there).
_PUBLIC = {
    "Recipe": ("kerascnn.recipe", "Recipe"),
    "TrainingError": ("kerascnn.errors", "TrainingError"),
    "UserError": ("kerascnn.errors", "UserError"),
    "advise": ("kerascnn.advice", "advise"),
    "build_model": ("kerascnn.models.build", "build_model"),
    "calibrate": ("kerascnn.assessment", "calibrate"),
    "compare": ("kerascnn.report.comparison", "compare"),
    "demo": ("kerascnn.visualization.kinds", "demo"),
    "evaluate": ("kerascnn.assessment", "evaluate"),
    "evaluate_together": ("kerascnn.assessment", "evaluate_together"),
    "export": ("kerascnn.exporting", "export"),
    "knn": ("kerascnn.few_images", "knn"),
    "learning_curve": ("kerascnn.few_images", "learning_curve"),
    "linear_probe": ("kerascnn.few_images", "linear_probe"),
    "list_models": ("kerascnn.models.catalog", "list_models"),
    "list_runs": ("kerascnn.tracking", "list_runs"),
    "load_model": ("kerascnn.run_model", "load_model"),
    "load_recipe": ("kerascnn.recipe", "load_recipe"),
    "load_run": ("kerascnn.tracking", "load_run"),
    "load_sweep": ("kerascnn.tuning.results", "load_results"),
    "lr_find": ("kerascnn.experiment", "lr_find"),
    "predict": ("kerascnn.experiment", "predict"),
    "register_model": ("kerascnn.models.registry", "register_model"),
    "resume": ("kerascnn.experiment", "resume"),
    "resume_sweep": ("kerascnn.tuning.sweep", "resume_sweep"),
    "stress": ("kerascnn.assessment", "stress"),
    "sweep": ("kerascnn.tuning.sweep", "sweep"),
    "train": ("kerascnn.experiment", "train"),
    "visualize": ("kerascnn.pictures", "visualize"),
}

__all__ = [
    "Recipe",
    "TrainingError",
    "UserError",
    "__version__",
    "advise",
    "build_model",
    "calibrate",
    "compare",
    "demo",
    "evaluate",
    "evaluate_together",
    "export",
    "knn",
    "learning_curve",
    "linear_probe",
    "list_models",
    "list_runs",
    "load_model",
    "load_recipe",
    "load_run",
    "load_sweep",
    "lr_find",
    "predict",
    "register_model",
    "resume",
    "resume_sweep",
    "stress",
    "sweep",
    "train",
    "visualize",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'kerascnn' has no attribute '{name}'")
    module, original = _PUBLIC[name]
    return getattr(importlib.import_module(module), original)


def __dir__() -> list[str]:
    return __all__
