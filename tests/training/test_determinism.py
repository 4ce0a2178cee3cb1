"""Seeds: the same twice gives the same network. Bit-equal trainings are in test_fit.py."""

from __future__ import annotations

import random

import numpy as np

from kerascnn.models.build import build_model
from kerascnn.training.determinism import seed_everything
from kerascnn.training.spec import TrainSpec


def _drawn(seed: int) -> list[np.ndarray]:
    """Weights, dropout and what Python and NumPy draw, after seeding."""
    seed_everything(TrainSpec(seed=seed))
    model = build_model("mlp", input_shape=(4, 4, 1), classes=3, hidden=[8], dropout=0.5)
    dropped = model(np.full((2, 4, 4, 1), 99, np.uint8), training=True)
    shared = np.random.random(3)  # noqa: NPY002  # NumPy's own state is what is seeded
    return [*model.get_weights(), np.asarray(dropped), random.random(), shared]


def test_the_seed_decides_weights_and_dropout() -> None:
    first, again, other = _drawn(3), _drawn(3), _drawn(4)
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one, two)
    kernels = [values for values in zip(first, other, strict=True) if np.any(values[0])]
    assert all(np.any(one != two) for one, two in kernels)
