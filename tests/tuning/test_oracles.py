"""The oracles, driven by hand: no network is trained."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest

from kerascnn.errors import UserError
from kerascnn.recipe import load_recipe
from kerascnn.tuning import oracles
from kerascnn.tuning.oracles import KeptOracle, make_oracle
from kerascnn.tuning.plan import Plan
from kerascnn.tuning.space import SpaceSpec
from kerascnn.tuning.spec import SweepSpec

TUNERS = ["random", "bayesian", "hyperband", "grid"]
SPACE = {
    "model.filters": {"int": [4, 8]},
    "model.stages": {"int": [1, 8]},  # 32 pixels take five
    "optimizer.name": {"choice": ["adam", "sgd"]},
    "optimizer.momentum": {"choice": [0.5, 0.9], "when": {"optimizer.name": "sgd"}},
}


@pytest.fixture
def plan() -> Callable[..., Plan]:
    def make(tuner: str, trials: int | None = 12, space: dict | None = None) -> Plan:
        recipe = load_recipe({"model": {"name": "convnet"}, "data": {"name": "digits"}})
        spec = SweepSpec(tuner=tuner, trials=trials, max_epochs=9, seed=3)
        return Plan(recipe, SpaceSpec(ranges=space or SPACE), spec)

    return make


def end(oracle: KeptOracle, trial, value: float | None = 0.5) -> None:
    if value is not None:
        oracle.update_trial(trial.trial_id, {"objective": value})
    trial.status = "COMPLETED" if value is not None else "FAILED"
    oracle.end_trial(trial)


def run(oracle: KeptOracle, most: int = 1000) -> list[dict]:
    """Runs trials to the end, or so many, and returns their values."""
    seen: list[dict] = []
    while len(seen) < most:
        trial = oracle.create_trial("worker0")
        if trial.status != "RUNNING":
            assert trial.status == "STOPPED"
            break
        seen.append(dict(trial.hyperparameters.values))
        end(oracle, trial, 0.5 + 0.01 * len(seen))
    return seen


@pytest.mark.ci
@pytest.mark.parametrize("tuner", TUNERS)
def test_budget_is_exact_through_kills(plan, tuner: str, tmp_path: Path) -> None:
    oracle = make_oracle(plan(tuner, 7), tmp_path)
    before = run(oracle, 3)
    interrupted = oracle.create_trial("worker0")  # a kill leaves it running
    also = oracle.create_trial("worker1")
    again = make_oracle(plan(tuner, 7), tmp_path)
    after = run(again)
    assert len(before) + len(after) == 7
    started = [dict(trial.hyperparameters.values) for trial in (interrupted, also)]
    assert all(values in after for values in started), "those that were running run again"
    assert run(make_oracle(plan(tuner, 7), tmp_path)) == []
    assert len(run(make_oracle(plan(tuner, 9), tmp_path))) == 2, "the budget may be raised"


@pytest.mark.parametrize("tuner", TUNERS)
def test_files_cut_off_while_written_do_no_harm(plan, tuner: str, tmp_path: Path) -> None:
    oracle = make_oracle(plan(tuner, 6), tmp_path)
    run(oracle, 2)
    oracle.create_trial("worker0")
    (tmp_path / "oracle.partial").write_text('{"ongoing')
    # A trial whose file was written, and then the process killed before the oracle's.
    state = json.loads((tmp_path / "trial_2" / "trial.json").read_text())
    orphan = tmp_path / "trial_3"
    orphan.mkdir()
    (orphan / "trial.json").write_text(json.dumps({**state, "trial_id": "3"}))
    assert len(run(make_oracle(plan(tuner, 6), tmp_path))) == 4


@pytest.mark.ci
@pytest.mark.parametrize("tuner", TUNERS)
def test_what_cannot_be_built_is_not_proposed(plan, tuner: str, tmp_path: Path) -> None:
    trials = 7 if tuner == "bayesian" else 20  # its Gaussian process takes its time
    oracle = make_oracle(plan(tuner, trials), tmp_path)
    seen = run(oracle)
    assert len(seen) == trials, "rejected ones do not count"
    assert all(values["model.stages"] <= 5 for values in seen)
    assert oracle.rejected > 0


def test_grid_has_every_combination_once(plan, tmp_path: Path) -> None:
    space = {key: value for key, value in SPACE.items() if key != "model.filters"}
    seen = run(make_oracle(plan("grid", None, space), tmp_path))
    assert len(seen) == 5 * (1 + 2)  # momentum only with sgd
    assert len({json.dumps(values, sort_keys=True) for values in seen}) == 15


def test_small_space_is_searched_to_its_end(plan, tmp_path: Path) -> None:
    space = {"model.stages": {"int": [1, 4]}, "model.batch_norm": {"choice": [True, False]}}
    for tuner in ("random", "bayesian"):
        assert len(run(make_oracle(plan(tuner, 50, space), tmp_path / tuner))) == 8


def test_process_is_fitted_to_the_best_and_to_others_throughout(plan, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(oracles, "_FITTED", 6)
    oracle = make_oracle(plan("bayesian", 100), tmp_path)
    run(oracle, 12)
    assert isinstance(oracle, oracles.BayesianOracle)
    inputs, scores = oracle._vectorize_trials()
    # They rise by 0.01: the last three are the best. The objective is turned round.
    assert scores == pytest.approx([-0.51, -0.55, -0.59, -0.6, -0.61, -0.62], abs=1e-9)
    assert inputs.shape == (6, 4)


def test_the_process_finds_what_is_best_with_few_questions(plan, tmp_path: Path) -> None:
    space = {
        "optimizer.learning_rate": {"float": [1e-4, 1.0], "log": True},
        "training.label_smoothing": {"float": [0.0, 0.4]},
    }
    oracle = make_oracle(plan("bayesian", 100, space), tmp_path)
    assert isinstance(oracle, oracles.BayesianOracle)
    asked = []
    predict = oracle.gpr.predict

    def watched(points, **named):
        asked.append(points)
        return predict(points, **named)

    oracle.gpr.predict = watched
    found = []
    for number in range(35):  # the first 25 are drawn
        trial = oracle.create_trial("worker0")
        values = trial.hyperparameters.values
        off = math.log10(values["optimizer.learning_rate"]) + 2.5
        value = 1 - off**2 - (values["training.label_smoothing"] - 0.1) ** 2
        found.append((value, off, values["training.label_smoothing"]))
        end(oracle, trial, value)
        assert (len(asked) == 0) == (number < 25)
    assert len(asked) < 10 * 300
    best, off, smoothing = max(found[25:])
    assert best > max(found[:25])[0]
    assert abs(off) < 0.1
    assert abs(smoothing - 0.1) < 0.05


def test_hyperband_trains_the_best_anew_in_full(plan, tmp_path: Path) -> None:
    sweep = plan("hyperband", 40)
    seen = run(make_oracle(sweep, tmp_path))
    brief = [values for values in seen if not sweep.is_full(values)]
    full = [values for values in seen if sweep.is_full(values)]
    assert brief
    assert full
    recipes = sweep.trial(brief[0]), sweep.trial(full[0])
    assert [recipe.training.epochs for recipe in recipes] == [1, 9]
    assert [recipe.data.train_fraction for recipe in recipes] == [pytest.approx(1 / 3), 1]
    promoted = next(values for values in full if "tuner/trial_id" in values)
    searched = {key: value for key, value in promoted.items() if key in SPACE}
    assert any(searched.items() <= values.items() for values in brief)


def test_failed_trials_count_and_are_passed_over(plan, tmp_path: Path) -> None:
    oracle = make_oracle(plan("hyperband", 12), tmp_path)
    for _ in range(12):
        trial = oracle.create_trial("worker0")
        assert trial.status == "RUNNING"
        end(oracle, trial, None)
    assert oracle.create_trial("worker0").status == "STOPPED"
    assert oracle.spent


def test_last_trial_may_be_handed_back(plan, tmp_path: Path) -> None:
    oracle = make_oracle(plan("random", 1), tmp_path)
    trial = oracle.create_trial("first")
    assert oracle.create_trial("second").status == "IDLE", "it may yet have to run it"
    oracle.hand_back("first")
    assert list(oracle.waiting) == [trial.trial_id]
    again = oracle.create_trial("second")
    assert again.trial_id == trial.trial_id
    end(oracle, again)
    assert oracle.create_trial("second").status == "STOPPED"


def test_space_that_fits_nowhere(plan, tmp_path: Path) -> None:
    space = {"model.stages": {"int": [6, 8]}, "model.filters": {"int": [4, 400]}}
    oracle = make_oracle(plan("random", 5, space), tmp_path)
    with pytest.raises(UserError, match="none of 300 configurations .* at most 5 stages"):
        oracle.create_trial("worker0")
