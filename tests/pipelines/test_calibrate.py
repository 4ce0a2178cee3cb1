"""`kerascnn calibrate`, as a user sees it: the answers stay, the confidence is set right."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from kerascnn import assessment, experiment, tracking
from kerascnn.evaluation.calibration import calibration_error
from kerascnn.evaluation.predictions import Predictions
from kerascnn.serving.archive import SavedModel, save_model
from kerascnn.serving.temperature import with_temperature


@pytest.mark.ci
def test_a_model_is_calibrated_where_it_is_used(workplace: Path, kerascnn) -> None:
    trained = experiment.train("mlp", "digits", name="sure", epochs=2, report=None)
    path, saved = trained.run.artifact("model.keras"), trained.model
    too_sure = with_temperature(saved.model, 1 / 8)
    save_model(SavedModel(too_sure, saved.classes, saved.recipe), path)
    assessment.evaluate("sure", "validation", report=None)
    before = assessment.evaluate("sure", report=None).predictions
    assert isinstance(before, Predictions)
    done = kerascnn("calibrate", "sure")
    assert done.code == 0, done.err
    found = re.search(r"temperature  (\d+\.\d+): the model was too sure", done.out)
    assert found is not None
    assert Path("calibration.png").stat().st_size > 10_000
    run = tracking.load_run("sure")
    after = run.predictions("test")
    np.testing.assert_array_equal(after.predicted, before.predicted)
    assert calibration_error(after) < calibration_error(before)
    # evaluate and predict use the model as it is now.
    again = assessment.evaluate(run, report=None).predictions
    np.testing.assert_allclose(again.probabilities, after.probabilities, atol=1e-4)
    second = kerascnn("calibrate", "sure")
    once_more = re.search(r"temperature  (\d+\.\d+)", second.out)
    assert once_more is not None
    assert float(found[1]) > 2
    assert float(once_more[1]) == pytest.approx(1, abs=0.01)


def test_mistakes_are_one_line(trained, kerascnn) -> None:
    done = kerascnn("calibrate", "frist")
    assert done.code == 2
    assert "unknown run 'frist': did you mean first" in done.err
    done = kerascnn("calibrate", "first", "--out", "x")
    assert done.code == 2
    assert "--out x: must end in .png" in done.err
