"""Two models on the same examples: which of them each has right, and whether that is chance."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from kerascnn.errors import UserError
from kerascnn.evaluation.measures import Estimate
from kerascnn.evaluation.predictions import Predictions, subset

_RESAMPLES = 10_000
_SEED = 0
_PERCENTILES = (2.5, 97.5)


class DifferentExamplesError(UserError):
    """Two tables of predictions are not of the same examples.

    Attributes:
        shared: Examples that both have, by what they are called.
    """

    def __init__(self, message: str, shared: int):
        super().__init__(message)
        self.shared = shared


@dataclass(frozen=True, eq=False)
class Pairing:
    """Two tables of predictions of the same examples, in the same order.

    Attributes:
        first: What the first model said.
        second: What the second one said.
    """

    first: Predictions
    second: Predictions

    @property
    def size(self) -> int:
        """Number of examples."""
        return self.first.size

    @cached_property
    def only_first(self) -> np.ndarray:
        """Rows that only the first model has right, (D,)."""
        return np.flatnonzero(self.first.correct & ~self.second.correct)

    @cached_property
    def only_second(self) -> np.ndarray:
        """Rows that only the second model has right, (D,)."""
        return np.flatnonzero(self.second.correct & ~self.first.correct)

    @cached_property
    def p_value(self) -> float:
        """How likely counts are that differ as much, if both models are equally good.

        McNemar's test (1947), exact: of the examples that only one model has right, each is the
        first one's with probability 1/2. The test is on both sides; it is 1 where no example is.
        """
        fewer, more = sorted((len(self.only_first), len(self.only_second)))
        number = np.arange(1, fewer + 1)
        # Logarithms of the ways to choose 0, 1, ... of them all; SciPy is slow to import.
        ways = np.append(0.0, np.cumsum(np.log((fewer + more + 1 - number) / number)))
        tail = np.exp(ways - (fewer + more) * math.log(2)).sum()
        return min(1.0, 2 * float(tail))

    @cached_property
    def difference(self) -> Estimate:
        """Accuracy of the first model less that of the second, from -1 to 1, with 95% interval.

        The interval is that of a seeded bootstrap over examples, both answers to an example staying
        together (Efron and Tibshirani 1993, chapter 13). There is none where no example tells the
        models apart.
        """
        counts = np.array([len(self.only_first), len(self.only_second)])
        value = (counts[0] - counts[1]) / self.size
        if not counts.any():
            return Estimate(0.0)
        # To draw examples anew is to draw how many there are of each kind.
        shares = np.append(counts, self.size - counts.sum()) / self.size
        drawn = np.random.default_rng(_SEED).multinomial(self.size, shares, _RESAMPLES)
        low, high = np.percentile((drawn[:, 0] - drawn[:, 1]) / self.size, _PERCENTILES)
        return Estimate(float(value), float(low), float(high))


def shared_examples(first: Predictions, second: Predictions) -> int:
    """Returns how many examples two tables share, by what they are called in the same data set."""
    if first.data != second.data and first.fingerprint != second.fingerprint:
        return 0
    return (Counter(first.examples) & Counter(second.examples)).total()


def pair(first: Predictions, second: Predictions) -> Pairing:
    """Brings two tables into the same order, that of the first.

    Raises:
        DifferentExamplesError: If they are of different examples, or of data that has changed.
    """
    if first.fingerprint != second.fingerprint or Counter(first.examples) != Counter(
        second.examples
    ):
        shared = shared_examples(first, second)
        changed = first.data == second.data and first.fingerprint != second.fingerprint
        raise DifferentExamplesError(
            f"{_named(first)} and {_named(second)} share {shared:,}"
            + (f" by name, but {first.data} has changed in between" if changed else ""),
            shared,
        )
    if (first.examples == second.examples).all():
        return Pairing(first, second)
    rows = np.empty(first.size, np.int64)
    rows[np.argsort(first.examples, kind="stable")] = np.argsort(second.examples, kind="stable")
    return Pairing(first, subset(second, rows))


def _named(predictions: Predictions) -> str:
    return f"{predictions.size:,} {predictions.split} images of {predictions.data}"


def holm(p_values: Sequence[float]) -> list[float]:
    """Returns p-values of several tests, so that one in twenty *sets* of tests errs at 0.05.

    Holm (1979): the k-th smallest of m is multiplied by m - k + 1, and none is less than the one
    before it.
    """
    values = np.asarray(p_values, float)
    order = np.argsort(values, kind="stable")
    corrected = np.empty_like(values)
    steps = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    corrected[order] = np.minimum(steps, 1)
    return [float(value) for value in corrected]


def percentage_points(estimate: Estimate) -> tuple[str, str]:
    """Returns a difference of accuracies in percentage points, and its interval; "" for none."""
    value = f"{100 * estimate.value:+.2f}"
    if math.isnan(estimate.low):
        return value, ""
    return value, f"{100 * estimate.low:+.2f} to {100 * estimate.high:+.2f}"
