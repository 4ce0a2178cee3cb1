"""Scores over a whole split whose images may have several labels, with their 95% intervals.

A class without examples in the split has no recall and no average precision, and is left out of
the means, as in `kerascnn.evaluation.measures`, whose intervals these are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from kerascnn import notebook
from kerascnn.evaluation.areas import Ranking
from kerascnn.evaluation.measures import (
    RESAMPLES,
    Estimate,
    area_resamples,
    draws,
    estimate_text,
    percentile_interval,
    wilson,
)
from kerascnn.evaluation.set_predictions import SetPredictions

LABEL_FIGURES = ("precision", "recall", "f1", "average_precision")
# What each figure is called in tables: {name: (in words, whether it is a share)}.
SET_NAMES = {
    "mean_average_precision": ("mean average precision", False),
    "macro_f1": ("F1, macro mean", True),
    "micro_f1": ("F1, all answers together", True),
    "exact_match": ("exact match", True),
    "log_loss": ("binary cross-entropy", False),
}


@dataclass(frozen=True)
class LabelMeasures:
    """One label against its absence.

    Attributes:
        name: Of the class.
        support: Examples that have it.
        threshold: The probability from which on it is given.
        precision: Share of the examples that are given it which have it; Wilson's interval.
        recall: Share of the examples that have it which are given it; Wilson's interval.
        f1: Their harmonic mean; bootstrap.
        average_precision: Area under its precision-recall curve, as a sum of steps; bootstrap.
    """

    name: str
    support: int
    threshold: float
    precision: Estimate
    recall: Estimate
    f1: Estimate
    average_precision: Estimate


@dataclass(frozen=True)
class SetMeasures:
    """All figures of one table.

    Attributes:
        count: Examples.
        overall: By the names of SET_NAMES.
        classes: In their order.
        chance: The mean average precision of answers at random: the mean share of the labels.
    """

    count: int
    overall: dict[str, Estimate]
    classes: tuple[LabelMeasures, ...]
    chance: float


@dataclass(frozen=True)
class SetScores:
    """How a model does on one split.

    Attributes:
        predictions: What the model said of every example, with its thresholds.
        loss: Mean binary cross-entropy in nats, over examples and classes.
        mean_average_precision: Of scikit-learn, the mean over the classes.
        macro_f1: At the thresholds, the mean over the classes.
        micro_f1: At the thresholds, of all answers together.
        exact_match: Share of examples that are given just the labels that they have, with Wilson's
            95% interval.
        chance: The mean average precision of answers at random.
    """

    predictions: SetPredictions
    loss: float
    mean_average_precision: float
    macro_f1: float
    micro_f1: float
    exact_match: Estimate
    chance: float

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes."""
        return self.predictions.classes

    @property
    def count(self) -> int:
        """Examples scored; the size of the split."""
        return self.predictions.size

    @cached_property
    def measures(self) -> SetMeasures:
        """Every figure, with its 95% interval."""
        return measure_sets(self.predictions)

    @property
    def headline(self) -> str:
        """The first figure, in words."""
        return f"mean average precision {self.mean_average_precision:.4f}"

    def __repr__(self) -> str:
        """On one line."""
        return (
            f"<Scores of {self.count:,} images: {self.headline}, F1 {self.macro_f1:.2%}, exact "
            f"match {self.exact_match.value:.2%}, loss {self.loss:.4f}>"
        )

    def _repr_html_(self) -> str:
        """The figures, and those of each class."""
        rows = table_of(self.measures)
        classes = notebook.table(list(rows[0]), [list(row.values()) for row in rows])
        return notebook.heading(repr(self).strip("<>")) + classes

    def metrics(self, split: str) -> dict[str, float]:
        """Returns the figures by the names they are tracked under, such as "test_macro_f1"."""
        return {
            f"{split}_loss": self.loss,
            f"{split}_mean_average_precision": self.mean_average_precision,
            f"{split}_macro_f1": self.macro_f1,
            f"{split}_micro_f1": self.micro_f1,
            f"{split}_exact_match": self.exact_match.value,
            f"{split}_exact_match_low": self.exact_match.low,
            f"{split}_exact_match_high": self.exact_match.high,
            f"{split}_count": float(self.count),
        }


def score_sets(predictions: SetPredictions) -> SetScores:
    """Returns the figures that every run with several labels an image is tracked with."""
    return _scored(predictions, _figures(predictions))


def _scored(predictions: SetPredictions, found: Mapping[str, np.ndarray]) -> SetScores:
    present = found["support"] > 0
    return SetScores(
        predictions=predictions,
        loss=float(predictions.losses.mean(dtype=np.float64)),
        mean_average_precision=_mean(found["average_precision"], present),
        macro_f1=_mean(found["f1"], present),
        micro_f1=_micro_f1(predictions),
        exact_match=wilson(int(predictions.exact.sum()), predictions.size),
        chance=_mean(found["support"] / predictions.size, present),
    )


def measure_sets(predictions: SetPredictions) -> SetMeasures:
    """Returns all figures of a table of predictions, with their intervals."""
    found = _figures(predictions)
    scores = _scored(predictions, found)
    drawn = _resample(predictions)
    means = {
        "mean_average_precision": scores.mean_average_precision,
        "macro_f1": scores.macro_f1,
        "micro_f1": scores.micro_f1,
        "log_loss": scores.loss,
    }
    overall = {
        name: Estimate(v, *percentile_interval(drawn.get(name))) for name, v in means.items()
    }
    overall["exact_match"] = scores.exact_match
    right = (predictions.predicted & predictions.labels).sum(axis=0)
    answers, support = predictions.predicted.sum(axis=0), found["support"].astype(int)

    def bootstrapped(name: str, label: int) -> Estimate:
        values = drawn.get(f"class_{name}")
        column = None if values is None else values[:, label]
        return Estimate(float(found[name][label]), *percentile_interval(column))

    classes = tuple(
        LabelMeasures(
            name=name,
            support=int(support[label]),
            threshold=float(predictions.thresholds[label]),
            precision=(
                wilson(right[label], answers[label])
                if answers[label]
                else Estimate(0.0 if support[label] else math.nan)
            ),
            recall=wilson(right[label], support[label]),
            f1=bootstrapped("f1", label),
            average_precision=bootstrapped("average_precision", label),
        )
        for label, name in enumerate(predictions.classes)
    )
    return SetMeasures(
        predictions.size, {name: overall[name] for name in SET_NAMES}, classes, scores.chance
    )


def _mean(values: np.ndarray, present: np.ndarray) -> float:
    return float(values[present].mean()) if present.any() else math.nan


def _figures(predictions: SetPredictions) -> dict[str, np.ndarray]:
    """Returns support, F1 and average precision of each class; NaN of a class without examples."""
    from sklearn.metrics import average_precision_score, f1_score

    labels, predicted = predictions.labels, predictions.predicted
    support = labels.sum(axis=0)
    f1, average = np.full((2, len(support)), np.nan)
    for label in np.flatnonzero(support):
        truth = labels[:, label]
        f1[label] = f1_score(truth, predicted[:, label], zero_division=0.0)
        average[label] = average_precision_score(truth, predictions.probabilities[:, label])
    return {"support": support.astype(float), "f1": f1, "average_precision": average}


def _micro_f1(predictions: SetPredictions) -> float:
    from sklearn.metrics import f1_score

    labels, predicted = predictions.labels.ravel(), predictions.predicted.ravel()
    return float(f1_score(labels, predicted, zero_division=0.0))


def _resample(predictions: SetPredictions) -> dict[str, np.ndarray]:
    """Returns the bootstrap's values of figures (resamples,), and of classes' (resamples, C)."""
    labels = predictions.labels.astype("f4")
    said = predictions.predicted.astype("f4")
    size, count = labels.shape
    areas, done = area_resamples(size * count), 0
    rankings = {
        label: Ranking(predictions.probabilities[:, label], predictions.labels[:, label])
        for label in (np.flatnonzero(labels.any(axis=0)) if areas else ())
    }
    found: dict[str, list[np.ndarray]] = {}
    for drawn in draws(size, RESAMPLES):
        right, support, answers = drawn @ (labels * said), drawn @ labels, drawn @ said
        with np.errstate(invalid="ignore", divide="ignore"):
            f1 = np.where(support > 0, 2 * right / (support + answers), np.nan)
            micro = 2 * right.sum(axis=1) / (support + answers).sum(axis=1)
        found.setdefault("class_f1", []).append(f1)
        found.setdefault("macro_f1", []).append(_means(f1))
        found.setdefault("micro_f1", []).append(micro)
        found.setdefault("log_loss", []).append(drawn @ predictions.losses / size)
        part = drawn[: max(0, areas - done)]
        done += len(drawn)
        if len(part):
            average = np.full((len(part), count), np.nan, "f4")
            for label, ranking in rankings.items():
                average[:, label] = ranking.areas(part)[1]
            found.setdefault("class_average_precision", []).append(average)
            found.setdefault("mean_average_precision", []).append(_means(average))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _means(by_class: np.ndarray) -> np.ndarray:
    """Returns the mean over the classes that are there, of each resample."""
    known = np.isfinite(by_class)
    with np.errstate(invalid="ignore", divide="ignore"):
        means: np.ndarray = np.where(known, by_class, 0).sum(axis=1) / known.sum(axis=1)
    return means


def rows_of(measures: SetMeasures) -> list[dict[str, str | float]]:
    """Returns a row for each figure: class (empty for all together), figure, value, low, high."""
    found = [("", name, estimate) for name, estimate in measures.overall.items()]
    for of in measures.classes:
        found.append((of.name, "support", Estimate(of.support)))
        found.append((of.name, "threshold", Estimate(of.threshold)))
        found += [(of.name, name, getattr(of, name)) for name in LABEL_FIGURES]
    return [
        {"class": of, "figure": name, "value": e.value, "low": e.low, "high": e.high}
        for of, name, e in found
    ]


def table_of(measures: SetMeasures) -> list[dict[str, Any]]:
    """Returns a row for each class, as tables have it."""
    return [
        {
            "class": of.name,
            "count": of.support,
            "threshold": round(of.threshold, 6),
            **{name: round(getattr(of, name).value, 6) for name in LABEL_FIGURES},
        }
        for of in measures.classes
    ]


def shown(name: str, estimate: Estimate) -> tuple[str, str]:
    """Returns a figure of that name and its interval as they are shown."""
    shares: Mapping[str, bool] = {name: share for name, (_, share) in SET_NAMES.items()}
    return estimate_text(estimate, shares.get(name, name != "average_precision"))
