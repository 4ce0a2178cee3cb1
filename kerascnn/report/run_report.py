"""One run as a page: how good it is, where it fails, what it is made of."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from kerascnn.arithmetic.table import short
from kerascnn.errors import UserError
from kerascnn.evaluation.calibration import reliability
from kerascnn.evaluation.measures import NAMES, Estimate, Measures, estimate_text, measure
from kerascnn.evaluation.predictions import Predictions, file_of
from kerascnn.evaluation.slices import brightness_of, slices
from kerascnn.evaluation.tables import confused_pairs, most_confused
from kerascnn.metrics import FOLLOWED
from kerascnn.report.examples import chosen_examples
from kerascnn.report.network import first_filters, layer_rows, layers_of
from kerascnn.report.page import number, render
from kerascnn.report.pictures import kept_pictures
from kerascnn.report.recipe_table import RecipeTable, recipe_table, table_of_params
from kerascnn.text import shown
from kerascnn.tracking import Run

MOST_CLASSES = 40  # of a matrix that is drawn whole
_PAIRS = 12
# What a figure of a class is called, and whether it is a share.
_CLASS_FIGURES = {
    "precision": ("precision", True),
    "recall": ("recall", True),
    "f1": ("F1", True),
    "roc_auc": ("area under ROC", False),
    "average_precision": ("average precision", False),
}
_MEANS = ("macro_", "weighted_", "micro_")
_CURVES = tuple(name for figure in ("loss", *FOLLOWED) for name in (figure, f"val_{figure}"))


def run_report(run: Run) -> str:
    """Returns the page of a run, from what it keeps; the network is not run again.

    Raises:
        UserError: If the run has no predictions of its test images.
    """
    predictions = run.predictions()
    measures = measure(predictions)
    examples, reason = chosen_examples(predictions)
    notes = [f"Without pictures: {reason}."] if reason else []
    layers, totals = network_of(run, notes)
    filters, without_filters = None, False
    try:
        filters = first_filters(run)
    except UserError as error:
        without_filters = True
        notes.append(f"Without filters: {error}.")
    pictures, left_out = kept_pictures(run)
    notes += left_out
    names = [shown(name) for name in predictions.classes]
    accuracy = measures.overall["accuracy"]
    common, trivial = measures.trivial
    drawn = drawn_classes(predictions.confusion)
    data = {
        "curves": [{"name": shown(run.name), "history": curves_of(run)}],
        "classes": names,
        "matrix": {"drawn": drawn, "cells": _cells(predictions.confusion, drawn)},
        "support": predictions.confusion.sum(axis=1).tolist(),
        "reliability": [
            [part.low, part.high, part.count, number(part.confidence), number(part.accuracy)]
            for part in reliability(predictions)
        ],
        "recall": _intervals(measures, names) if len(names) <= MOST_CLASSES else [],
    }
    return render(
        "run.html",
        f"{shown(run.name)}: report",
        data,
        heading=heading_of(run),
        accuracy=accuracy,
        trivial={"class": shown(common), "share": trivial},
        doubtful=accuracy.low <= trivial,
        tiles=_tiles(run, measures, totals),
        recipe=recipe_of(run),
        scores=_score_rows(measures),
        means=_mean_rows(measures),
        calibration_error=estimate_text(measures.overall["ece"], True)[0],
        splits=_split_rows(run),
        count=measures.count,
        classes=_class_rows(measures, predictions, names),
        names=names,
        pairs=_pairs(predictions.confusion, names),
        examples=examples,
        wrong=int((~predictions.correct).sum()),
        drawn=len(drawn),
        layers=layers,
        totals=totals,
        filters=filters,
        without_filters=without_filters,
        pictures=pictures,
        slices=_slice_rows(run, predictions, notes),
        notes=notes,
    )


def heading_of(run: Run) -> dict[str, str]:
    """Returns what stands above the report of a run."""
    fields = ("name", "id", "status", "started", "model.name", "data.name", "train_seconds")
    return {field.replace(".", "_"): shown(run.text(field)) for field in fields}


def curves_of(run: Run) -> dict[str, list[float | None]]:
    """Returns what is followed from epoch to epoch, by name, as charts get it."""
    return {
        name: [number(value, 6) for value in run.history[name]]
        for name in _CURVES
        if name in run.history
    }


def drawn_classes(confusion: np.ndarray) -> list[int]:
    """Returns the classes whose matrix is drawn: all, or the MOST_CLASSES with most mistakes."""
    return [int(label) for label in most_confused(confusion, MOST_CLASSES)]


def _cells(confusion: np.ndarray, drawn: list[int]) -> list[list[int]]:
    """Returns true class, answer and count of every cell that is drawn and not empty."""
    part = confusion[np.ix_(drawn, drawn)]
    return [
        [drawn[row], drawn[column], int(part[row, column])]
        for row, column in zip(*np.nonzero(part), strict=True)
    ]


def _pairs(confusion: np.ndarray, names: list[str]) -> list[dict[str, Any]]:
    """Returns the most frequent mistakes."""
    pairs = confused_pairs(confusion)
    support = confusion.sum(axis=1)
    order = np.argsort(-confusion[tuple(pairs.T)], kind="stable")[:_PAIRS]
    return [
        {
            "true": row,
            "said": column,
            "names": (names[row], names[column]),
            "count": int(confusion[row, column]),
            "share": float(confusion[row, column] / support[row]),
        }
        for row, column in pairs[order].tolist()
    ]


def _intervals(measures: Measures, names: list[str]) -> list[list[Any]]:
    """Returns name and recall with its interval of each class that has examples, worst first."""
    found = [
        [name, *map(number, (one.recall.value, one.recall.low, one.recall.high))]
        for name, one in zip(names, measures.classes, strict=True)
        if one.support
    ]
    return sorted(found, key=lambda row: row[1])


def _slice_rows(
    run: Run, predictions: Predictions, notes: list[str]
) -> list[tuple[str, str, int, str, str]]:
    """Returns what it is divided by, name, count, accuracy and interval of each slice."""
    training = run.predictions("train") if run.has(file_of("train")) else None
    brightness = None
    try:
        brightness = brightness_of(predictions)
    except UserError as error:
        notes.append(f"Without slices by brightness: {error}.")
    return [
        (part.by, shown(part.name), part.count, *estimate_text(part.accuracy, share=True))
        for part in slices(predictions, training=training, brightness=brightness)
    ]


def _score_rows(measures: Measures) -> list[tuple[str, str, str]]:
    """Returns name, value and interval of each figure that is no mean over the classes."""
    return [
        (NAMES[name][0], *estimate_text(estimate, NAMES[name][1]))
        for name, estimate in measures.overall.items()
        if not name.startswith(_MEANS)
    ]


def _mean_rows(measures: Measures) -> list[tuple[str, list[tuple[str, str]]]]:
    """Returns each figure of a class with its means: of each kind in _MEANS, value and interval."""
    return [
        (
            words,
            [
                estimate_text(measures.overall[f"{mean}{name}"], share)
                if f"{mean}{name}" in measures.overall
                else ("", "")
                for mean in _MEANS
            ],
        )
        for name, (words, share) in _CLASS_FIGURES.items()
    ]


def _split_rows(run: Run) -> list[tuple[str, str, str, str]]:
    """Returns accuracy, interval and loss of each split that the run was tracked with."""
    rows = []
    for split in ("train", "validation", "test"):
        found = [run.metrics.get(f"{split}_accuracy{end}") for end in ("", "_low", "_high")]
        if found[0] is None:
            continue
        bounds = [math.nan if value is None else value for value in found[1:]]
        texts = estimate_text(Estimate(found[0], *bounds), True)
        loss = run.metrics.get(f"{split}_loss")
        rows.append((split, *texts, "" if loss is None else f"{loss:.4f}"))
    return rows


def _tiles(
    run: Run, measures: Measures, totals: dict[str, Any] | None
) -> list[tuple[str, str, str]]:
    """Returns the figures at the top: what, how much, and a word on it."""
    overall = measures.overall
    tiles = [
        (
            f"{name}",
            *estimate_text(overall[key], share),
        )
        for name, key, share in (
            ("log loss", "log_loss", False),
            ("calibration error", "ece", True),
        )
    ]
    return tiles + cost_tiles(run, totals)


def cost_tiles(run: Run, totals: dict[str, Any] | None) -> list[tuple[str, str, str]]:
    """Returns what the network and its training cost, as tiles: what, how much, a word on it."""
    tiles = []
    if totals is not None:
        macs = f"{short(totals['MACs'])} MACs per image"
        tiles.append(("parameters", short(totals["parameters"]), macs))
    seconds = run.metrics.get("train_seconds")
    if seconds is not None:
        epochs = len(run.history.get("loss", ()))
        note = f"{epochs} epochs" if epochs != 1 else "1 epoch"
        tiles.append(("training", duration(seconds), note))
    return tiles


def duration(seconds: float) -> str:
    """Returns a time as people say it: 4.2 s, 1.7 min, 3.1 h."""
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= 1.5 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"


def recipe_of(run: Run) -> RecipeTable:
    """Returns the recipe of a run, as its report shows it."""
    try:
        return recipe_table(run.recipe)
    except UserError:  # of a network of one's own that is not there any more
        return table_of_params(dict(run.params))


def network_of(
    run: Run, notes: list[str]
) -> tuple[list[dict[str, Any]] | None, dict[str, Any] | None]:
    """Returns the layers of a run's network and their totals; None, and a note, where it cannot."""
    try:
        table = layers_of(run)
    except UserError as error:
        notes.append(f"Without the table of layers: {error}.")
        return None, None
    return layer_rows(table), table["totals"]


def _class_rows(
    measures: Measures, predictions: Predictions, names: list[str]
) -> list[dict[str, Any]]:
    rows = []
    for index, one in enumerate(measures.classes):
        wrong = predictions.confusion[index].copy()
        wrong[index] = 0
        mistaken = int(wrong.argmax())
        figures = {
            name: {
                "value": number(getattr(one, name).value, 6),
                "text": estimate_text(getattr(one, name), share),
            }
            for name, (_, share) in _CLASS_FIGURES.items()
        }
        found = bool(wrong[mistaken])
        rows.append(
            {
                "index": index,
                "name": names[index],
                "support": one.support,
                "figures": figures,
                "mistaken": mistaken if found else None,
                "mistaken_name": names[mistaken] if found else "",
                "mistaken_count": int(wrong[mistaken]),
            }
        )
    return rows
