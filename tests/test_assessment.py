"""What a tracked run's model is worth, from Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kerascnn import assessment, tracking
from kerascnn.errors import UserError
from kerascnn.evaluation.scores import Scores


def test_any_split_of_a_run_is_scored(trained: Path) -> None:
    run = tracking.load_run("first")
    for split in ("train", "validation", "test"):
        scores = assessment.evaluate(run, split)
        assert isinstance(scores, Scores)
        assert scores.accuracy == pytest.approx(run.metrics[f"{split}_accuracy"], abs=1e-9)
        assert scores.loss == pytest.approx(run.metrics[f"{split}_loss"], rel=1e-4)
    with pytest.raises(UserError, match="^unknown split 'tset': did you mean test"):
        assessment.evaluate("first", "tset")
    with pytest.raises(UserError, match="unknown run 'frist': did you mean first"):
        assessment.evaluate("frist")


def test_a_committee_reads_what_its_members_have_kept(trained: Path) -> None:
    members, together = assessment.evaluate_together(["first", "second"])
    kept = [tracking.load_run(name).predictions("test") for name in ("first", "second")]
    for member, table in zip(members, kept, strict=True):
        np.testing.assert_array_equal(member.predictions.probabilities, table.probabilities)
    mean = np.mean([table.by_class for table in kept], axis=0)
    np.testing.assert_allclose(together.predictions.by_class, mean, atol=1e-6)
    assert together.count == 270


def test_other_views_leave_what_is_kept(trained: Path) -> None:
    kept = tracking.load_run("first").predictions("test")
    scores = assessment.evaluate("first", tta="flips", report=None)
    assert not np.array_equal(scores.predictions.probabilities, kept.probabilities)
    again = tracking.load_run("first").predictions("test")
    np.testing.assert_array_equal(again.probabilities, kept.probabilities)


def test_a_run_without_validation_images_is_not_calibrated(trained: Path) -> None:
    run = tracking.load_run("first")
    recipe = run.recipe.model_copy(
        update={"data": run.recipe.data.model_copy(update={"train_on_validation": True})}
    )
    run.__dict__["recipe"] = recipe
    with pytest.raises(UserError, match="^run first was trained on its validation images"):
        assessment.calibrate(run)
