"""Tables as files."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pytest

from kerascnn.errors import UserError
from kerascnn.table_files import check_table_path, write_csv, write_json


def test_csv_has_empty_cells_for_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    write_csv(path, ["name", "x"], [['a, "b"\nc', 0.1], ["é", math.nan], [None, 0]])
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.reader(file))
    assert rows == [["name", "x"], ['a, "b"\nc', "0.1"], ["é", ""], ["", "0"]]


def test_json_has_null_for_what_is_no_number(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"a": [1, math.nan, (math.inf, "\udcff")], "b": None})
    assert json.loads(path.read_text()) == {"a": [1, None, [None, "\udcff"]], "b": None}


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    check_table_path(tmp_path / "a.csv", "--csv")
    with pytest.raises(UserError, match="^--csv .*none/a.csv: there is no folder .*none$"):
        check_table_path(tmp_path / "none" / "a.csv", "--csv")
    with pytest.raises(UserError, match="Is a directory"):
        check_table_path(tmp_path, "--json")
    for write in (lambda: write_csv(tmp_path, [], []), lambda: write_json(tmp_path, [])):
        with pytest.raises(UserError, match="cannot write"):
            write()
