"""Metrics as they are written in lines, tables and pictures."""

from __future__ import annotations

from collections.abc import Iterable

# What is followed from epoch to epoch beside the loss: of one label an image, of several.
FOLLOWED = ("accuracy", "mean_average_precision")


def followed(names: Iterable[str]) -> str:
    """Returns which of FOLLOWED is among the names of some metrics; accuracy where neither is."""
    there = set(names)
    return next((name for name in FOLLOWED if name in there), FOLLOWED[0])


def is_accuracy(name: str) -> bool:
    """Whether a metric is a share of examples, from 0 to 1, and not a loss or a count."""
    return "accuracy" in name


def format_metric(name: str, value: float) -> str:
    """Returns a value as it is shown: 99.25%, 61706, 0.03142.

    Args:
        name: The name of the metric.
        value: The value of the metric.
    """
    if is_accuracy(name):
        return f"{value:.2%}"
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.4g}"


def short_number(text: str, digits: int) -> str:
    """Returns a number's text with so many digits at the most; other texts as they are."""
    try:
        value = float(text)
    except ValueError:
        return text
    return text if len(text) <= digits + 1 else f"{value:.{digits}g}"
