"""Simple classifiers on features that a network computes: what they hold, and from how few images.

A linear probe (Alain and Bengio 2016) is a logistic regression; nearest neighbours learn nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from kerascnn.errors import UserError
from kerascnn.evaluation.measures import Estimate, wilson

Method = Literal["linear", "knn"]

# What is chosen among on the validation images: the inverse of the L2 penalty; the neighbours.
PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0)
NEIGHBOURS = (1, 3, 5, 10, 20)
_STEPS = 1000  # of the logistic regression
# Images per class on the way to all of them.
_COUNTS = tuple(first * 10**power for power in range(6) for first in (1, 2, 5))


@dataclass(frozen=True)
class Labelled:
    """Examples as a classifier gets them.

    Attributes:
        values: Features, float32 (N, D).
        labels: int64 (N,).
    """

    values: np.ndarray
    labels: np.ndarray

    def part(self, rows: np.ndarray) -> Labelled:
        """Returns some of them, by number."""
        return Labelled(self.values[rows], self.labels[rows])


@dataclass(frozen=True)
class Probe:
    """A simple classifier on features, scored.

    Attributes:
        method: "linear" or "knn".
        images: That it was trained on.
        setting: Chosen on the validation images: one of PENALTIES, or of NEIGHBOURS.
        validation: Top-1 accuracy on the validation images, with its 95% interval.
        test: Likewise on the test images.
        predicted: Its answer to each test image, int64 (N,).
    """

    method: Method
    images: int
    setting: float
    validation: Estimate
    test: Estimate
    predicted: np.ndarray


def probe(method: Method, splits: Mapping[str, Labelled]) -> Probe:
    """Trains a classifier in every setting, and scores the one that is best in validation.

    Args:
        method: "linear": logistic regression on standardized features. "knn": the classes of the
            nearest training images by the cosine of the angle, the nearer the more they count.
        splits: "train", "validation" and "test".

    Raises:
        UserError: If the training images are of one class.
    """
    train, validation, test = (splits[name] for name in ("train", "validation", "test"))
    if len(np.unique(train.labels)) < 2:
        raise UserError("the training images are of one class: there is nothing to tell apart")
    best: tuple[float, float, Any] | None = None
    for setting, fitted in _fitted(method, train):
        share = float((fitted(validation.values) == validation.labels).mean())
        if best is None or share > best[0]:
            best = (share, setting, fitted)
    assert best is not None
    _, setting, fitted = best
    predicted = fitted(test.values)
    right = int((fitted(validation.values) == validation.labels).sum())
    return Probe(
        method=method,
        images=len(train.labels),
        setting=setting,
        validation=wilson(right, len(validation.labels)),
        test=wilson(int((predicted == test.labels).sum()), len(test.labels)),
        predicted=predicted,
    )


def _fitted(
    method: Method, train: Labelled
) -> list[tuple[float, Callable[[np.ndarray], np.ndarray]]]:
    """Returns each setting with what a classifier of that setting answers to features."""
    return _linear(train) if method == "linear" else _neighbours(train)


def _linear(train: Labelled) -> list[tuple[float, Callable[[np.ndarray], np.ndarray]]]:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(train.values)
    values = scaler.transform(train.values)
    # Each starts where the last one ended: from the strongest penalty on that is quick.
    model = LogisticRegression(max_iter=_STEPS, warm_start=True)
    found = []
    for setting in PENALTIES:
        model.set_params(C=setting).fit(values, train.labels)
        weights, offsets = model.coef_.copy(), model.intercept_.copy()
        found.append((setting, _line(scaler, weights, offsets, model.classes_)))
    return found


def _line(
    scaler: Any, weights: np.ndarray, offsets: np.ndarray, classes: np.ndarray
) -> Callable[[np.ndarray], np.ndarray]:
    def answer(values: np.ndarray) -> np.ndarray:
        scores = scaler.transform(values) @ weights.T + offsets
        if len(classes) == 2:
            scores = np.concatenate([np.zeros_like(scores), scores], axis=1)
        answers: np.ndarray = classes[scores.argmax(axis=1)]
        return answers

    return answer


def _neighbours(train: Labelled) -> list[tuple[float, Callable[[np.ndarray], np.ndarray]]]:
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.preprocessing import normalize

    values = normalize(train.values)  # the order of distances is then that of the angles

    def answering(count: int) -> Callable[[np.ndarray], np.ndarray]:
        model = KNeighborsClassifier(count, weights="distance").fit(values, train.labels)
        return lambda others: np.asarray(model.predict(normalize(others)))

    counts = [count for count in NEIGHBOURS if count <= len(train.labels)]
    return [(float(count), answering(count)) for count in counts]


@dataclass(frozen=True)
class CurvePoint:
    """What is reached with so many images of each class.

    Attributes:
        per_class: Training images of each class; of a class that has fewer, all.
        images: Of all classes.
        accuracies: Top-1 accuracy on the test images, one for each draw of the training images.
    """

    per_class: int
    images: int
    accuracies: tuple[float, ...]

    @property
    def mean(self) -> float:
        """Their mean."""
        return float(np.mean(self.accuracies))


def learning_curve(
    method: Method,
    splits: Mapping[str, Labelled],
    *,
    draws: int = 3,
    seed: int = 0,
    counts: Sequence[int] = _COUNTS,
    advance: Callable[[int], None] | None = None,
) -> list[CurvePoint]:
    """Returns the accuracy against the number of training images of each class.

    Args:
        method: As for `probe`.
        splits: "train", "validation" and "test"; the last two stay whole.
        draws: How often the images of each number are drawn anew; all images are there once.
        seed: The seed of the draws.
        counts: Images per class, ascending; those below the size of the largest class, and that.
        advance: Called with 1 after each classifier.

    Raises:
        UserError: If the training images are of one class.
    """
    train = splits["train"]
    most = int(np.bincount(train.labels).max())
    points = []
    for count in [*(count for count in counts if count < most), most]:
        times = draws if count < most else 1
        found = []
        for draw in range(times):
            rows = _draw(train.labels, count, np.random.default_rng([seed, count, draw]))
            part = probe(method, {**splits, "train": train.part(rows)})
            found.append(part.test.value)
            if advance:
                advance(1)
        points.append(CurvePoint(count, len(rows), tuple(found)))
    return points


def steps_of_curve(labels: np.ndarray, draws: int, counts: Sequence[int] = _COUNTS) -> int:
    """Returns how many classifiers `learning_curve` trains on images of these labels."""
    most = int(np.bincount(labels).max())
    return draws * sum(count < most for count in counts) + 1


def _draw(labels: np.ndarray, count: int, random: np.random.Generator) -> np.ndarray:
    """Returns the numbers of so many examples of each class, ascending."""
    shuffled = random.permutation(len(labels))
    kept = [shuffled[labels[shuffled] == label][:count] for label in np.unique(labels)]
    return np.sort(np.concatenate(kept))
