"""README.md: every command in it runs, its figures are those of the committed table."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from kerascnn import tracking

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^(?:[A-Z_]+=\S+ )?(?:kerascnn|make) .*$", README, re.MULTILINE)


def _needs_data(command: str) -> bool:
    return "photos" in command or "mnist" in command.split("--augment")[0]


def _run(command: str, kerascnn) -> None:
    words = shlex.split(command.partition("#")[0])
    arguments = words[words.index("kerascnn") + 1 :]
    done = kerascnn(*arguments)
    assert done.code == 0, (command, done.err)
    assert done.err == "", command


def test_the_first_two_commands_are_the_set_up_and_the_tests() -> None:
    assert [command.split("#")[0].strip() for command in COMMANDS[:2]] == [
        "make quickstart",
        "make test",  # which is running
    ]


def test_make_quickstart(tmp_path: Path) -> None:
    place = Path(sys.prefix)  # the virtual environment that the tests run in
    done = subprocess.run(
        ["make", "-o", f"{place}/.ready", "quickstart", f"VENV={place}"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    accuracy = re.search(r"test accuracy (\d+\.\d+)%", done.stdout)
    assert accuracy
    assert float(accuracy[1]) > 94
    assert len(re.findall(r"^  kerascnn \w+", done.stdout, re.MULTILINE)) == 3


def test_commands_that_need_no_data(workplace: Path, kerascnn) -> None:
    ran = 0
    for command in COMMANDS:
        # The UI does not end by itself; tests/tracking/test_ui.py runs it.
        if command.startswith("kerascnn") and command != "kerascnn ui" and not _needs_data(command):
            _run(command, kerascnn)
            ran += 1
    assert ran >= 15
    names = {path.name for path in workplace.iterdir()}
    assert {"mlruns", "compare.png", "resnet50.svg", "digits-samples.png"} <= names


@pytest.mark.realdata
def test_commands_on_photos(workplace: Path, kerascnn, test_data: Path) -> None:
    (workplace / "photos").symlink_to(test_data / "photos")
    commands = [command for command in COMMANDS if "photos" in command]
    assert len(commands) >= 3
    for command in commands:
        _run(command, kerascnn)


@pytest.mark.realdata
def test_lenet5_on_mnist_reaches_its_accuracy(workplace: Path, kerascnn, test_data: Path) -> None:
    (command,) = [line for line in COMMANDS if "kerascnn train lenet5 mnist" in line]
    _run(command, kerascnn)
    run = tracking.load_run("latest")
    assert run.params["training.epochs"] == "12"
    assert run.metrics["test_count"] == 10_000
    assert run.metrics["test_accuracy"] >= 0.989


def test_the_python_example(workplace: Path, capsys) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})
    assert "test accuracy" not in capsys.readouterr().err
    assert tracking.load_run("first").status == "FINISHED"


def test_the_table_of_results_is_the_committed_one() -> None:
    spec = importlib.util.spec_from_file_location("results", ROOT / "benchmarks" / "results.py")
    assert spec is not None
    assert spec.loader is not None
    results = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(results)
    begin, end = README.index(results.BEGIN) + len(results.BEGIN), README.index(results.END)
    assert README[begin:end].strip() == results.rendered().strip()


def test_pictures_and_links_exist() -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
