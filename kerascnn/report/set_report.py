"""One run whose images may have several labels, as a page."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerascnn.data.examples import read_images
from kerascnn.errors import UserError
from kerascnn.evaluation.measures import estimate_text
from kerascnn.evaluation.mistakes import set_mistakes
from kerascnn.evaluation.set_predictions import SetPredictions
from kerascnn.evaluation.set_scores import (
    LABEL_FIGURES,
    SET_NAMES,
    SetMeasures,
    measure_sets,
    shown,
)
from kerascnn.metrics import format_metric
from kerascnn.report.page import number, render
from kerascnn.report.pictures import kept_pictures
from kerascnn.report.run_report import (
    MOST_CLASSES,
    cost_tiles,
    curves_of,
    heading_of,
    network_of,
    recipe_of,
)
from kerascnn.report.thumbnails import data_uri
from kerascnn.text import shown as legible
from kerascnn.tracking import Run

_MOST_WRONG = 60
_OF_SPLITS = ("mean_average_precision", "macro_f1", "exact_match", "loss")


def set_report(run: Run) -> str:
    """Returns the page of a run, from what it keeps; the network is not run again.

    Raises:
        UserError: If the run has no predictions of its test images, or they have one label each.
    """
    predictions = run.set_predictions()
    measures = measure_sets(predictions)
    notes: list[str] = []
    layers, totals = network_of(run, notes)
    pictures, left_out = kept_pictures(run)
    examples = _examples(predictions, notes)
    precision = measures.overall["mean_average_precision"]
    drawn = len(measures.classes) <= MOST_CLASSES
    data = {
        "curves": [{"name": legible(run.name), "history": curves_of(run)}],
        "precisions": _intervals(measures) if drawn else [],
    }
    return render(
        "sets.html",
        f"{legible(run.name)}: report",
        data,
        heading=heading_of(run),
        precision=precision,
        interval=shown("mean_average_precision", precision)[1],
        chance=measures.chance,
        count=measures.count,
        tiles=_tiles(run, measures, totals),
        recipe=recipe_of(run),
        scores=[
            (SET_NAMES[name][0], *shown(name, estimate))
            for name, estimate in measures.overall.items()
        ],
        splits=[
            (split, [_text(run, f"{split}_{name}") for name in _OF_SPLITS])
            for split in ("train", "validation", "test")
        ],
        drawn=drawn,
        classes=_class_rows(measures),
        wrong=int((~predictions.exact).sum()),
        examples=examples,
        pictures=pictures,
        layers=layers,
        totals=totals,
        notes=[*notes, *left_out],
    )


def _text(run: Run, name: str) -> str:
    value = run.metrics.get(name)
    return "" if value is None else format_metric(name, value)


def _tiles(
    run: Run, measures: SetMeasures, totals: dict[str, Any] | None
) -> list[tuple[str, str, str]]:
    """Returns the figures at the top: what, how much, and a word on it."""
    tiles = [
        (SET_NAMES[name][0], *shown(name, measures.overall[name]))
        for name in ("macro_f1", "exact_match")
    ]
    return tiles + cost_tiles(run, totals)


def _intervals(measures: SetMeasures) -> list[list[Any]]:
    """Returns name and average precision with its interval of each label, worst first."""
    found = []
    for of in measures.classes:
        if of.support:
            figure = of.average_precision
            found.append([legible(of.name), *map(number, (figure.value, figure.low, figure.high))])
    return sorted(found, key=lambda row: row[1])


def _class_rows(measures: SetMeasures) -> list[dict[str, Any]]:
    return [
        {
            "name": legible(of.name),
            "support": of.support,
            "threshold": round(of.threshold, 6),
            "figures": [
                {
                    "value": number(getattr(of, name).value, 6),
                    "text": estimate_text(getattr(of, name), name != "average_precision"),
                }
                for name in LABEL_FIGURES
            ],
        }
        for of in measures.classes
    ]


def _examples(predictions: SetPredictions, notes: list[str]) -> list[dict[str, Any]]:
    """Returns the images that are given other labels than they have, of highest loss first."""
    rows = set_mistakes(predictions)[:_MOST_WRONG]
    names = [str(predictions.examples[row]) for row in rows]
    images: list[np.ndarray | None] = [None] * len(rows)
    try:
        images = read_images(predictions.data, names)
    except UserError as error:
        notes.append(f"Without pictures: {error}.")

    def words(labels: np.ndarray) -> str:
        return legible(", ".join(predictions.names(labels))) or "none"

    return [
        {
            "name": legible(name),
            "true": words(predictions.labels[row]),
            "said": words(predictions.predicted[row]),
            "loss": f"{predictions.losses[row]:.3f}",
            "picture": None if image is None else data_uri(image),
        }
        for row, name, image in zip(rows, names, images, strict=True)
    ]
