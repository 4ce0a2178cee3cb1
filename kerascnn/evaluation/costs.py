"""What wrong answers cost (Elkan 2001, "The foundations of cost-sensitive learning")."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from kerascnn.evaluation.predictions import Predictions


def cost_matrix(costs: Mapping[str, Mapping[str, float]], classes: Sequence[str]) -> np.ndarray:
    """Returns what each answer costs, float64 (classes, classes), true class by row.

    Args:
        costs: {true class: {answer: cost}}, as `training.costs`; an error costs 1 unless given.
        classes: Names, those that the costs name among them.
    """
    matrix: np.ndarray = 1 - np.eye(len(classes))
    number = {name: index for index, name in enumerate(classes)}
    for true, answers in costs.items():
        for said, cost in answers.items():
            matrix[number[true], number[said]] = cost
    return matrix


def cheapest(predictions: Predictions, costs: np.ndarray) -> np.ndarray:
    """Returns the answer of least expected cost to each example, int (N,).

    Elkan 2001, equation 1: the k for which the sum of P(j) C(j, k) is least.

    Args:
        predictions: Their probabilities should be calibrated.
        costs: From `cost_matrix`.
    """
    answers: np.ndarray = (predictions.by_class @ costs).argmin(axis=1)
    return answers


def mean_cost(
    predictions: Predictions, costs: np.ndarray, answers: np.ndarray | None = None
) -> float:
    """Returns what answers cost on average.

    Args:
        predictions: Of a split.
        costs: From `cost_matrix`.
        answers: Numbers of classes (N,); the most probable ones if None.
    """
    said = predictions.predicted if answers is None else answers
    return float(costs[predictions.labels, said].mean())


def describe_costs(predictions: Predictions, costs: Mapping[str, Mapping[str, float]]) -> str:
    """Returns on one line what the answers cost, and what those of least expected cost would.

    Args:
        predictions: Of a split.
        costs: As `training.costs`.
    """
    matrix = cost_matrix(costs, predictions.classes)
    decided = mean_cost(predictions, matrix, cheapest(predictions, matrix))
    return (
        f"mean cost {mean_cost(predictions, matrix):.4f}; {decided:.4f} if the answer were the one "
        "of least expected cost"
    )
