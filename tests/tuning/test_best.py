"""The best trial's network is kept, and no other: with trials that leave a file instead of one."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kerascnn import tracking
from kerascnn.models.build import build_model
from kerascnn.recipe import load_recipe
from kerascnn.serving.archive import SavedModel, save_model
from kerascnn.serving.members import stored_about
from kerascnn.tuning.best import BestModel
from kerascnn.tuning.plan import Plan
from kerascnn.tuning.space import SpaceSpec
from kerascnn.tuning.spec import SweepSpec
from kerascnn.tuning.trial import WantedModel

SPACE = SpaceSpec(ranges={"model.hidden": {"choice": [[4], [8]]}})

End = Callable[..., bool]


@functools.cache
def network() -> Any:
    return build_model("mlp", input_shape=(8, 8, 1), classes=2, hidden=[4])


def write_model(folder: Path, number: int) -> None:
    """Writes a model whose first class is the number of its trial."""
    saved = SavedModel(network(), (str(number), "other"), load_recipe("digits-quick"))
    save_model(saved, folder / "model.keras")


def number_in(path: Path) -> str:
    about = stored_about(path)
    assert about is not None
    first: str = about["classes"][0]
    return first


def plan_of(*, folds: int | None = None, objective: str = "validation_accuracy") -> Plan:
    recipe = load_recipe({"model": {"name": "mlp"}, "data": {"name": "digits", "folds": folds}})
    return Plan(recipe, SPACE, SweepSpec(max_epochs=3, objective=objective))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory for the sweeps of all tests."""
    return tmp_path_factory.mktemp("best")


@pytest.fixture
def swept(
    place: Path, work_in: Callable[[Path], Path], request: pytest.FixtureRequest
) -> tuple[tracking.ActiveSweep, BestModel, End]:
    """A sweep, and what ends trials of it; it returns whether the network was asked for."""
    plan = plan_of(**getattr(request, "param", {}))
    work_in(place)
    sweep = tracking.create_sweep(request.node.name, plan.recipe, plan.to_values(), {})
    best = BestModel(sweep, plan)

    def end(number: int, objective: float, *, full: bool = True, late: BestModel = best) -> bool:
        """Ends a trial of `best`, or of one that knew what it must reach before."""
        wanted = late.wanted(full=full) if isinstance(late, BestModel) else late
        run = sweep.start_trial(number, plan.recipe, {"kerascnn.full": str(full).lower()}, {})
        if wanted is not None and wanted.reached_by(objective):
            write_model(wanted.folder, number)
        run.log_metrics({"objective": objective})
        with best.kept(run, wanted, objective, number, full=full):
            sweep.end_trial(run)
        best.clear(wanted)
        assert wanted is None or not wanted.folder.exists()
        return wanted is not None and wanted.reached_by(objective)

    return sweep, best, end


def kept(sweep: tracking.ActiveSweep) -> list[int | None]:
    found = tracking.trials_of(tracking.load_sweep(sweep.id))
    having = [trial for trial in found if trial.has("model.keras")]
    tagged = [trial.id for trial in found if "kerascnn.keeps_model" in trial.tags]
    assert [trial.id for trial in having] == tagged
    return [tracking.trial_number(trial) for trial in having]


def test_the_best_so_far_is_kept(swept) -> None:
    sweep, _, end = swept
    wrote = [end(1, 0.5), end(2, 0.4), end(3, 0.6), end(4, 0.6), end(5, 0.1)]
    assert wrote == [True, False, True, True, False]  # one that is as good is looked at
    assert kept(sweep) == [3]
    best = tracking.load_run(sweep.name)
    assert best.name == f"{sweep.name}-3"
    assert number_in(best.artifact("model.keras")) == "3"
    assert tracking.load_run(f"{sweep.name}-1").name == f"{sweep.name}-1"


@pytest.mark.parametrize("swept", [{"objective": "validation_loss"}], indirect=True)
def test_the_least_is_the_best_where_it_is_searched_for(swept) -> None:
    sweep, _, end = swept
    assert [end(1, 0.5), end(2, 0.6), end(3, 0.4)] == [True, False, True]
    assert kept(sweep) == [3]


def test_one_in_full_goes_before_all_others(swept) -> None:
    sweep, _, end = swept
    assert [end(1, 0.5, full=False), end(2, 0.9, full=False)] == [True, True]
    assert kept(sweep) == [2]
    assert end(3, 0.2)
    assert kept(sweep) == [3]
    assert not end(4, 0.95, full=False)
    assert tracking.load_run(sweep.name).name == f"{sweep.name}-3"


def test_trials_that_run_at_once(swept) -> None:
    """Each had to reach what was best when it started."""
    sweep, best, end = swept
    early = [best.wanted(full=True) for _ in range(3)]
    assert end(1, 0.5, late=early[0])
    assert end(2, 0.3, late=early[1])  # its file is there, and is not kept
    assert kept(sweep) == [1]
    assert end(3, 0.7, late=early[2])
    assert kept(sweep) == [3]
    tie = best.wanted(full=True)
    end(0, 0.7, late=tie)  # the first of several goes first, whenever it ended
    assert kept(sweep) == [0]


def test_what_a_kill_left_is_settled_at_the_end(swept) -> None:
    sweep, best, end = swept
    end(1, 0.5)
    run = sweep.start_trial(2, plan_of().recipe, {}, {})
    folder = best.wanted(full=True).folder
    write_model(folder, 2)
    run.log_metrics({"objective": 0.6})
    sweep.keep_model(run, folder)
    sweep.end_trial(run)  # and killed
    assert kept(sweep) == [1, 2]
    sweep.settle_best(maximize=True)
    assert kept(sweep) == [2]
    assert tracking.load_run(sweep.name).name == f"{sweep.name}-2"


@pytest.mark.parametrize("swept", [{"folds": 3}], indirect=True)
def test_folds_leave_no_network(swept) -> None:
    sweep, best, end = swept
    assert best.wanted(full=True) is None
    end(1, 0.5)
    assert kept(sweep) == []
    sweep.settle_best(maximize=True)
    assert tracking.load_run(sweep.name).name == f"{sweep.name}-1"


def test_nothing_is_wanted_of_what_is_no_number(tmp_path: Path) -> None:
    wanted = WantedModel(tmp_path, "validation_loss", maximize=False, least=None)
    assert not wanted.reached_by(math.nan)
    assert wanted.reached_by(1e9)
