from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from kerascnn.visualization.sweep import (
    draw_costs,
    draw_history,
    draw_parallel,
    draw_slices,
)
from kerascnn.visualization.sweep_trials import Column, Trials
from kerascnn.visualization.writing import write_figure


def _trials(scores: list[float], name: str = "validation_accuracy", part: int = 0) -> Trials:
    count = len(scores)
    return Trials(
        numbers=np.arange(1, count + 1),
        scores=np.array(scores),
        full=np.arange(count) >= part,
        name=name,
        maximize=name.endswith("accuracy"),
        failed=[count + 1],
    )


@pytest.mark.parametrize(
    ("scores", "name", "part"),
    [
        ([0.5], "validation_accuracy", 0),
        ([0.5], "validation_loss", 1),
        ([0.9, 0.9, 0.9], "validation_accuracy", 1),
        ([1.0, 0.1, 0.99, 1.0], "validation_accuracy", 1),
        ([0.9912, 0.9915, 0.9921], "validation_accuracy", 0),
        ([2.3, 0.01, 0.5], "validation_loss", 3),
        ([0.0, 0.5, 1.0], "validation_loss", 0),
    ],
)
def test_every_picture_is_drawn_for_any_scores(scores, name, part, tmp_path):
    trials = _trials(scores, name, part)
    spread = np.arange(1.0, len(scores) + 1)
    columns = [
        Column("model.stages", spread),
        Column("optimizer.learning_rate", spread * 1e-3, log=True),
        Column("model.dropout", np.where(spread == 2, np.nan, spread / 10)),
        Column("augment.preset", spread % 2, labels=("none", "a name that is far too long for it")),
    ]
    figures = {"history": draw_history(trials)}
    figures["parallel"] = draw_parallel(trials, columns)
    figures["slices"] = draw_slices(trials, columns, {"model.stages": 0.75})
    figures["costs"] = draw_costs(trials, spread * 1e5, spread * 1e6)
    for picture, figure in figures.items():
        path = tmp_path / f"{picture}.png"
        write_figure(figure, path)
        with Image.open(path) as image:
            assert len(np.unique(np.asarray(image.convert("L")))) > 50
