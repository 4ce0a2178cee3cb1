from __future__ import annotations

import pytest

from kerascnn.errors import UserError
from kerascnn.tuning.spec import SweepSpec


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"objective": "val_accuracy"},
            "objective: no trial logs it: unknown objective 'val_accuracy': "
            "did you mean validation_accuracy",
        ),
        ({"tuner": "grit"}, "tuner: got 'grit'"),
        ({"trials": 0}, "trials: got 0"),
        ({"trails": 3}, "unknown field 'trails': did you mean trials"),
        ({"time_limit": "soon"}, "time_limit: got 'soon', must be seconds or such as 10m"),
    ],
)
def test_mistakes_are_told(fields: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        SweepSpec(**fields)


def test_the_figure_that_is_searched_is_the_mean_of_the_folds_where_there_are_some() -> None:
    spec = SweepSpec(objective="validation_top5_accuracy")
    assert spec.figure(folds=False) == "validation_top5_accuracy"
    assert spec.figure(folds=True) == "folds_top5_accuracy"


def test_budget() -> None:
    assert SweepSpec().trials == 20
    assert SweepSpec(tuner="grid").trials is None
    assert SweepSpec(time_limit="2h").time_limit == 7200
    assert SweepSpec(objective="validation_loss").direction == "min"
