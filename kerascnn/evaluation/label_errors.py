"""Labels that are likely wrong, by confident learning (Northcutt, Jiang and Chuang 2021).

A class is believed of an example where its probability is above the mean that the class has among
the examples labelled so. Where another class than the label is believed, the label is counted as
wrong; cleanlab estimates from these counts how many labels of each kind are, and takes the examples
of the largest margins.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerascnn.data.fix_list import Fix, name_in, write_fixes
from kerascnn.errors import UserError
from kerascnn.evaluation.predictions import Predictions


@dataclass(frozen=True)
class LabelError:
    """An example whose label is likely wrong.

    Attributes:
        split: That it is in.
        example: What it is called, as in `Predictions.examples`.
        label: Its class, as the data has it.
        suggested: The class that the model gives it.
        probability: Of the class suggested.
        score: The probability of the label: the lower, the likelier it is wrong.
    """

    split: str
    example: str
    label: str
    suggested: str
    probability: float
    score: float


def label_errors(tables: Sequence[Predictions]) -> list[LabelError]:
    """Finds labels that are likely wrong, the worst first.

    Args:
        tables: What a model said of images that it was not trained on: of the validation and the
            test split, or of the parts of a cross-validation, together. A few hundred images a
            class make a good estimate.

    Raises:
        UserError: If there are none, one is of the training images, or they are of different
            classes.
    """
    from cleanlab.filter import find_label_issues

    if not tables or not sum(table.size for table in tables):
        raise UserError("label errors: there are no predictions to find them in")
    classes = tables[0].classes
    for table in tables:
        if table.split == "train":
            raise UserError(
                "label errors: got the train split, must be images that the model was not trained "
                "on (validation, test): it has learnt the labels of the others, wrong ones too"
            )
        if table.classes != classes:
            raise UserError("label errors: got predictions of different classes")
    labels = np.concatenate([table.labels for table in tables])
    if len(set(labels.tolist())) < 2:
        return []
    probabilities = np.concatenate([table.by_class for table in tables]).astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes without examples here
        rows = find_label_issues(
            labels, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1
        )
    splits = np.repeat([table.split for table in tables], [table.size for table in tables])
    examples = np.concatenate([table.examples for table in tables])
    suggested = probabilities.argmax(axis=1)
    return [
        LabelError(
            split=str(splits[row]),
            example=str(examples[row]),
            label=classes[labels[row]],
            suggested=classes[suggested[row]],
            probability=float(probabilities[row, suggested[row]]),
            score=float(probabilities[row, labels[row]]),
        )
        for row in rows
    ]


def write_fix_list(
    errors: Iterable[LabelError], path: Path, *, relabel: bool = False, test: str | None = None
) -> int:
    """Writes the examples as `data.fix_list` reads them; returns how many.

    Args:
        errors: From `label_errors`; better still, those of them that somebody has looked at.
        path: The path of the file to be.
        relabel: Give each the class suggested, instead of leaving it out.
        test: The recipe's `data.test`, where the test images are of another set.

    Raises:
        UserError: If the file cannot be written.
    """
    return write_fixes(
        (
            Fix(
                name_in(test, error.example) if test and error.split == "test" else error.example,
                f"likely {error.suggested} ({error.probability:.1%}), not {error.label}",
                error.suggested if relabel else None,
            )
            for error in errors
        ),
        path,
    )
