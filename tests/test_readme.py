"""README.md, followed from top to bottom by one reader, in one folder."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kerascnn import tracking

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(bash|text|python)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def _shape(line: str) -> str:
    """Returns a line without what differs from run to run: numbers, ids, the processor's name."""
    line = re.sub(r" on .* \(\d+ threads?\)", " on #", line)
    line = re.sub(r"\b(?=[a-f]*\d)[0-9a-f]{8}\b|\b[a-f]{8}\b", "#", line)
    line = re.sub(r"(?:(?<!\S)[+-])?\d[\d,.]*(?:e-\d+)?%?", "#", line)
    line = re.sub(r"#\s+(?:yes|no)$", "# #", line.rstrip())  # whether two runs differ
    return re.sub(r"\s+", " ", line.removesuffix("*")).strip()


def _lines_of(output: str) -> Iterator[str]:
    for line in output.splitlines():
        yield _shape(line)


def _matches(shown: list[str], printed: list[str]) -> bool:
    """Whether the lines are those that are shown, where `...` stands for any number of them."""
    if not shown:
        return not printed
    if shown[0] == "...":
        return any(_matches(shown[1:], printed[n:]) for n in range(len(printed) + 1))
    return bool(printed) and shown[0] == printed[0] and _matches(shown[1:], printed[1:])


def _quickstart(place: Path) -> str:
    environment = Path(sys.prefix)  # the virtual environment that the tests run in
    store = f"sqlite:///{place}/mlruns/mlflow.db"
    done = subprocess.run(
        ["make", "-o", f"{environment}/.ready", "quickstart", f"VENV={environment}"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"MLFLOW_TRACKING_URI": store},  # where a reader's would be
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.ci
def test_every_command_in_order(workplace: Path, kerascnn, monkeypatch) -> None:
    output, ran = "", 0
    for kind, block in BLOCKS:
        if kind == "text":
            shown, printed = list(_lines_of(block)), list(_lines_of(output))
            assert _matches(shown, printed), output
        elif kind == "python":
            exec(compile(block, "README.md", "exec"), {})
        for line in block.splitlines() if kind == "bash" else ():
            ran += 1
            if line.startswith("kerascnn "):
                done = kerascnn(*shlex.split(line)[1:])
                assert (done.code, done.err) == (0, ""), (line, done.err)
                output = done.out
            elif line == "make quickstart":
                output = _quickstart(workplace)
                accuracy = re.search(r"test accuracy (\d+\.\d+)%", output)
                assert accuracy
                assert float(accuracy[1]) > 94
            elif completion := re.fullmatch(r'eval "\$\((\w+)=(\w+) kerascnn\)"', line):
                with monkeypatch.context() as patch:
                    patch.setenv(*completion.groups())
                    assert "complete -o nosort -F" in kerascnn().out
            else:
                assert line == "source .venv/bin/activate"
    assert ran >= 13
    runs = {run.name: run.status for run in tracking.list_runs()}
    assert set(runs) == {"lenet5-digits-1", "first", "second", "mine", "scripted"}
    assert set(runs.values()) == {"FINISHED"}
    assert {"mlruns", "compare.png", "photos", "resnet50.svg"} <= {
        path.name for path in workplace.iterdir()
    }


def test_the_shape_of_an_output_is_its_lines_and_words() -> None:
    shown = list(_lines_of("run first (0c5d7a1e)\nepoch 1/5  lr 0.001 *\n...\nall 270 images"))
    right = "run first (abcdefab)\nepoch 1/5 lr 1e-05\nepoch 2/5\n\nall 9 images"
    assert _matches(shown, list(_lines_of(right)))
    for wrong in ("first", "epoch 1/5", "all"):
        assert not _matches(shown, list(_lines_of(right.replace(wrong, "other"))))
    assert not _matches(shown, list(_lines_of(f"{right}\nmore")))


@pytest.mark.slow
@pytest.mark.realdata
def test_lenet5_on_mnist_reaches_its_accuracy(workplace: Path, kerascnn, test_data: Path) -> None:
    (command,) = re.findall(r"`(kerascnn train lenet5 mnist [^`]*)`", README)
    assert kerascnn(*shlex.split(command)[1:]).code == 0
    run = tracking.load_run("latest")
    assert run.params["training.epochs"] == "12"
    assert run.metrics["test_count"] == 10_000
    assert run.metrics["test_accuracy"] >= 0.989


def test_the_table_of_results_is_the_committed_one() -> None:
    spec = importlib.util.spec_from_file_location("results", ROOT / "benchmarks" / "results.py")
    assert spec is not None
    assert spec.loader is not None
    results = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(results)
    rates = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    for page, table in ((README, results.rendered()), (rates, results.rendered_rates())):
        begin, end = page.index(results.BEGIN) + len(results.BEGIN), page.index(results.END)
        assert page[begin:end].strip() == table.strip()
