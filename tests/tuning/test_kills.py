"""A sweep goes on from wherever it was killed; see `killed_at_every_write`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from kerascnn import tracking
from kerascnn.errors import UserError
from kerascnn.recipe import load_recipe
from kerascnn.tracking import sweeps
from kerascnn.tracking.runs import KIND
from kerascnn.tracking.store import EXPERIMENT, open_client
from kerascnn.tuning.builtin import builtin_space
from kerascnn.tuning.plan import Plan
from kerascnn.tuning.spec import SweepSpec

OPENING = 14  # writes until a sweep and its first trial are open


def killed(place: Path, most: int) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("killed_at_every_write.py"), place, str(most)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def check(kills: list[dict[str, Any]]) -> None:
    for kill in kills:
        code, output = kill["after"]
        assert code == 0, f"killed before {kill['write']}"
        found = json.loads(output)
        assert found["trials"] == [["1", "FINISHED"]], f"killed before {kill['write']}"
        assert found["lost"] == []
        assert (found["models"], found["best"]) == (["killed-1"], "killed-1")
        assert found["status"] == "FINISHED"
        assert found["params"]["model.name"] == "mlp"
        assert found["plan"]["sweep"]["name"] == "killed"
        assert (
            "1 trials: 1 finished" in found["shown"]
            or "DEAD" in found["shown"]
            or (kill is kills[0] and "no sweeps yet" in found["shown"])
        )


@pytest.mark.ci
def test_a_kill_at_any_write_of_the_opening_is_made_good(workplace: Path) -> None:
    kills = killed(workplace, OPENING)
    assert [kill["code"] for kill in kills] == [9] * OPENING
    writes = [kill["write"] for kill in kills]
    assert writes[0] == "create_run"
    trial = writes.index("create_run", 1)
    assert {"log_batch", "log_text", "update_run"} <= set(writes[1:trial])
    assert {"log_batch", "log_artifact"} <= set(writes[trial:])
    check(kills)


@pytest.mark.slow
def test_a_kill_at_any_write_is_made_good(workplace: Path) -> None:
    kills = killed(workplace, 1000)
    assert [kill["code"] for kill in kills] == [9] * (len(kills) - 1) + [0]
    assert len(kills) > OPENING + 5
    check(kills)


def test_a_plan_of_any_length_reads_back(workplace: Path) -> None:
    recipe = load_recipe({"model": {"name": "mlp"}, "data": {"name": "digits"}})
    values = {
        "recipe": {"description": "ü\udcff'\"" * 5000},
        "space": {str(number): [number, None, 0.1] for number in range(1000)},
        "sweep": {"trials": 3},
        "fingerprint": "f",
    }
    sweep = tracking.create_sweep("long", recipe, values, {})
    assert tracking.sweep_file(tracking.load_sweep("long")) == values
    values["sweep"] = {"trials": 7}
    sweep.write_plan(values, None)
    found = tracking.load_sweep("long")
    assert tracking.sweep_file(found) == values
    assert yaml.safe_load(found.artifact("sweep.yaml").read_text()) == values


def test_a_sweep_of_version_0_1_whose_plan_was_cut_off_stands_alone(
    workplace: Path, kerascnn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named; the others are listed."""
    recipe = load_recipe({"model": {"name": "mlp"}, "data": {"name": "digits"}})
    plan = Plan(recipe, builtin_space("mlp"), SweepSpec())
    with monkeypatch.context() as old:
        old.setattr(sweeps, "_plan_tags", lambda values: {})
        cut = tracking.create_sweep("cut", recipe, plan.to_values(), {})
    tracking.create_sweep("whole", recipe, plan.to_values(), {})
    for text in ("recipe: {mod", "recipe: {}\n", ""):
        tracking.load_sweep("cut").artifact("sweep.yaml").write_text(text)
        listed = kerascnn("sweeps")
        assert listed.code == 0
        assert "whole" in listed.out
        message = "sweep cut: its sweep.yaml was cut off: start the sweep anew\n"
        assert listed.err == f"Warning: {message}"
        assert kerascnn("sweeps", "show", "cut").err == f"Error: {message}"
        assert kerascnn("sweep", "--resume", "cut").err == f"Error: {message}"
    cut.write_plan(plan.to_values(), None)
    assert kerascnn("sweeps", "show", "cut").code == 0


def test_what_version_0_1_left_half_made_is_passed_over(wide: Path, kerascnn) -> None:
    """It was killed before it wrote a sweep's sweep.yaml, or a trial's params."""
    client = open_client(create=True)
    assert client is not None
    experiment = client.get_experiment_by_name(EXPERIMENT)
    assert experiment is not None
    parent = tracking.load_sweep("wide")
    made = [
        client.create_run(experiment.experiment_id, run_name=name, tags=tags).info.run_id
        for name, tags in (
            ("half", {KIND: "sweep"}),
            ("wide-19", {KIND: "trial", "mlflow.parentRunId": parent.id}),
        )
    ]
    try:
        assert [run.id for run in tracking.list_sweeps()] == [parent.id]
        assert len(tracking.trials_of(parent)) == 18
        assert [run.id for run in tracking.half_made_trials(parent)] == made[1:]
        assert kerascnn("sweeps").code == 0
        assert "18 trials: 16 finished" in kerascnn("sweeps", "show", "wide").out
        assert kerascnn("runs").code == 0
        with pytest.raises(UserError, match="unknown sweep 'half'"):
            tracking.load_sweep("half")
        recipe = load_recipe({"model": {"name": "mlp"}, "data": {"name": "digits"}})
        values = tracking.sweep_file(parent)
        made.append(tracking.create_sweep("half", recipe, values, {}).id)
        assert tracking.sweep_file(tracking.load_sweep("half")) == values
    finally:
        for run_id in made:
            client.delete_run(run_id)
