"""Whole sweeps with real processes, on the digits with tiny networks."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from scipy import stats

from kerascnn import tracking
from kerascnn.errors import UserError
from kerascnn.files import locked
from kerascnn.hardware import processors
from kerascnn.recipe import Recipe, load_recipe
from kerascnn.tuning.plan import OngoingSweep
from kerascnn.tuning.results import SweepResults, load_results
from kerascnn.tuning.space import SpaceSpec
from kerascnn.tuning.spec import SweepSpec
from kerascnn.tuning.sweep import resume_sweep, run_sweep, sweep

SPACE = {
    "model.hidden": {"choice": [[8], [16], [32]]},
    "optimizer.learning_rate": {"float": [0.001, 0.01], "log": True},
}
HIDDEN = {"model.hidden": {"choice": [[8], [16]]}}


def mlp(*settings: str) -> Recipe:
    return load_recipe({"model": {"name": "mlp"}, "data": {"name": "digits"}}, settings)


@pytest.fixture(scope="module")
def swept_place(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, SweepResults, list[str]]:
    """A working directory with a finished sweep of three trials, and its lines."""
    place = tmp_path_factory.mktemp("swept")
    lines: list[str] = []
    with contextlib.chdir(place):
        spec = SweepSpec(name="tiny", tuner="random", trials=3, max_epochs=2)
        result = run_sweep(mlp(), SpaceSpec(ranges=SPACE), spec, report=lines.append)
    return place, result, lines


@pytest.fixture
def swept(
    swept_place: tuple[Path, SweepResults, list[str]], work_in: Callable[[Path], Path]
) -> SweepResults:
    work_in(swept_place[0])
    return swept_place[1]


def test_every_trial_is_a_nested_run(swept: SweepResults, swept_place) -> None:
    assert swept.run.status == "FINISHED"
    assert [trial.number for trial in swept.trials] == [1, 2, 3]
    for trial in (trial.run for trial in swept.trials):
        assert trial.status == "FINISHED"
        assert len(trial.history["val_loss"]) == 2
        assert trial.metrics["objective"] == trial.metrics["validation_accuracy"]
        assert trial.metrics["parameters"] > 1000
        assert trial.metrics["macs"] > 1000
        assert trial.metrics["trial_seconds"] > trial.metrics["step_seconds"] > 0
        assert not any(name.startswith("test_") for name in trial.metrics), "not touched"
        assert float(trial.params["optimizer.learning_rate"]) == pytest.approx(
            trial.recipe.optimizer.learning_rate
        )
    objectives = [trial.objective for trial in swept.trials if trial.objective is not None]
    assert len(objectives) == 3
    assert swept.best.objective == max(objectives)
    lines = swept_place[2]
    assert len([line for line in lines if line.startswith("trial ")]) == 3
    assert "random search, 3 trials of up to 2 epochs" in lines[0]


def test_the_best_trial_can_be_used_as_a_run(swept: SweepResults, kerascnn) -> None:
    """By its own name, or by that of its sweep: it has its model, the others have none."""
    best = swept.best.run
    assert tracking.load_run("tiny").id == tracking.load_run(best.name).id == best.id
    assert best.tags["data_fingerprint"] == swept.run.tags["data_fingerprint"]
    having = [trial.run.name for trial in swept.trials if trial.run.has("model.keras")]
    assert having == [best.name]
    assert set(swept.run.artifacts()) >= {"ranking.csv", "objective.png", "costs.png"}
    found = kerascnn("evaluate", "tiny", "--split", "validation")
    assert found.code == 0, found.err
    assert f"run        {best.name} ({best.id[:8]}), FINISHED" in found.out
    assert f"top-1      {best.metrics['validation_accuracy']:.2%}" in found.out
    assert kerascnn("evaluate", best.name).code == 0
    assert kerascnn("report", best.name, "--out", "best.html").code == 0
    assert kerascnn("visualize", best.name, "filters").code in (0, 2)
    other = next(trial.run.name for trial in swept.trials if trial.run.id != best.id)
    refused = kerascnn("evaluate", other)
    assert refused.code == 2
    assert f"run {other} (FINISHED) has no model.keras: of a sweep's trials only" in refused.err
    for arguments in (("runs", "delete", best.name), ("train", "--resume", "tiny")):
        refused = kerascnn(*arguments)
        assert refused.code == 2
        assert f"no run '{arguments[-1]}'" in refused.err


def test_trials_do_not_crowd_the_runs(swept: SweepResults) -> None:
    assert tracking.list_runs() == []
    assert [sweep.name for sweep in tracking.list_sweeps()] == ["tiny"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"recipe": mlp("optimizer.name=sgd")},
            "another recipe: .*optimizer.name was adam, is sgd",
        ),
        (
            {"space": SpaceSpec(ranges={**SPACE, "model.hidden": {"choice": [[8], [9]]}})},
            "another space: model.hidden was .*32.*, is .*9",
        ),
        ({"changes": {"seed": 5}}, "seed cannot change while it is under way"),
        ({"reference": "tyni"}, "unknown sweep 'tyni': did you mean tiny"),
    ],
)
def test_resume_refuses_what_is_not_the_sweep(swept, arguments: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        resume_sweep(**{"reference": "tiny", **arguments})


def test_resume_refuses_other_data(swept, monkeypatch: pytest.MonkeyPatch) -> None:
    values = tracking.sweep_file(swept.run) | {"fingerprint": "0123"}
    monkeypatch.setattr(tracking, "sweep_file", lambda run: values)
    with pytest.raises(UserError, match="digits has changed .* was 0123"):
        resume_sweep("tiny")


def test_one_process_at_a_time(swept: SweepResults) -> None:
    with (
        locked(Path("mlruns/sweeps") / swept.run.id / ".lock"),
        pytest.raises(UserError, match="sweep tiny is being run by another process"),
    ):
        resume_sweep("tiny", report=lambda line: None)


def test_finished_trials_stay_where_their_search_is_not_known(
    swept: SweepResults, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in another working directory, on the same store."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", tracking.store_uri())
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="sweep tiny: .* trial 1: resume it in the folder where"):
        resume_sweep("tiny", report=lambda line: None)
    assert len(tracking.trials_of(tracking.load_sweep("tiny"))) == 3


def test_name_is_taken(swept: SweepResults) -> None:
    with pytest.raises(UserError, match="a sweep named tiny exists: --resume tiny"):
        run_sweep(mlp(), SpaceSpec(ranges=SPACE), SweepSpec(name="tiny"))


def test_an_interrupted_sweep_says_how_it_goes_on(workplace: Path) -> None:
    def interrupted(opened: OngoingSweep) -> bool:
        raise KeyboardInterrupt

    lines: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run_sweep(
            mlp(),
            SpaceSpec(ranges=SPACE),
            SweepSpec(name="broken"),
            report=lines.append,
            searching=interrupted,
        )
    assert lines[-1] == "to go on: kerascnn sweep-chief --resume broken"
    assert tracking.load_sweep("broken").status == "KILLED"


def test_no_sweep_yet(workplace: Path) -> None:
    with pytest.raises(UserError, match="no sweep 'latest': 'kerascnn sweep MODEL DATASET'"):
        resume_sweep("latest")


@pytest.mark.ci
def test_budget_is_raised_and_the_winner_retrained(swept: SweepResults) -> None:
    lines: list[str] = []
    result = resume_sweep("tiny", {"trials": 4, "retrain": 1}, report=lines.append)
    assert [trial.run.id for trial in result.trials[:3]] == [trial.run.id for trial in swept.trials]
    assert len(result.trials) == 4
    (winner,) = result.retrained
    assert winner.recipe.data.train_on_validation
    assert winner.recipe.training.epochs == result.best.run.metrics["best_epoch"]
    assert winner.metrics["train_count"] == 1374 + 153
    assert winner.metrics["test_count"] == 270
    trial, accuracy = winner.tags["trial"], winner.metrics["test_accuracy"]
    assert lines[-1] == f"winner: trial {trial}, test accuracy {accuracy:.2%}, 1 seed"
    assert load_results(result.run.id).winner == lines[-1]
    again = resume_sweep("tiny", report=lines.append)
    assert len(again.trials) == 4
    assert len(again.retrained) == 1, "it was retrained already"


@pytest.mark.ci
def test_four_at_once_lose_nothing_and_one_fails_alone(workplace: Path) -> None:
    lines: list[str] = []
    # The last one's first kernel would take four terabytes.
    space = SpaceSpec(ranges={"model.hidden": {"choice": [[4], [8], [12], [1_000_000_000]]}})
    spec = SweepSpec(tuner="grid", max_epochs=2, workers=4)
    result = run_sweep(mlp(), space, spec, report=lines.append)
    assert result.run.status == "FINISHED"
    assert [trial.run.status for trial in result.trials] == ["FINISHED"] * 3 + ["FAILED"]
    assert "memory" in result.trials[3].error or "OOM" in result.trials[3].error
    for trial in (trial.run for trial in result.trials[:3]):
        for figure in ("loss", "val_loss", "accuracy", "val_accuracy"):
            assert len(trial.history[figure]) == 2
        assert trial.params["training.threads"] == str(max(1, processors() // 4))
    assert any("failed: " in line for line in lines)


@pytest.fixture(scope="module")
def folded_place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working directory with the sweep "folded", of two trials of two folds."""
    place = tmp_path_factory.mktemp("folded")
    with contextlib.chdir(place):
        sweep(
            "mlp", "digits", space=HIDDEN, folds=2, tuner="grid", max_epochs=2, name="folded",
            settings=["data.train_fraction=0.3"], report=None,
        )  # fmt: skip
    return place


@pytest.mark.ci
def test_a_trial_is_the_mean_of_its_folds(folded_place: Path, work_in) -> None:
    work_in(folded_place)
    result = load_results("folded")
    assert [trial.run.status for trial in result.trials] == ["FINISHED"] * 2
    assert result.objective == "folds_accuracy"
    for trial in result.trials:
        folds = tracking.folds_of(trial.run.id)
        assert [folds[number].status for number in (1, 2)] == ["FINISHED"] * 2
        assert [fold.recipe.data.fold for fold in folds.values()] == [1, 2]
        assert [fold.metrics["test_count"] for fold in folds.values()] == [899, 898]
        assert all(len(fold.history["val_loss"]) == 2 for fold in folds.values())
        metrics = trial.run.metrics
        values = [fold.metrics["test_accuracy"] for fold in folds.values()]
        assert metrics["objective"] == metrics["folds_accuracy"] == pytest.approx(np.mean(values))
        low, high = stats.t.interval(0.95, 1, np.mean(values), stats.sem(values))
        assert metrics["folds_accuracy_low"] == pytest.approx(max(0, low))
        assert metrics["folds_accuracy_high"] == pytest.approx(min(1, high))
        losses = [fold.metrics["test_loss"] for fold in folds.values()]
        assert metrics["folds_loss"] == pytest.approx(np.mean(losses))
        assert not any(name.startswith("test_") for name in metrics)
        assert metrics["parameters"] > 1000
    assert tracking.list_runs() == []


@pytest.mark.ci
def test_what_a_cross_validated_sweep_leaves(folded_place: Path, work_in, kerascnn) -> None:
    work_in(folded_place)
    best = load_results("folded").best
    shown = kerascnn("sweeps", "show", "folded", "--save-best", "best.yaml", "--out", "pictures")
    assert shown.code == 0, shown.err
    assert "2 trials: 2 finished, 0 running, 0 failed" in shown.out
    text = f"best: trial {best.number}, folds_accuracy {best.objective:.2%} (95% interval "
    assert text in shown.out
    assert " over 2 folds)" in shown.out
    header = Path("best.yaml").read_text().splitlines()[1]
    assert header == f"# folds_accuracy {best.objective:.6g} after 2 epochs, the mean over 2 folds."
    recipe = load_recipe("best.yaml")
    assert recipe.data.cross_validated
    assert recipe.model == best.run.recipe.model
    assert Path("pictures/costs.png").exists()
    for arguments, message in (
        (("--resume", "folded", "--retrain", 1), "retrain: the folds are of all images, which lea"),
        (("--resume", "folded", "--folds", 3), "sweep needs MODEL and DATASET"),
        (("mlp", "digits", "--folds", 1), "folds: got 1"),
        (("mlp", "digits", "--folds", 2, "--retrain", 1), "(data.test), or leave retrain out"),
    ):
        done = kerascnn("sweep", *arguments)
        assert (done.code, done.err.count("\n")) == (2, 1)
        assert message in done.err
    assert len(tracking.list_sweeps()) == 1


@pytest.fixture
def command(workplace: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a command line in a process of its own, which does not outlive the test."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, **environment: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "kerascnn_pipelines.cli", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.mark.ci
def test_best_recipe_trains_to_the_score_of_its_trial(workplace: Path, command) -> None:
    spec = SweepSpec(tuner="random", trials=1, max_epochs=2)
    recipe = mlp("training.deterministic=true")
    best = run_sweep(recipe, SpaceSpec(ranges=SPACE), spec, report=lambda line: None).best.run
    # In a process of its own: what TensorFlow does for determinism cannot be undone.
    process = command("train", "--recipe", str(best.artifact("recipe.yaml")), "--name", "again")
    assert process.communicate()[0]
    again = tracking.load_run("again")
    for figure in ("validation_accuracy", "validation_loss"):
        assert again.metrics[figure] == best.metrics[figure]
    assert again.history["loss"] == best.history["loss"]


def until_second_trial(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """Waits until one trial has ended and another runs; returns the processes of the sweep."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("trial 1 "):
            break
    else:
        pytest.fail("the sweep ended before its second trial")
    time.sleep(1)
    return psutil.Process(process.pid).children(recursive=True)


@pytest.fixture
def short_and_long(command) -> subprocess.Popen[str]:
    """A sweep of two trials, the second one much longer, just started."""
    Path("space.yaml").write_text("training.steps: {choice: [5, 100000]}\n")
    return command(
        *("sweep", "mlp", "digits", "--space", "space.yaml", "--tuner", "grid", "--name", "broken"),
        *("--max-epochs", "50", "--set", "training.early_stopping=null"),
    )


@pytest.mark.ci
def test_killed_sweep_goes_on(short_and_long: subprocess.Popen[str]) -> None:
    trials = until_second_trial(short_and_long)
    short_and_long.kill()
    short_and_long.wait()
    psutil.wait_procs(trials, timeout=20)
    assert not any(trial.is_running() for trial in trials), "none outlives its sweep"
    sweep = tracking.load_sweep("broken")
    assert sweep.status == "DEAD"
    (first, *unfinished) = tracking.trials_of(sweep)
    assert first.status == "FINISHED"
    result = resume_sweep("broken", report=lambda line: None)
    assert result.run.status == "FINISHED"
    assert [trial.run.status for trial in result.trials] == ["FINISHED", "FINISHED"]
    assert result.trials[0].run.id == first.id
    assert result.trials[1].run.id not in [trial.id for trial in unfinished]


@pytest.mark.slow
@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGINT])
def test_no_finished_fold_is_trained_again(workplace: Path, command, ending: int) -> None:
    Path("space.yaml").write_text("training.batch_size: {choice: [64, 65]}\n")
    started = command(
        *("sweep", "mlp", "digits", "--space", "space.yaml", "--tuner", "grid", "--name", "cut"),
        *("--folds", "3", "--max-epochs", "10", "--set", "training.early_stopping=null"),
        *("--trials", "1"),
    )

    def folds() -> dict[int, tracking.Run]:
        sweeps = tracking.list_sweeps()
        trials = tracking.trials_of(sweeps[0]) if sweeps else []
        return tracking.folds_of(trials[0].id) if trials else {}

    patience = time.monotonic() + 120
    while 2 not in folds():
        assert started.poll() is None
        assert time.monotonic() < patience
        time.sleep(0.1)
    trials = psutil.Process(started.pid).children(recursive=True)
    started.send_signal(ending)
    started.wait()
    psutil.wait_procs(trials, timeout=20)
    (cut,) = tracking.trials_of(tracking.load_sweep("cut"))
    before = {number: fold for number, fold in folds().items() if fold.status == "FINISHED"}
    assert set(before) == {1}, "the second one was cut off"
    result = resume_sweep("cut", report=lambda line: None)
    assert result.run.status == "FINISHED"
    (trial,) = result.trials
    assert (trial.run.id, trial.run.status) == (cut.id, "FINISHED")
    after = folds()
    assert [after[number].status for number in (1, 2, 3)] == ["FINISHED"] * 3
    assert after[1] == before[1]
    accuracies = [fold.metrics["test_accuracy"] for fold in after.values()]
    assert trial.objective == pytest.approx(np.mean(accuracies))


@pytest.mark.slow
def test_the_winner_of_folds_is_tested_on_images_that_no_fold_had(workplace: Path) -> None:
    result = sweep(
        "mlp", "digits", space=HIDDEN, folds=2, tuner="grid", trials=1,
        max_epochs=1, retrain=1, settings=["data.test=digits"], report=None,
    )  # fmt: skip
    (winner,) = result.retrained
    assert winner.recipe.data.folds is None
    assert (winner.metrics["train_count"], winner.metrics["test_count"]) == (1797, 1797)
    assert result.trials[0].run.metrics["folds_accuracy"] > 0


@pytest.mark.slow
def test_ctrl_c_ends_the_sweep_and_its_trial(short_and_long: subprocess.Popen[str]) -> None:
    trials = until_second_trial(short_and_long)
    began = time.monotonic()
    short_and_long.send_signal(signal.SIGINT)
    assert short_and_long.stdout is not None
    assert "to go on: kerascnn sweep --resume broken\n" in short_and_long.stdout.readlines()
    assert short_and_long.wait(60) == 130
    assert time.monotonic() - began < 5
    psutil.wait_procs(trials, timeout=20)
    assert not any(trial.is_running() for trial in trials)
    sweep = tracking.load_sweep("broken")
    assert sweep.status == "KILLED"
    assert [trial.status for trial in tracking.trials_of(sweep)] == ["FINISHED"]


@pytest.mark.slow
def test_trial_of_a_killed_worker_is_run_by_another(workplace: Path, command) -> None:
    Path("space.yaml").write_text("training.steps: {choice: [700, 10, 20]}\n")
    chief = command(
        *("sweep-chief", "mlp", "digits", "--space", "space.yaml", "--tuner", "grid"),
        *("--name", "far", "--max-epochs", "500", "--set", "training.early_stopping=null"),
        *("--listen", "127.0.0.1:0", "--worker-timeout", "6s"),
    )
    listening = next(line for line in chief.stdout if line.startswith("listening at "))
    matched = re.fullmatch(
        r"listening at 127.0.0.1:\d+: KERASCNN_SWEEP_SECRET=(\S+) kerascnn (.*)\n", listening
    )
    assert matched is not None
    secret, arguments = matched.groups()
    first = command(*arguments.split(), KERASCNN_SWEEP_SECRET=secret)
    patience = time.monotonic() + 120
    while not (trials := tracking.trials_of(tracking.load_sweep("far"))):
        assert time.monotonic() < patience
        time.sleep(0.2)
    lost = trials[0]
    processes = psutil.Process(first.pid).children(recursive=True)
    first.kill()
    psutil.wait_procs(processes, timeout=20)
    assert not any(process.is_running() for process in processes), "its trial ends with it"
    second = command(*arguments.split(), KERASCNN_SWEEP_SECRET=secret)
    output, _ = chief.communicate(timeout=180)
    assert chief.returncode == 0, output
    assert second.wait(60) == 0
    assert "another worker will run it" in output
    trials = tracking.trials_of(tracking.load_sweep("far"))
    assert [trial.status for trial in trials] == ["FINISHED"] * 3
    assert lost.id not in [trial.id for trial in trials]
    steps = {trial.params["training.steps"] for trial in trials}
    assert steps == {"700", "10", "20"}
    having = [trial.id for trial in trials if trial.has("model.keras")]
    assert having == [tracking.load_run("far").id]


@pytest.mark.slow
def test_memory_of_the_parent_is_flat_over_100_trials(workplace: Path) -> None:
    used: list[int] = []

    def report(line: str) -> None:
        if line.startswith("trial "):
            used.append(psutil.Process().memory_info().rss)

    space = SpaceSpec(ranges={"optimizer.learning_rate": {"float": [1e-4, 1e-2]}})
    spec = SweepSpec(tuner="random", trials=100, max_epochs=1, workers=2)
    result = run_sweep(mlp("training.steps=1"), space, spec, report=report)
    assert [trial.run.status for trial in result.trials] == ["FINISHED"] * 100
    assert used[-1] < 1.05 * used[19], used
