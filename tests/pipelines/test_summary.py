"""`kerascnn summary`."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from kerascnn_pipelines.cli import cli

from kerascnn.errors import UserError


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_summary_as_table() -> None:
    lines = run("summary", "vgg16", "--batch-size", "32").splitlines()
    fc6 = next(line.split() for line in lines if line.startswith("fc6"))
    assert fc6[1:] == [
        "fc", "4096", "4,096", "16.0", "KiB", "102,760,448", "4,096", "102,760,448", "404", "32"
    ]  # fmt: skip
    totals = "\n".join(lines[-5:])
    for number in ("138,357,544", "89.4%", "15,470,264,320", "15,237,608", "784 MiB"):
        assert number in totals


def test_summary_as_csv_and_markdown() -> None:
    rows = list(csv.DictReader(io.StringIO(run("summary", "lenet5", "--format", "csv"))))
    assert [row["layer"] for row in rows][-1] == "output"
    assert sum(int(row["weights"]) + int(row["biases"]) for row in rows) == 61_706
    markdown = run("summary", "lenet5", "--format", "markdown").splitlines()
    assert markdown[3] == "| c1 | conv 5x5 | 28x28x6 | 4,704 | 18,816 | 150 | 6 | 117,600 | 5 | 1 |"
    assert "- MACs: 416,520 per image" in markdown


def test_summary_as_json_with_options_and_sizes() -> None:
    text = run(
        "summary", "alexnet", "--groups", "2,1,2", "--classes", "10", "--input", "227x227x3",
        "--format", "json",
    )  # fmt: skip
    document = json.loads(text)
    layers = {layer["layer"]: layer for layer in document["layers"]}
    assert layers["conv1"]["output"] == [55, 55, 96]
    assert layers["conv4"]["MACs"] == 224_280_576
    assert layers["fc8"]["weights"] == 40_960
    assert document["totals"]["parameters"] == 61_628_776 - 990 * 4097


def test_summary_with_diagram(tmp_path: Path) -> None:
    path = tmp_path / "lenet5.svg"
    run("summary", "lenet5", "--diagram", str(path))
    assert "<svg" in path.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["vgg61"], "unknown model 'vgg61': did you mean vgg1"),
        (["lenet5", "--input", "28x28"], "--input: got '28x28', must be like 224x224x3"),
        (["lenet5", "--input", "0x28x1"], "--input: got '0x28x1'"),
        (["lenet5", "--input", "8x8x1"], "the smallest input is 12x12"),
        (["lenet5", "--classes", "-1"], "classes: got -1"),
        (["alexnet", "--grups", "2"], "unknown option of alexnet '--grups': did you mean --groups"),
        (["alexnet", "--groups", "2,x,2"], "groups.1: got 'x'"),
        (["alexnet", "--groups", "5,1,1"], "groups: got 5 for conv2, must divide"),
        (["lenet5", "surplus"], "unexpected argument 'surplus'"),
    ],
)
def test_summary_mistakes(arguments: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        run("summary", *arguments)
