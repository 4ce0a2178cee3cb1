"""Every figure of a table of predictions, with what chance leaves open: 95% intervals.

Proportions have Wilson's interval (Wilson 1927); everything else the percentiles of a seeded
bootstrap over examples (Efron and Tibshirani 1993, chapter 13).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascnn.evaluation.calibration import BINS, bins_of, calibration_error
from kerascnn.evaluation.predictions import Predictions

RESAMPLES = 1000
_FEWEST = 100  # resamples that an interval is taken from
_AT_ONCE = 100_000  # cells of a resampled table: it stays in the processor's cache
_AREAS = ("roc_auc", "average_precision")
# Probabilities in a table, above which areas have fewer resamples, no interval, no common area.
_MANY, _TOO_MANY = 50_000, 2_000_000
_SEED = 0
_LEVEL = 0.95
_PERCENTILES = (100 * (1 - _LEVEL) / 2, 100 * (1 + _LEVEL) / 2)

CLASS_FIGURES = ("precision", "recall", "f1", "roc_auc", "average_precision")
# What each figure is called in tables: {name: (in words, whether it is a share)}.
NAMES = {
    "accuracy": ("top-1 accuracy", True),
    "top5_accuracy": ("top-5 accuracy", True),
    "log_loss": ("log loss", False),
    "brier": ("Brier score", False),
    "ece": ("expected calibration error", True),
    "macro_precision": ("precision, macro mean", True),
    "macro_recall": ("recall, macro mean", True),
    "macro_f1": ("F1, macro mean", True),
    "weighted_precision": ("precision, weighted mean", True),
    "weighted_recall": ("recall, weighted mean", True),
    "weighted_f1": ("F1, weighted mean", True),
    "macro_roc_auc": ("area under ROC, macro mean", False),
    "weighted_roc_auc": ("area under ROC, weighted mean", False),
    "micro_roc_auc": ("area under ROC, all answers together", False),
    "macro_average_precision": ("average precision, macro mean", False),
    "weighted_average_precision": ("average precision, weighted mean", False),
    "micro_average_precision": ("average precision, all answers together", False),
}


@dataclass(frozen=True)
class Estimate:
    """A figure and its 95% interval.

    Attributes:
        value: NaN where it has none, as the recall of a class without examples.
        low: NaN where there is no interval.
        high: As `low`.
    """

    value: float
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True)
class ClassMeasures:
    """One class against the rest.

    Attributes:
        name: Of the class.
        support: Examples of it.
        precision: Share of the answers "this class" that are right; Wilson's interval.
        recall: Share of its examples that are recognized; Wilson's interval.
        f1: Their harmonic mean; bootstrap.
        roc_auc: Area under its ROC curve; bootstrap.
        average_precision: Area under its precision-recall curve, as a sum of steps; bootstrap.
    """

    name: str
    support: int
    precision: Estimate
    recall: Estimate
    f1: Estimate
    roc_auc: Estimate
    average_precision: Estimate


@dataclass(frozen=True)
class Measures:
    """All figures of one table.

    Attributes:
        count: Examples.
        overall: By the names of NAMES.
        classes: In their order.
        trivial: The most frequent class, and the accuracy of always answering it.
    """

    count: int
    overall: dict[str, Estimate]
    classes: tuple[ClassMeasures, ...]
    trivial: tuple[str, float]


def wilson(successes: int, trials: int) -> Estimate:
    """Returns a proportion with Wilson's interval; NaN of no trials."""
    from scipy.stats import binomtest  # slow to import

    if not trials:
        return Estimate(math.nan)
    interval = binomtest(int(successes), int(trials)).proportion_ci(_LEVEL, method="wilson")
    return Estimate(successes / trials, float(interval.low), float(interval.high))


def measure(predictions: Predictions) -> Measures:
    """Returns all figures of a table of predictions.

    A class without examples in the table has no recall and no areas, and is left out of the means,
    as scikit-learn's own scores of such a table would not be defined.
    """
    from sklearn.metrics import precision_recall_fscore_support

    labels, predicted = predictions.labels, predictions.predicted
    count = len(predictions.classes)
    every = np.arange(count)
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, predicted, labels=every, zero_division=0.0
    )
    present = support > 0
    brier = _brier(predictions)
    areas = _areas(predictions, present)
    means: dict[str, float] = {
        "log_loss": float(predictions.losses.mean(dtype=np.float64)),
        "brier": float(brier.mean()),
        "ece": calibration_error(predictions),
    }
    per_class = {"precision": precision, "recall": recall, "f1": f1, **areas.by_class}
    for name, values in per_class.items():
        means[f"macro_{name}"] = float(values[present].mean())
        means[f"weighted_{name}"] = float(np.average(values[present], weights=support[present]))
    means |= {f"micro_{name}": value for name, value in areas.micro.items()}
    drawn = _resample(predictions, brier, present)
    overall = {
        name: Estimate(value, *percentile_interval(drawn.get(name)))
        for name, value in means.items()
    }
    overall["accuracy"] = wilson(int(predictions.correct.sum()), predictions.size)
    if count > 5:
        among = (predictions.top[:, :5] == labels[:, None]).any(axis=1)
        overall["top5_accuracy"] = wilson(int(among.sum()), predictions.size)
    answers = np.bincount(predicted, minlength=count)
    right = np.diag(predictions.confusion)

    def bootstrapped(name: str, value: float, index: int) -> Estimate:
        column = drawn.get(f"class_{name}")
        return Estimate(value, *percentile_interval(None if column is None else column[:, index]))

    classes = tuple(
        ClassMeasures(
            name,
            int(support[i]),
            wilson(right[i], answers[i]) if answers[i] else Estimate(0.0 if present[i] else np.nan),
            wilson(right[i], support[i]),
            bootstrapped("f1", float(f1[i]) if present[i] else math.nan, i),
            bootstrapped("roc_auc", float(areas.by_class["roc_auc"][i]), i),
            bootstrapped("average_precision", float(areas.by_class["average_precision"][i]), i),
        )
        for i, name in enumerate(predictions.classes)
    )
    most = int(support.argmax())
    trivial = (predictions.classes[most], float(support[most] / support.sum()))
    return Measures(
        predictions.size,
        {name: overall[name] for name in NAMES if name in overall},
        classes,
        trivial,
    )


def percentile_interval(values: np.ndarray | None) -> tuple[float, float]:
    """Percentiles of resampled values; NaN where there are too few of them."""
    found = np.array([]) if values is None else values[np.isfinite(values)]
    if len(found) < _FEWEST:
        return math.nan, math.nan
    low, high = np.percentile(found, _PERCENTILES)
    return float(low), float(high)


def _brier(predictions: Predictions) -> np.ndarray:
    """Returns the squared distance of each answer from the truth, from 0 to 2 (Brier 1950)."""
    scores = predictions.by_class
    squares = np.einsum("nc,nc->n", scores, scores, dtype=np.float64)
    result: np.ndarray = squares - 2 * predictions.true_probability + 1
    return result.clip(0)


@dataclass(frozen=True)
class _Areas:
    by_class: dict[str, np.ndarray]
    micro: dict[str, float]


def _areas(predictions: Predictions, present: np.ndarray) -> _Areas:
    """Returns the areas of each class against the rest; NaN of a class without examples."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    count = len(predictions.classes)
    scores = predictions.by_class
    found = {"roc_auc": np.full(count, np.nan), "average_precision": np.full(count, np.nan)}
    for label in np.flatnonzero(present):
        truth = predictions.labels == label
        if not truth.all():
            found["roc_auc"][label] = roc_auc_score(truth, scores[:, label])
        found["average_precision"][label] = average_precision_score(truth, scores[:, label])
    truth = np.zeros(scores.shape, bool)
    truth[np.arange(predictions.size), predictions.labels] = True
    if scores.size > _TOO_MANY:
        return _Areas(found, {})
    flat, values = truth.ravel(), scores.ravel()
    micro = {
        "roc_auc": float(roc_auc_score(flat, values)),
        "average_precision": float(average_precision_score(flat, values)),
    }
    return _Areas(found, micro)


def area_resamples(cells: int) -> int:
    """Returns how many resamples the areas of so many probabilities are taken in."""
    if cells > _TOO_MANY:
        return 0
    return max(_FEWEST, RESAMPLES // max(1, math.ceil(cells / _MANY)))


def draws(size: int, resamples: int) -> Iterator[np.ndarray]:
    """Yields how often each example is in each resample, float32 (some, N), always the same."""
    random = np.random.default_rng(_SEED)
    at_once = max(1, _AT_ONCE // size)
    for start in range(0, resamples, at_once):
        rows = min(at_once, resamples - start)
        chosen = random.integers(size, size=(rows, size))
        chosen += np.arange(rows)[:, None] * size
        yield np.bincount(chosen.ravel(), minlength=rows * size).reshape(rows, size).astype("f4")


def _resample(
    predictions: Predictions, brier: np.ndarray, present: np.ndarray
) -> dict[str, np.ndarray]:
    """Returns the bootstrap's values of figures (resamples,), and of classes' (resamples, C)."""
    from scipy import sparse

    size, count = predictions.size, len(predictions.classes)
    rows = np.arange(size)

    def table(columns: np.ndarray, kept: np.ndarray, width: int) -> Any:
        return sparse.csr_matrix(
            (np.ones(kept.sum(), "f4"), (rows[kept], columns[kept])), shape=(size, width)
        )

    all_ = np.ones(size, bool)
    right = table(predictions.labels, predictions.correct, count)
    true = table(predictions.labels, all_, count)
    said = table(predictions.predicted, all_, count)
    binned = table(bins_of(predictions.confidence), all_, BINS)
    hits = sparse.diags(predictions.correct.astype("f4")) @ binned
    sure = sparse.diags(predictions.confidence.astype("f4")) @ binned
    values = np.stack([predictions.losses, brier], axis=1).astype("f4")
    areas = area_resamples(size * count)
    found: dict[str, list[np.ndarray]] = {}

    def keep(name: str, drawn: np.ndarray) -> None:
        found.setdefault(name, []).append(drawn)

    done = 0
    for drawn in draws(size, RESAMPLES):
        means = drawn @ values / size
        keep("log_loss", means[:, 0])
        keep("brier", means[:, 1])
        # sum over bins of n/N * |accuracy - confidence| is that of |hits - confidences| / N
        keep("ece", np.abs(drawn @ hits - drawn @ sure).sum(axis=1) / size)
        tp, support, answers = drawn @ right, drawn @ true, drawn @ said
        with np.errstate(invalid="ignore", divide="ignore"):
            recall = np.where(support > 0, tp / support, np.nan)
            precision = np.where(answers > 0, tp / answers, 0.0)
            f1 = 2 * tp / (support + answers)
        _keep_means(keep, {"precision": precision, "recall": recall, "f1": f1}, support)
        keep("class_f1", f1)
        part = drawn[: max(0, areas - done)]
        done += len(drawn)
        if len(part):
            scores = predictions.by_class
            of = {name: np.full((len(part), count), np.nan, "f4") for name in _AREAS}
            for label in np.flatnonzero(present):
                truth = predictions.labels == label
                of["roc_auc"][:, label], of["average_precision"][:, label] = resampled_areas(
                    scores[:, label], truth, part
                )
            for name, drawn_areas in of.items():
                keep(f"class_{name}", drawn_areas)
            _keep_means(keep, of, support[: len(part)])
            if done - len(drawn) < _FEWEST:  # they are the dearest
                truths = predictions.labels[:, None] == np.arange(count)
                together = zip(_AREAS, resampled_areas(scores, truths, part), strict=True)
                for name, drawn_areas in together:
                    keep(f"micro_{name}", drawn_areas)
    return {name: np.concatenate(parts) for name, parts in found.items()}


def _keep_means(
    keep: Callable[[str, np.ndarray], None], by_class: dict[str, np.ndarray], support: np.ndarray
) -> None:
    """Keeps the macro and weighted means of resampled figures of classes."""
    counted = np.where(support > 0, support, 0)
    for name, values in by_class.items():
        known = np.isfinite(values) & (support > 0)
        filled = np.where(known, values, 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            keep(f"macro_{name}", filled.sum(axis=1) / known.sum(axis=1))
            weights = np.where(known, counted, 0)
            keep(f"weighted_{name}", (filled * weights).sum(axis=1) / weights.sum(axis=1))


def resampled_areas(
    scores: np.ndarray, truth: np.ndarray, drawn: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns area under ROC and average precision in each resample.

    scikit-learn's scores take the weights of one resample at a time and sort anew for each; here
    it is sorted once. Tests hold both to each other.

    Args:
        scores: (N,), or (N, C) for all answers together.
        truth: Whether each score is that of a true class; of the same shape.
        drawn: How often each example is in each resample, (resamples, N).
    """
    width = scores.size // len(scores)
    order = np.argsort(-scores.ravel(), kind="stable")
    ranked = scores.ravel()[order]
    ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # of equal scores
    weights = drawn[:, order // width]
    tp = np.cumsum(weights * truth.ravel()[order], axis=1)[:, ends]
    every = np.cumsum(weights, axis=1)[:, ends]
    gained = np.diff(tp, axis=1, prepend=0)
    fp = every - tp
    with np.errstate(invalid="ignore", divide="ignore"):
        average = (gained * np.where(every > 0, tp / every, 0)).sum(axis=1) / tp[:, -1]
        # Trapezoids between thresholds: where scores are equal, half of the pairs count.
        passed = np.diff(fp, axis=1, prepend=0) * (tp - gained / 2)
        pairs = tp[:, -1].astype("f8") * fp[:, -1]
        return passed.sum(axis=1, dtype="f8") / pairs, average


def shown(name: str, estimate: Estimate) -> tuple[str, str]:
    """Returns a figure of that name and its interval as they are shown; see `estimate_text`."""
    return estimate_text(estimate, NAMES[name][1] if name in NAMES else name not in _AREAS)


def estimate_text(estimate: Estimate, share: bool) -> tuple[str, str]:
    """Returns a figure and its interval as they are shown; empty where there is none.

    Args:
        estimate: The figure.
        share: Whether it is shown in percent.
    """
    if not math.isfinite(estimate.value):
        return "", ""
    form = "{:.2%}" if share else "{:.4f}"
    value = form.format(estimate.value)
    if not math.isfinite(estimate.low):
        return value, ""
    return value, f"{form.format(estimate.low)} to {form.format(estimate.high)}"


def rows_of(measures: Measures) -> list[dict[str, str | float]]:
    """Returns a row for each figure: class (empty for all together), figure, value, low, high."""
    found = [("", name, estimate) for name, estimate in measures.overall.items()]
    for of in measures.classes:
        found.append((of.name, "support", Estimate(of.support)))
        found += [(of.name, name, getattr(of, name)) for name in CLASS_FIGURES]
    return [
        {"class": of, "figure": name, "value": e.value, "low": e.low, "high": e.high}
        for of, name, e in found
    ]
