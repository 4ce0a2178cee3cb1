"""Simple classifiers on features: known answers, scikit-learn's own, more images never hidden."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler, normalize

from kerascnn.errors import UserError
from kerascnn.evaluation.probes import (
    NEIGHBOURS,
    PENALTIES,
    Labelled,
    Method,
    learning_curve,
    probe,
    steps_of_curve,
)


def _clouds(per_class: int, spread: float, seed: int, classes: int = 3) -> Labelled:
    random = np.random.default_rng(seed)
    labels = np.repeat(np.arange(classes), per_class)
    centres = np.eye(classes, 8) * 4
    values = centres[labels] + random.normal(0, spread, (len(labels), 8))
    return Labelled(values.astype(np.float32), labels)


@pytest.fixture
def splits() -> dict[str, Labelled]:
    return {
        name: _clouds(count, 1.5, seed)
        for seed, (name, count) in enumerate({"train": 60, "validation": 40, "test": 50}.items())
    }


@pytest.mark.parametrize("method", ["linear", "knn"])
def test_clouds_far_apart_are_told_apart(method: Method) -> None:
    far = {
        name: _clouds(20, 0.1, seed) for seed, name in enumerate(("train", "validation", "test"))
    }
    found = probe(method, far)
    assert found.test.value == 1
    assert found.images == 60


def test_the_linear_probe_is_scikit_learns_logistic_regression(splits) -> None:
    found = probe("linear", splits)
    assert found.setting in PENALTIES
    scaler = StandardScaler().fit(splits["train"].values)
    model = LogisticRegression(C=found.setting, max_iter=2000, tol=1e-6)
    model.fit(scaler.transform(splits["train"].values), splits["train"].labels)
    expected = model.predict(scaler.transform(splits["test"].values))
    assert (found.predicted == expected).mean() > 0.98
    assert found.test.value == pytest.approx((found.predicted == splits["test"].labels).mean())
    assert found.test.low < found.test.value < found.test.high


def test_the_neighbours_are_scikit_learns(splits) -> None:
    found = probe("knn", splits)
    assert found.setting in NEIGHBOURS
    model = KNeighborsClassifier(int(found.setting), weights="distance", metric="cosine")
    model.fit(splits["train"].values, splits["train"].labels)
    expected = model.predict(normalize(splits["test"].values))
    assert (found.predicted == expected).mean() > 0.96


def test_two_classes_have_one_line_between_them() -> None:
    two = {
        name: _clouds(20, 0.3, seed, classes=2)
        for seed, name in enumerate(("train", "validation", "test"))
    }
    assert probe("linear", two).test.value == 1


def test_the_setting_is_the_best_on_the_validation_images(splits) -> None:
    """With validation labels that are those of the farthest cloud, another one is best."""
    noisy = {**splits, "train": _clouds(60, 6.0, 7)}
    best = probe("knn", noisy)
    shares = []
    for count in NEIGHBOURS:
        model = KNeighborsClassifier(count, weights="distance")
        model.fit(normalize(noisy["train"].values), noisy["train"].labels)
        answers = model.predict(normalize(noisy["validation"].values))
        shares.append((answers == noisy["validation"].labels).mean())
    assert best.validation.value == pytest.approx(max(shares))
    assert best.setting == NEIGHBOURS[int(np.argmax(shares))]


def test_a_curve_ends_with_all_images_and_repeats_itself(splits) -> None:
    done: list[int] = []
    points = learning_curve("knn", splits, draws=2, advance=done.append)
    assert [point.per_class for point in points] == [1, 2, 5, 10, 20, 50, 60]
    assert [point.images for point in points] == [3, 6, 15, 30, 60, 150, 180]
    assert [len(point.accuracies) for point in points] == [2] * 6 + [1]
    assert sum(done) == steps_of_curve(splits["train"].labels, 2) == 13
    assert points == learning_curve("knn", splits, draws=2)
    assert points != learning_curve("knn", splits, draws=2, seed=1)
    assert points[-1].mean == probe("knn", splits).test.value
    assert points[0].mean < points[-1].mean


def test_one_class_alone_is_refused(splits) -> None:
    train = splits["train"]
    with pytest.raises(UserError, match="of one class"):
        probe("linear", {**splits, "train": train.part(np.flatnonzero(train.labels == 1))})
