"""YAML from people, within bounds, with errors on one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kerascnn.errors import UserError
from kerascnn.spec import Fault, SpecError
from kerascnn.yaml_reader import MOST_BYTES, parse_yaml, read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("# nothing", None),
        ("3", 3),
        ("1.0e-05", 1e-5),
        ("[1, two, null, true]", [1, "two", None, True]),
        ("a: {b: [c]}\nd: 1", {"a": {"b": ["c"]}, "d": 1}),
        ("'1': x", {"1": "x"}),
        ("day: 2024-01-02", {"day": "2024-01-02"}),  # no field is a date
        ("a: &x [1]\nb: *x", {"a": [1], "b": [1]}),
        ("name: übung", {"name": "übung"}),
    ],
)
def test_plain_values(text: str, value: object) -> None:
    assert parse_yaml(text, "here") == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1", "here: not YAML: "),
        ("a: 1\nb: [2\nc: 3\n", "here, line 3: not YAML: "),
        ("a: 1\na: 2", "here, line 2: 'a' stands there twice"),
        ("a:\n  b: 1\n  b: 2", "here, line 3: a: 'b' stands there twice"),
        ("1: x", r"here: a key is 1, must be text \(in quotes if need be\)"),
        ("a: 1\ntrue: x", "here, line 2: a key is true, must be text"),
        ("? [a]\n: x", "here, line 1: a key is a collection, must be text"),
        ("a: !!python/object/apply:os.system [ls]", "here: "),
        ("a: !!python/name:os.system", "here: .*names no plain value"),
        ("a: !mine 3", "here: a: '!+mine' names no plain value"),
        ("a: !!int many", "here: a: 'many' is no int"),
        ("a: &x [*x]", "here: a.0: holds itself"),
        ("a:\n  b:\n  - !!float x", "here, line 3: a.b.0: 'x' is no float"),
        ("a: *x", "here: not YAML: found undefined alias"),
        ("[" * 50 + "]" * 50, "here: nested more than 40 deep"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(text: str, message: str) -> None:
    with pytest.raises(UserError, match=f"^{message}") as raised:
        parse_yaml(text, "here")
    assert "\n" not in str(raised.value)


def test_a_few_lines_cannot_stand_for_millions_of_values() -> None:
    lines = ["a0: &a0 [" + ", ".join("x" * 10) + "]"]
    lines += [
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)
    ]  # ten times as many on each
    with pytest.raises(
        UserError, match=r"^here, line \d: a\d[.\d]*: stands for more than 100,000 values$"
    ):
        parse_yaml("\n".join(lines), "here")


def test_long_texts_are_not_read() -> None:
    assert parse_yaml("x" * MOST_BYTES, "here") == "x" * MOST_BYTES
    with pytest.raises(UserError, match="^here: 1,000,001 characters, at most 1,000,000 can be$"):
        parse_yaml("x" * (MOST_BYTES + 1), "here")


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")  # as some editors write it
    assert read_yaml(path, "recipe") == read_yaml(str(path), "recipe")
    assert read_yaml(path, "recipe").values == {"a": 1}
    path.write_bytes(b"a: \xff\n")
    with pytest.raises(UserError, match=f"^recipe {path}: not YAML: byte 3 is not UTF-8$"):
        read_yaml(path, "recipe")
    path.write_text("a: 1\nb: [")
    with pytest.raises(UserError, match=f"^space {path}, line 2: not YAML: "):
        read_yaml(path, "space")
    with pytest.raises(UserError, match=r"^recipe .*gone.yaml: No such file or directory$"):
        read_yaml(tmp_path / "gone.yaml", "recipe")
    with pytest.raises(UserError, match="Is a directory$"):
        read_yaml(tmp_path, "recipe")
    os.truncate(path, 20 * 2**30)
    with pytest.raises(UserError, match=f"^recipe {path}: is 20 GiB large; at most 3.81 MiB are"):
        read_yaml(path, "recipe")
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(UserError, match=r"^space .*pipe\.yaml: is a pipe, not a file$"):
        read_yaml(tmp_path / "pipe.yaml", "space")


def test_errors_with_the_values_name_the_line(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("# first\nmodel: x\ntraining:\n  epochs: 0\nspace.field: 1\nlist:\n- a\n- b\n")
    document = read_yaml(path, "recipe")
    for field, line in {
        "model": 2,
        "training": 3,
        "training.epochs": 4,
        "training.seed": 3,  # missing there
        "space.field": 5,
        "list.1": 8,
    }.items():
        located = str(document.located(SpecError([Fault(field, "is wrong")])))
        assert located == f"recipe {path}, line {line}: {field}: is wrong"
    error = SpecError([Fault("data", "is required"), Fault("model", "is wrong")])
    assert str(document.located(error)) == (
        f"recipe {path}: data: is required; line 2: model: is wrong"
    )
