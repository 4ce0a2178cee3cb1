"""ROC, precision and recall, and coverage: the curves that are drawn, read back."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from kerascnn.evaluation.coverage import coverage
from kerascnn.visualization.thresholds import draw_coverage, draw_precision_recall, draw_roc
from tests.evaluation.tables import said


def _table(classes: int):
    random = np.random.default_rng(0)
    labels = random.integers(0, classes, 300)
    logits = random.normal(size=(300, classes))
    logits[np.arange(300), labels] += 2
    return said(logits, labels, tuple(f"class {number}" for number in range(classes)))


@pytest.mark.parametrize(
    ("draw", "area"),
    [(draw_roc, roc_auc_score), (draw_precision_recall, average_precision_score)],
)
def test_each_class_has_a_curve_that_is_named_with_its_area(draw, area) -> None:
    table = _table(3)
    (axes,) = draw(table, "a title").axes
    names = [text.get_text().strip() for text in axes.get_legend().get_texts()]
    areas = [area(table.labels == c, table.by_class[:, c]) for c in range(3)]
    assert names[:3] == [f"class {c}  {areas[c]:.4f}" for c in range(3)]
    assert names[3] == f"mean of all  {np.mean(areas):.4f}"


@pytest.mark.parametrize("draw", [draw_roc, draw_precision_recall])
def test_of_many_classes_the_legend_names_the_mean(draw) -> None:
    (axes,) = draw(_table(40), "").axes
    assert len(axes.get_legend().get_texts()) <= 3
    assert len(axes.lines) >= 41


def test_coverage_shows_accuracy_and_threshold() -> None:
    table = said(np.log([[0.8, 0.2], [0.9, 0.1]]), np.array([1, 0]), ("a", "b"))
    (axes,) = draw_coverage(coverage(table), "").axes
    accuracy, threshold = axes.lines
    assert np.asarray(accuracy.get_xydata()).tolist() == [[0.5, 1.0], [1.0, 0.5]]
    assert threshold.get_ydata() == pytest.approx([0.9, 0.8])
