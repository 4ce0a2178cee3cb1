"""An analysis as text: numbers in short, and the same sums in every form."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from kerascnn.arithmetic import Analysis
from kerascnn.arithmetic.table import (
    COLUMNS,
    as_csv,
    as_json,
    as_markdown,
    by,
    memory,
    short,
    total_lines,
    totals,
    what,
)
from kerascnn.models.summary import summarize


@pytest.fixture(scope="module")
def lenet() -> Analysis:
    return summarize("lenet5")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"), (7, "7"), (999, "999"), (1000, "1.00K"), (12_345, "12.3K"), (999_400, "999K"),
        (61_706, "61.7K"), (15_470_264_320, "15.5G"), (2e12, "2.00T"), (5e15, "5000T"),
    ],
)  # fmt: skip
def test_three_digits_and_a_letter(number: float, text: str) -> None:
    assert short(number) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (60_950_432, "58.1 MiB"),
     (5 * 2**40, "5.00 TiB")],
)  # fmt: skip
def test_bytes_in_powers_of_1024(size: int, text: str) -> None:
    assert memory(size) == text


def test_sizes_and_windows() -> None:
    assert by((224, 224, 3)) == "224x224x3"
    assert by((10,)) == "10"
    alexnet = summarize("alexnet")
    assert what(alexnet["conv1"]) == "conv 11x11/4"
    assert what(alexnet["conv2"]) == "conv 5x5, 2 groups"
    assert what(alexnet["fc6"]) == "fc"


def test_totals_are_the_sums_of_the_rows(lenet: Analysis) -> None:
    found = totals(lenet, 32)
    rows = list(csv.DictReader(io.StringIO(as_csv(lenet, 32))))
    assert list(rows[0]) == list(COLUMNS)
    for name, *columns in (
        ("parameters", "weights", "biases"),
        ("MACs", "MACs"),
        ("activations", "activations"),
    ):
        assert found[name] == sum(int(row[column]) for row in rows for column in columns)
    assert found["parameters"] == 61_706
    assert found["MACs"] == 416_520
    assert found["weight_bytes"] == 4 * 61_706
    assert found["batch_size"] == 32
    assert found["inference_bytes_all_kept"] == 4 * 32 * found["activations"]
    dense = 400 * 120 + 120 + 120 * 84 + 84 + 84 * 10 + 10
    assert found["fully_connected_share"] == pytest.approx(dense / 61_706, abs=1e-6)


def test_json_holds_rows_and_totals(lenet: Analysis) -> None:
    document = json.loads(as_json(lenet, 4))
    assert document["model"] == "lenet5"
    assert document["totals"] == totals(lenet, 4)
    row = document["layers"][1]
    assert (row["layer"], row["what"], row["output"]) == ("c1", "conv 5x5", [28, 28, 6])
    assert row["inputs"] == ["images"]
    assert row["then"] == list(lenet["c1"].folded)


def test_markdown_is_a_table_and_a_list(lenet: Analysis) -> None:
    lines = as_markdown(lenet, 1).splitlines()
    widths = {line.count("|") for line in lines[: len(lenet.rows) + 2]}
    assert widths == {len(COLUMNS) + 1}
    assert lines[len(lenet.rows) + 2] == ""
    assert [line[2:] for line in lines[-5:]] == [f"{a}: {b}" for a, b in total_lines(lenet, 1)]


def test_sentences_tell_of_moving_averages_and_of_auxiliary_heads(lenet: Analysis) -> None:
    def lines(name: str, **options: Any) -> dict[str, str]:
        return dict(total_lines(summarize(name, **options), 1))

    plain = dict(total_lines(lenet, 8))
    assert plain["parameters"] == (
        "61,706 (241 KiB), 95.8% of them in fully connected layers"
    )  # fmt: skip
    assert plain["MACs"] == "416,520 per image"
    assert {"inference, batch 8", "training, batch 8"} < set(plain)
    assert ", and 53,120 untrained" in lines("resnet50")["parameters"]
    heads = lines("googlenet")["MACs"]
    assert heads.startswith("1,582,671,872 per image; auxiliary heads, in training only, ")
    assert "heads" not in lines("googlenet", auxiliary=False)["MACs"]
