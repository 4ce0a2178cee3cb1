"""The command line as a whole: help, speed, errors."""

from __future__ import annotations

import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from kerascnn_pipelines.cli import COMMANDS, cli

from kerascnn.augment.spec import PRESETS
from kerascnn.models.spec import entry_of, known_names
from kerascnn.recipe import FLAT, recipe_fields
from kerascnn.spec import allowed_values
from kerascnn.tuning.spec import SweepSpec

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


READING = """
import contextlib, os, sys
from click.shell_completion import ShellComplete
from kerascnn_pipelines.cli import cli, main
trained, wide, out = sys.argv[1:]
for place, words in (
    (trained, "runs"),
    (trained, "runs --filter test_accuracy>0 --columns tensorflow"),
    (trained, f"compare first second --out {out}/a.png"),
    (wide, "sweeps"),
    (wide, "sweeps show wide"),
):
    os.chdir(place)
    sys.argv = ["kerascnn", *words.split()]
    with contextlib.suppress(SystemExit):
        main()
offered = ShellComplete(cli, {}, "kerascnn", "_KERASCNN_COMPLETE").get_completions
print([item.value for item in offered(["report"], "")])
heavy = "tensorflow keras keras_tuner mlflow sqlalchemy alembic"
print("HEAVY", set(heavy.split()) & set(sys.modules))
"""


def test_reading_the_store_imports_neither_tensorflow_nor_mlflow(
    trained_place: Path, sweep_place: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", READING, trained_place, sweep_place, tmp_path],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stderr == ""
    for found in ("second", "best: ", "curves: ", "importance (", "['latest', 'wide']"):
        assert found in done.stdout
    assert done.stdout.endswith("HEAVY set()\n")


def test_the_list_of_commands_agrees_with_their_own_help() -> None:
    from click.testing import CliRunner

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
        (["lr-find", "lenet5", "digits", "--recipe", "digits-quick"], "not both"),
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


def _options(command: click.Command, name: str) -> Iterator[tuple[str, click.Option]]:
    """Yields every option of a command and of its subcommands, with where it is."""
    if isinstance(command, click.Group):
        with click.Context(command) as context:
            for sub in command.list_commands(context):
                found = command.get_command(context, sub)
                assert found is not None
                yield from _options(found, f"{name} {sub}")
    for option in command.params:
        if isinstance(option, click.Option):
            yield f"{name} {option.opts[0]}", option


def _values() -> dict[str, set[str]]:
    """The names that options take, by the option."""
    fields = {field.name: field.allowed for field in recipe_fields()}
    listed = {short: fields[name] for short, name in FLAT.items() if name in fields}
    listed |= {name: allowed_values(SweepSpec, name) for name in ("tuner", "objective")}
    values = {name: set(text.split(", ")) for name, text in listed.items() if ", " in text}
    return values | {
        "augment": set(PRESETS),
        "family": {entry_of(name).family for name in known_names()},
        "split": {"train", "validation", "test"},
    }


def test_every_help_lists_the_names_that_an_option_takes() -> None:
    values = _values()
    assert {"precision", "optimizer", "cache", "balance", "device", "tuner"} <= set(values)
    seen = set()
    for where, option in _options(cli, "kerascnn"):
        name = option.opts[0].removeprefix("--").replace("-", "_")
        if name in values and not option.is_flag:  # of errors, --labels is one
            seen.add(name)
            with click.Context(cli) as context:
                record = option.get_help_record(context)
            assert record is not None
            assert values[name] <= set(re.findall(r"[\w:-]+", " ".join(record))), where
    assert seen == set(values)


MISTAKES = [
    "train lenet5 digitz",
    "train lenet5 folder:gone",
    "train lenet5 digits --name ",
    "train lenet5 digits --set data.validation_fraction=2",
    "train lenet5 digits --set data.fix_list=gone",
    "train --resume gone",
    "lr-find lenet5 digits --out gone/x.png",
    "sweep lenet5 folder:gone",
    "sweep lenet5 digits --name ",
    "sweep lenet5 digits --save-best x.txt",
    "sweep --resume gone",
    "sweep-chief lenet5 digits --secret-file gone",
    "sweep-worker --chief nonsense",
    "evaluate gone",
    "stress gone",
    "stress latest --kind rotate",
    "predict gone x.png",
    "predict gone.keras gone.png",
    "compare gone gone --out x.xyz",
    "runs delete gone",
    "datasets check gone",
    "datasets preview gone",
    "summary gone",
]


def test_mistakes_are_told_before_anything_heavy_is_imported(workplace: Path) -> None:
    """All in one process: whichever was the first to import it is named."""
    code = (
        "import sys\n"
        "from kerascnn_pipelines.cli import main\n"
        "for line in sys.argv[1:]:\n"
        "    before, sys.argv = sys.argv, ['kerascnn', *line.split(' ')]\n"
        "    try: main()\n"
        "    except SystemExit as end: assert end.code == 2, (line, end.code)\n"
        "    assert 'tensorflow' not in sys.modules, line\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *MISTAKES], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stderr.splitlines()) == len(MISTAKES), done.stderr
    assert all(line.startswith("Error: ") for line in done.stderr.splitlines())
