"""The command line as a whole: help, speed, errors."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import pytest
from kerascnn_pipelines.cli import COMMANDS

HELPS = [
    [],
    *([name] for name in COMMANDS),
    *(["recipes", sub] for sub in ("show",)),
]


@pytest.mark.parametrize("arguments", HELPS, ids=" ".join)
def test_help_is_fast_and_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys; sys.argv = ['kerascnn', *sys.argv[1:], '--help']\n"
        "from kerascnn_pipelines.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: code = end.code\n"
        "heavy = {'tensorflow', 'keras', 'mlflow', 'keras_tuner', 'matplotlib', 'sklearn'}\n"
        "print('HEAVY', heavy & set(sys.modules), code)"
    )
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
        )
        seconds.append(time.perf_counter() - start)
    assert done.stdout.startswith("Usage: kerascnn")
    assert done.stdout.rstrip().endswith("HEAVY set() 0")
    assert done.stderr == ""
    # 0.4 s is what is promised on a free machine; the tests share theirs.
    assert statistics.median(seconds) < 1.0


def test_the_list_of_commands_agrees_with_their_own_help() -> None:
    from click.testing import CliRunner
    from kerascnn_pipelines.cli import cli

    overview = CliRunner().invoke(cli, ["--help"]).output
    for name, (_, line) in COMMANDS.items():
        assert f"  {name}" in overview
        assert line.split()[0] in overview


def test_mistakes_on_the_command_line_are_one_line_and_exit_2(kerascnn, workplace) -> None:
    for arguments, message in [
        (["trian"], "unknown command 'trian': did you mean train"),
        (["train", "--epoch", "3"], "--epochs"),
        (["train", "lenet5"], "train needs MODEL and DATASET"),
        (["train", "lenet6", "digits"], "unknown model 'lenet6': did you mean lenet5"),
        (["train", "lenet5", "digit"], "did you mean digits"),
        (["train", "lenet5", "digits", "--recipe", "digits-quick"], "not both"),
        (["train", "lenet5", "digits", "--epochs", "0"], "training.epochs: got 0"),
        (["train", "lenet5", "digits", "--epochs", "many"], "'many' is not a valid integer"),
        (["train", "--recipe", "digit-quick"], "did you mean digits-quick"),
        (["train", "lenet5", "digits", "--image-size", "8"], "c3 would get a 4x4 map"),
        (
            ["train", "convnet", "digits", "--set", "model.stages=6"],
            "pool6 would get a 1x1 map: use at most 5 stages for 32x32 input",
        ),
        (["evaluate", "latest"], "holds no runs yet"),
        (["compare", "a"], "two runs or more"),
        (["recipes", "show", "digits-quik"], "did you mean digits-quick"),
        (["predict", "latest", "missing.png"], "missing.png: no such file"),
        (["predict", "missing.keras", "."], "without images"),
    ]:
        done = kerascnn(*arguments)
        assert done.code == 2, (arguments, done)
        assert message in done.err, (arguments, done)
        assert done.err.startswith("Error: ")
        assert done.err.count("\n") == 1, done.err
    assert not list(workplace.rglob("model.keras"))


def test_a_failed_start_leaves_no_run_behind(kerascnn, workplace) -> None:
    assert kerascnn("train", "lenet5", "digits", "--image-size", "8").code == 2
    done = kerascnn("runs")
    assert done.code == 0
    assert "no runs yet" in done.out


def test_debug_shows_the_traceback(workplace) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kerascnn_pipelines.cli", "train", "lenet6", "digits", "--debug"],
        capture_output=True,
        text=True,
        cwd=workplace,
        check=False,
    )
    assert "Traceback" in done.stderr
    assert "unknown model 'lenet6'" in done.stderr
