"""The network of a run or a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from kerascnn import tracking
from kerascnn.run_model import load_model


def test_models_come_from_runs_and_from_files(trained: Path) -> None:
    path = tracking.load_run("first").artifact("model.keras")
    from_run, from_file = load_model("first").model, load_model(path).model
    for one, other in zip(from_run.get_weights(), from_file.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert load_model(path).recipe == tracking.load_run("first").recipe
