"""Folds in the store: runs of their own kind, below the run that they belong to."""

from __future__ import annotations

from pathlib import Path

from kerascnn import tracking
from kerascnn.recipe import load_recipe
from kerascnn.tracking.removal import delete, deleted_runs

RECIPE = load_recipe({"model": {"name": "mlp"}, "data": {"name": "digits"}})


def test_folds_are_found_by_their_run_alone_and_go_with_it(workplace: Path) -> None:
    with tracking.start_run(RECIPE, "whole", {}, {}) as whole:
        for number in (2, 1):
            tags = tracking.fold_tags(whole.id, number)
            with tracking.start_run(RECIPE, f"whole-fold-{number}", tags, {}):
                pass
    with tracking.start_run(RECIPE, "other", {}, {}) as other:
        pass
    found = tracking.folds_of(whole.id)
    assert {number: run.name for number, run in found.items()} == {
        1: "whole-fold-1",
        2: "whole-fold-2",
    }
    assert tracking.read_run(found[1].id) == found[1]
    assert tracking.folds_of(other.id) == {}
    assert {run.name for run in tracking.list_runs()} == {"whole", "other"}
    delete([tracking.load_run("whole")])
    assert {run.name for run in deleted_runs()} == {"whole", "whole-fold-1", "whole-fold-2"}
    assert tracking.folds_of(whole.id) == {}
