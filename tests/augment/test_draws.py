from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from kerascnn.augment.draws import LANES, draws, position_keys
from kerascnn.backend import tf

MASK = 2**64 - 1


def reference(seed, epoch, position, lane):
    """SplitMix64 in Python integers."""

    def mix(z):
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    golden = 0x9E3779B97F4A7C15
    key = mix((seed + golden) & MASK)
    for value in (epoch, position):
        key = mix((key + (value + 1) * golden) & MASK)
    return (mix((key + (lane + 1) * golden) & MASK) >> 40) * 2.0**-24


def drawn(count, *, seed=0, epoch=0, probabilities=(1.0, 0.25)):
    keys = position_keys(tf.constant(seed, tf.int64), tf.constant(epoch, tf.int64), tf.range(count))
    return draws(keys, list(probabilities))


def test_numbers_are_splitmix64():
    lanes = drawn(5, seed=3, epoch=7)[1].lanes.numpy()
    expected = [[reference(3, 7, i, LANES + j) for j in range(LANES)] for i in range(5)]
    np.testing.assert_array_equal(lanes, np.array(expected, np.float32))


def test_numbers_are_uniform_and_independent_between_lanes_positions_and_epochs():
    lanes = drawn(20_000)[0].lanes.numpy()
    for lane in lanes.T:
        assert stats.kstest(lane, "uniform").pvalue > 1e-4
    together = np.column_stack([lanes[:-1], lanes[1:], drawn(19_999, epoch=1)[0].lanes.numpy()])
    correlation = np.corrcoef(together.T) - np.eye(3 * LANES)
    assert np.abs(correlation).max() < 0.04


def test_probability_is_honoured():
    always, sometimes = drawn(20_000)
    assert always.applied.numpy().all()
    assert sometimes.applied.numpy().mean() == pytest.approx(0.25, abs=0.015)
    value = sometimes.between(1, (5.0, 6.0), 0.0).numpy()
    assert ((value == 0) != sometimes.applied.numpy()).all()


def test_fields_are_normal_and_differ_between_operations_and_streams():
    first, second = drawn(200)
    field = first.normal_field(101).numpy()
    assert field.shape == (200, 101)
    assert stats.kstest(field.ravel(), "norm").pvalue > 1e-4
    for other in (first.field(50, 1), second.field(50)):
        assert (
            np.abs(np.corrcoef(first.field(50).numpy().ravel(), other.numpy().ravel()))[0, 1] < 0.05
        )
