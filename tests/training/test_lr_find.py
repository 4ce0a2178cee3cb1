"""The learning-rate range test."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.recipe import load_recipe
from kerascnn.training.fit import fit
from kerascnn.training.lr_find import range_test
from kerascnn.training.session import assemble
from tests.assembled import prepare

SGD = {
    "model": {"name": "mlp", "hidden": [32]},
    "data": {"name": "digits"},
    "optimizer": {"name": "sgd"},
    "training": {"batch_size": 64, "epochs": 3},
}


def _range_test(**arguments):
    return range_test(assemble(load_recipe(SGD)), **arguments)


def test_the_rate_grows_until_the_loss_diverges():
    test = _range_test(low=1e-5, high=100.0, steps=120)
    assert test.diverged
    assert len(test.rates) < 120
    np.testing.assert_allclose(test.rates[1:] / test.rates[:-1], 1e7 ** (1 / 119), rtol=1e-6)
    lowest = int(np.argmin(test.smoothed))
    assert test.suggestion == pytest.approx(test.rates[lowest] / 10)
    average = 0.0
    for step, loss in enumerate(test.losses):
        average = 0.9 * average + 0.1 * loss
        assert test.smoothed[step] == pytest.approx(average / (1 - 0.9 ** (step + 1)))


def test_the_suggestion_trains():
    suggestion = _range_test(low=1e-5, high=100.0, steps=120).suggestion
    recipe = load_recipe(SGD, [f"optimizer.learning_rate={suggestion}"])
    data, model = prepare(recipe)
    assert fit(model, data, recipe).history["val_accuracy"][-1] > 0.85


def test_rates_at_which_nothing_is_learnt_give_no_suggestion():
    with pytest.raises(UserError, match="the loss never fell below its start .* try more --steps"):
        _range_test(low=1e-9, high=1e-8, steps=10)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"low": 1.0, "high": 0.1}, "got rates from 1 to 0.1, must grow from above 0"),
        ({"low": 0.0}, "got rates from 0 to 10, must grow from above 0"),
        ({"steps": 9}, "lr-find steps: got 9, must be at least 10"),
    ],
)
def test_ranges_that_cannot_be(arguments, message):
    with pytest.raises(UserError, match=message):
        _range_test(**arguments)
