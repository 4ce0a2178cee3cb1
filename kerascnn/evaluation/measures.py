"""Every figure of a table of predictions, with what chance leaves open: 95% intervals.

Proportions have Wilson's interval (Wilson 1927); everything else the percentiles of a seeded
bootstrap over examples (Efron and Tibshirani 1993, chapter 13).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

from kerascnn.evaluation.areas import Ranking, areas
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
_SHARES = ((1 - _LEVEL) / 2, (1 + _LEVEL) / 2)
_Z = NormalDist().inv_cdf(_SHARES[1])

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
    if not trials:
        return Estimate(math.nan)
    share, spread = successes / trials, _Z**2 / trials
    middle = (share + spread / 2) / (1 + spread)
    half = math.sqrt(spread * (share * (1 - share) + spread / 4)) / (1 + spread)
    return Estimate(
        share,
        max(0.0, middle - half) if successes else 0.0,
        min(1.0, middle + half) if successes < trials else 1.0,
    )


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
    found = _areas(predictions, present)
    means: dict[str, float] = {
        "log_loss": float(predictions.losses.mean(dtype=np.float64)),
        "brier": float(brier.mean()),
        "ece": calibration_error(predictions),
    }
    per_class = {"precision": precision, "recall": recall, "f1": f1, **found.by_class}
    for name, values in per_class.items():
        means[f"macro_{name}"] = float(values[present].mean())
        means[f"weighted_{name}"] = float(np.average(values[present], weights=support[present]))
    means |= {f"micro_{name}": value for name, value in found.micro.items()}
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
    right = np.bincount(labels[predictions.correct], minlength=count)
    values = {"f1": np.where(present, f1, math.nan), **found.by_class}
    bounds = {
        name: percentile_intervals(drawn.get(f"class_{name}", np.empty((0, count))))
        for name in values
    }

    def bootstrapped(name: str, label: int) -> Estimate:
        return Estimate(float(values[name][label]), *bounds[name][label].tolist())

    classes = tuple(
        ClassMeasures(
            name,
            int(support[i]),
            wilson(right[i], answers[i]) if answers[i] else Estimate(0.0 if present[i] else np.nan),
            wilson(right[i], support[i]),
            bootstrapped("f1", i),
            bootstrapped("roc_auc", i),
            bootstrapped("average_precision", i),
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
    if values is None:
        return math.nan, math.nan
    low, high = percentile_intervals(values[:, None])[0].tolist()
    return low, high


def percentile_intervals(values: np.ndarray) -> np.ndarray:
    """Returns the percentiles of each column of resampled values (resamples, C), (C, 2).

    NaN, of which there may be some in a column, is left out.
    """
    known = np.isfinite(values).sum(axis=0)
    columns = np.flatnonzero(known >= _FEWEST)
    bounds = np.full((values.shape[1], 2), math.nan)
    ordered = np.sort(values, axis=0)  # NaN last
    for side, share in enumerate(_SHARES):
        place = (known[columns] - 1) * share
        below = place.astype(int)
        low, high = ordered[below, columns], ordered[below + 1, columns]
        bounds[columns, side] = low + (high - low) * (place - below)
    return bounds


def _brier(predictions: Predictions) -> np.ndarray:
    """Returns the squared distance of each answer from the truth, from 0 to 2 (Brier 1950)."""
    kept, hidden, true = (
        predictions.probabilities, predictions.true_is_hidden, predictions.true_probability
    )  # fmt: skip
    others = len(predictions.classes) - kept.shape[1] - hidden
    squares = np.einsum("nc,nc->n", kept, kept, dtype=np.float64)
    squares += others * predictions.share.astype(np.float64) ** 2 + hidden * true**2
    result: np.ndarray = squares - 2 * true + 1
    return result.clip(0)


@dataclass(frozen=True)
class _Areas:
    by_class: dict[str, np.ndarray]
    micro: dict[str, float]


def _areas(predictions: Predictions, present: np.ndarray) -> _Areas:
    """Returns the areas of each class against the rest; NaN of a class without examples."""
    found = np.full((2, len(predictions.classes)), np.nan)
    whole = predictions.top.shape[1] == len(predictions.classes)
    each = _whole_columns(predictions) if whole else _known_columns(predictions)
    for label, (truth, scores, more, without) in enumerate(each):
        if present[label]:
            found[:, label] = areas(scores[truth], scores[~truth], more, without)
    by_class = dict(zip(_AREAS, found, strict=True))
    if predictions.size * len(predictions.classes) > _TOO_MANY:
        return _Areas(by_class, {})
    others = np.ones(predictions.by_class.shape, bool)
    others[np.arange(predictions.size), predictions.labels] = False
    together = areas(predictions.by_class[~others], predictions.by_class[others])
    return _Areas(by_class, dict(zip(_AREAS, together, strict=True)))


# Of one class: whether scores are of its examples, the scores, and more of them as `areas` has it.
_Column = tuple[np.ndarray, np.ndarray, np.ndarray | None, np.ndarray | None]


def _whole_columns(predictions: Predictions) -> Iterator[_Column]:
    for label, scores in enumerate(predictions.by_class.T):
        yield predictions.labels == label, scores, None, None


def _known_columns(predictions: Predictions) -> Iterator[_Column]:
    """Yields the scores that are known of each class; the others are `share`.

    So the time goes by the images, not by images times classes.
    """
    size, kept = predictions.top.shape
    hidden = np.flatnonzero(predictions.true_is_hidden)
    rows = np.append(np.repeat(np.arange(size), kept), hidden)
    labels = np.append(predictions.top.ravel(), predictions.labels[hidden])
    scores = np.append(
        predictions.probabilities.ravel(),
        predictions.true_probability[hidden].astype(np.float32),
    )
    order = np.argsort(labels, kind="stable")
    ends = np.cumsum(np.bincount(labels, minlength=len(predictions.classes)))
    more = np.sort(predictions.share)
    for label, part in enumerate(np.split(order, ends[:-1])):
        here = rows[part]
        yield predictions.labels[here] == label, scores[part], more, predictions.share[here]


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
    resamples = area_resamples(size * count)
    if resamples:
        scores, truths = predictions.by_class, predictions.labels[:, None] == np.arange(count)
        together = Ranking(scores, truths)
        rankings = {
            label: Ranking(scores[:, label], truths[:, label]) for label in np.flatnonzero(present)
        }
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
        part = drawn[: max(0, resamples - done)]
        done += len(drawn)
        if len(part):
            of = {name: np.full((len(part), count), np.nan, "f4") for name in _AREAS}
            for label, ranking in rankings.items():
                of["roc_auc"][:, label], of["average_precision"][:, label] = ranking.areas(part)
            for name, drawn_areas in of.items():
                keep(f"class_{name}", drawn_areas)
            _keep_means(keep, of, support[: len(part)])
            if done - len(drawn) < _FEWEST:  # they are the dearest
                for name, drawn_areas in zip(_AREAS, together.areas(part), strict=True):
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
