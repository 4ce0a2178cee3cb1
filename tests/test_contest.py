"""The benchmarks' contests: the dead, the late and those who have no environment hold up nobody."""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from benchmarks import contest, limits, photos, results, step_cost, training_rate
from benchmarks.contest import Contestant, Gone
from benchmarks.training_rate import Kind, Speed
from kerascnn.arithmetic import Analysis, analyze
from kerascnn.backend import keras

ANSWERS = """
from benchmarks.contestants.answers import answer_questions, begin
begin(1)
print("chatter")
import os, sys, time
def answer(work, end=None):
    if end is not None:
        print("out of luck", file=sys.stderr)
        os._exit(end)
    stop = time.process_time() + work
    while time.process_time() < stop:
        pass
    return {"worked": work, "processors": len(os.sched_getaffinity(0))}
answer_questions({"versions": "1.0"}, answer)
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(contest, "PLACE", tmp_path)
    return tmp_path


def _of(name: str, code: str, patience: float = 60) -> Contestant:
    return Contestant(name, [sys.executable, "-c", code], patience=patience)


def test_the_dead_and_the_late_are_named_and_the_others_go_on(
    capfd: pytest.CaptureFixture[str],
) -> None:
    dead = _of("dead", "import sys; print('first'); sys.exit('no such library: triton')")
    late = _of("late", "import time; time.sleep(60)", patience=0.5)
    quick = _of("quick", ANSWERS)
    start = time.monotonic()
    with contest.contest([dead, late, quick]) as ready:
        assert list(ready) == ["quick"]
        contestant, word = ready["quick"]
        assert word == {"versions": "1.0"}
        answer, _ = contestant.ask({"work": 0.05}, 30)
        assert answer == {"worked": 0.05, "processors": 1}
        with pytest.raises(Gone, match="did not answer within 0.2 s"):
            contestant.ask({"work": 30}, 0.2)
    assert time.monotonic() - start < 30
    said = capfd.readouterr().out
    assert "  dead: died with code 1: no such library: triton\n" in said
    assert "  late: did not answer within 0.5 s\n" in said


def test_one_that_dies_when_it_is_asked_leaves_its_last_line() -> None:
    contestant = _of("falls", ANSWERS)
    contestant.ready()
    with pytest.raises(Gone, match="died with code 3: out of luck"):
        contestant.ask({"work": 0, "end": 3}, 30)


def test_it_is_stopped_until_it_is_asked_and_nothing_of_it_is_left() -> None:
    contestant = _of("busy", ANSWERS)
    with contest.contest([contestant]) as ready:
        assert ready
        assert contestant._process is not None
        process = contestant._process.pid
        end = time.monotonic() + 10
        while psutil.Process(process).status() != psutil.STATUS_STOPPED:
            assert time.monotonic() < end
            time.sleep(0.01)
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_other_work_is_seen() -> None:
    contestant = _of("watched", ANSWERS)
    other = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        with contest.contest([contestant]):
            _, others = contestant.ask({"work": 0.7}, 60)
    finally:
        other.send_signal(signal.SIGKILL)
        other.wait()
    assert others > 3 * contest.QUIET  # a whole processor, or what is left of it


def test_without_an_environment_it_says_how_to_make_one() -> None:
    with pytest.raises(Gone, match="there is no environment torch: make bench-env"):
        contest.python_of("torch")


def test_rows_of_other_machines_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = tmp_path / "rates.csv"
    monkeypatch.setattr(training_rate, "TABLE", table)
    row = dict.fromkeys(training_rate.FIELDS, "x")
    with table.open("w", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, training_rate.FIELDS)
        rows.writeheader()
        rows.writerows([{**row, "hardware": "old"}, {**row, "rounds": "5"}])
    training_rate.keep([{**row, "rounds": 7}])
    with table.open(encoding="utf-8", newline="") as file:
        kept = [(found["hardware"], found["rounds"]) for found in csv.DictReader(file)]
    assert kept == [("old", "x"), ("x", "7")]


def test_a_figure_beside_other_work_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    ours, theirs = Kind("kerascnn", "float32", 2), Kind("PyTorch", "mixed_bfloat16", 2)
    training_rate.tell({ours: Speed(300, 10, 0.01), theirs: Speed(200, 15, 0.9)})
    first, second, ratio = capsys.readouterr().out.splitlines()
    assert "beside" not in first
    assert second.endswith("0.90 others (beside other work)")
    assert ratio == "  kerascnn's best is 1.50 times PyTorch's (1.50 by processor time)"


@pytest.fixture
def analysis() -> Analysis:
    inputs = keras.Input((4, 4, 2))
    x = keras.layers.Conv2D(8, 1, use_bias=False, trainable=False)(inputs)  # 256 MACs, 128 numbers
    x = keras.layers.Conv2D(4, 1, use_bias=False)(x)  # 512 MACs, 64 numbers
    x = keras.layers.Activation("relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)  # 4 numbers
    return analyze(keras.Model(inputs, keras.layers.Dense(10, use_bias=False)(x)))  # 40 MACs


def test_a_step_costs_what_is_used_of_it(analysis: Analysis) -> None:
    # Nothing below the layer that is not trained needs a gradient.
    assert step_cost.flops_per_image(analysis) == 2 * (256 + 2 * 512 + 3 * 40)
    assert step_cost.bytes_per_image(analysis, 4) == 4 * (2 * 32 + 3 * 128 + 5 * (64 + 4 + 10))
    assert step_cost.bytes_per_step(analysis) == 28 * (32 + 40)


def test_the_bound_is_of_products_and_bytes() -> None:
    word = {"flops_per_image": 100, "bytes_per_image": 10, "bytes_per_step": 60}
    assert limits.bound(word, 4, product=200, copy=50) == (2, 2)


def test_tables_of_the_page_are_of_the_committed_figures() -> None:
    page = limits.PAGE.read_text(encoding="utf-8")
    tables = (
        (limits, limits.rendered()),
        (photos, photos.rendered()),
        (results, results.rendered_rates()),
    )
    for module, table in tables:
        begin, end = page.index(module.BEGIN) + len(module.BEGIN), page.index(module.END)
        assert page[begin:end].strip() == table.strip()
