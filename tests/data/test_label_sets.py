"""Tables of images with several labels: lists in one column, or a column a class."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from kerascnn.data.label_sets import Row, class_columns, rows_of
from kerascnn.errors import UserError


def _rows(text: str) -> list[list[str]]:
    return list(csv.reader(text.splitlines()))


def test_lists_of_labels() -> None:
    text = 'path,labels\na.png,cat|dog\nb.png," owl ; cat, cat"\nc.png,\nd.png,dog,test\n'
    assert rows_of(_rows(text), Path("t.csv")) == [
        Row(1, "a.png", "", ("cat", "dog")),
        Row(2, "b.png", "", ("owl", "cat")),
        Row(3, "c.png", "", ()),
        Row(4, "d.png", "test", ("dog",)),
    ]
    assert rows_of(_rows("a.png,cat\n"), Path("t.csv")) == [Row(1, "a.png", "", ("cat",))]
    assert rows_of([], Path("t.csv")) == []


def test_a_column_for_each_label() -> None:
    rows = _rows("Path,cat,Split,dog\na.png,1,val,0\nb.png,1.0,,1\n")
    assert class_columns(rows) == ["cat", "dog"]
    assert rows_of(rows, Path("t.csv")) == [
        Row(1, "a.png", "val", ("cat",)),
        Row(2, "b.png", "", ("cat", "dog")),
    ]


@pytest.mark.parametrize("text", ["path,label\n", "path,label,split\n", "a.png,cat,train\n", ""])
def test_tables_without_such_columns(text: str) -> None:
    assert class_columns(_rows(text)) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a.png\n", r"t\.csv: row 1 must be path,label .* and is 'a\.png'"),
        ("a.png,cat,train,dog\n", "row 1 must be path,label or path,label,split"),
        (",cat\n", "row 1 names no image"),
        ("a.png,cat\nb.png,\na.png,dog\n", r"row 3: a\.png is in row 1 too: write all labels"),
        ("path,cat,dog\na.png,1\n", "row 1 has 2 cells, and the headings are 3"),
        ("path,cat,dog\na.png,1,yes\n", "row 1: 'dog' must be 0 or 1, got 'yes'"),
        ("path,cat,cat\na.png,1,1\n", "'cat' heads two columns"),
        ("path,cat,\na.png,1,1\n", "a column has no heading"),
        ("path,cat,dog\na.png,1,0\n", "no image has the label 'dog': drop its column"),
    ],
)
def test_tables_that_do_not_do(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        rows_of(_rows(text), Path("t.csv"))
