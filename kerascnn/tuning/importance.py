"""How much each hyperparameter of a sweep moves its objective."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from kerascnn.cache import recall, remember

_KIND = "importance"  # of what is remembered
_FEWEST = 8  # trials; a forest of fewer says nothing


@dataclass(frozen=True)
class Importance:
    """What a forest of regression trees makes of a sweep.

    Attributes:
        shares: The share of what shuffling a field costs the forest, by field, largest first; they
            sum to 1, or are all 0 where no field matters.
        explained: Share of the objective's variance that the forest predicts for trials that it
            was not fitted to (R^2, out of bag); near or below 0, the shares mean nothing.
    """

    shares: dict[str, float]
    explained: float


def measure(
    columns: Mapping[str, np.ndarray], objective: np.ndarray, *, beside: np.ndarray
) -> Importance | None:
    """Measures importance by permutation in a random forest (Breiman 2001, section 10).

    The forest is fitted to the objective's ranks, so that one trial that went astray does not
    decide it. What it finds is remembered: to import scikit-learn takes longer than to show the
    rest of a sweep.

    Args:
        columns: Values (N,) of each field; NaN where a trial did not have it.
        objective: Values (N,).
        beside: What the objective depends on too, but is not asked about, (N,): the epochs.

    Returns:
        None for fewer than 8 trials, or where all are equally good.
    """
    if len(objective) < _FEWEST or np.ptp(objective) == 0:
        return None
    inputs = np.column_stack([*columns.values(), beside])
    key = hashlib.sha256(repr((version("scikit-learn"), list(columns))).encode())
    key.update(inputs.astype("<f8").tobytes() + objective.astype("<f8").tobytes())
    name = key.hexdigest()[:32]
    known = recall(_KIND, name)
    if known is None:
        found = _measure(list(columns), inputs, objective)
        remember(_KIND, name, [found.shares, found.explained])
        return found
    return Importance(*known)


def _measure(names: Sequence[str], inputs: np.ndarray, objective: np.ndarray) -> Importance:
    from scipy.stats import rankdata
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance

    ranks = rankdata(objective) / len(objective)
    forest = RandomForestRegressor(200, min_samples_leaf=2, oob_score=True, random_state=0)
    forest.fit(inputs, ranks)
    result = permutation_importance(forest, inputs, ranks, n_repeats=10, random_state=0)
    costs = np.maximum(result.importances_mean[:-1], 0)
    shares = costs / (costs.sum() or 1)
    order = sorted(zip(names, shares, strict=True), key=lambda pair: -pair[1])
    return Importance({name: float(share) for name, share in order}, float(forest.oob_score_))
