"""A stored sweep as pictures."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerascnn.errors import UserError
from kerascnn.tuning.pictures import draw_sweep
from kerascnn.tuning.results import SweepResults, load_results


@pytest.fixture
def results(wide: Path) -> SweepResults:
    return load_results("wide")


def test_four_pictures_in_a_folder_that_is_made(results, tmp_path: Path) -> None:
    paths = draw_sweep(results, tmp_path / "pictures")
    assert [path.stem for path in paths] == ["objective", "parallel", "hyperparameters", "costs"]
    for path in paths:
        with Image.open(path) as image:
            assert min(image.size) > 400
            assert len(np.unique(np.asarray(image.convert("L")))) > 50
    with pytest.raises(UserError, match="cannot write pictures"):
        draw_sweep(results, paths[0])


def test_a_single_trial_is_enough(results, tmp_path: Path) -> None:
    (tmp_path / "costs.png").write_text("an older one")
    (tmp_path / "mine.txt").write_text("stays")
    alone = dataclasses.replace(results, trials=[results.best])
    assert len(draw_sweep(alone, tmp_path)) == 4
    assert (tmp_path / "costs.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "mine.txt").read_text() == "stays"


def test_without_a_finished_trial_there_is_nothing_to_draw(results, tmp_path: Path) -> None:
    running = dataclasses.replace(results, trials=[results.trials[-1]])
    with pytest.raises(UserError, match="has no finished trial yet"):
        draw_sweep(running, tmp_path / "pictures")
    assert not (tmp_path / "pictures").exists()
