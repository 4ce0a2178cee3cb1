"""What is written of many files, and how it goes on after an interruption."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from kerascnn.errors import UserError
from kerascnn.serving import answers
from kerascnn.serving.answers import AnswerFile, Layout, format_of, job_of, text_format
from kerascnn.serving.predict import Prediction

ONE = Prediction(Path("a,b.png"), ("cat", "dog"), (0.75, 0.25))
BAD = Prediction(Path("bad.png"), error="bad.png: is not an image")
TWO = Prediction(Path("ü.png"), ("dog", "cat"), (0.5, 0.5))
BLOCKS = [[ONE, BAD], [TWO], [ONE, TWO]]


def test_texts() -> None:
    plain = text_format("csv", Layout())
    assert plain.head == "file,rank,class,probability\n"
    assert plain.body([ONE], False) == '"a,b.png",1,cat,0.750000\n"a,b.png",2,dog,0.250000\n'
    unsure = text_format("csv", Layout(unknown_below=0.6))
    assert unsure.head.endswith(",unknown\n")
    assert unsure.body([TWO], False) == "ü.png,1,dog,0.500000,1\nü.png,2,cat,0.500000,1\n"
    several = Layout({"cat": 0.5, "dog": 0.1})
    none = Prediction(Path("none.png"))
    text = text_format("csv", several).body([TWO, none], False)
    assert text == "ü.png,1,dog,0.500000,0.100000\nü.png,2,cat,0.500000,0.500000\nnone.png,0,,,\n"
    assert several.record(none) == {"file": "none.png", "labels": []}
    lines = text_format("jsonl", Layout(unknown_below=0.6)).body([ONE, TWO], False)
    assert [json.loads(line)["unknown"] for line in lines.splitlines()] == [False, True]
    assert "\\u00fc" in text_format("jsonl", Layout(), escaped=True).body([TWO], False)


@pytest.mark.parametrize("blocks", [[], [[ONE]], [[ONE], [], [TWO, ONE]]])
def test_json_is_one_list_however_it_comes(blocks) -> None:
    form, more, text = text_format("json", Layout()), False, ""
    for block in blocks:
        text += form.body(block, more)
        more = more or bool(block)
    expected = [Layout().record(one) for block in blocks for one in block]
    whole = form.head + text + form.tail
    assert json.loads(whole) == expected
    if expected:
        assert whole == json.dumps(expected, indent=2, ensure_ascii=False) + "\n"


def _write(path: Path, name: str, blocks: Iterable[list[Prediction]]) -> AnswerFile:
    with AnswerFile(path, name, Layout(), "job") as file:
        for block in blocks:
            file.add(block)
    return file


def _interrupt(path: Path, name: str, blocks: list[list[Prediction]]) -> Path:
    """Writes a part of a file; returns its path."""

    def blocks_and_then() -> Iterator[list[Prediction]]:
        yield from blocks
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _write(path, name, blocks_and_then())
    assert not path.exists()
    return path.with_name(f"{path.name}.partial")


@pytest.mark.parametrize("name", ["csv", "jsonl"])
@pytest.mark.parametrize("after", [0, 1, 2])
def test_the_same_job_goes_on_where_it_stopped(name, after, tmp_path) -> None:
    whole = _write(tmp_path / f"whole.{name}", name, BLOCKS)
    assert (whole.done, whole.failed) == (5, 1)
    path = tmp_path / f"part.{name}"
    partial = _interrupt(path, name, BLOCKS[:after])
    with partial.open("a") as more:
        more.write("what was cut off in the middle of a li")
    with AnswerFile(path, name, Layout(), "job") as file:
        assert partial.with_name(f"{partial.name}.json").exists()  # whatever comes next
        assert file.done == sum(map(len, BLOCKS[:after]))
        for block in BLOCKS[after:]:
            file.add(block)
    assert (file.done, file.failed) == (5, 1)
    assert path.read_bytes() == (tmp_path / f"whole.{name}").read_bytes()
    assert {file.name for file in tmp_path.iterdir()} == {f"whole.{name}", f"part.{name}"}


def test_a_kill_loses_only_what_was_not_noted(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(answers, "_EVERY", 0.0)
    (tmp_path / "before").mkdir()

    def blocks() -> Iterator[list[Prediction]]:
        yield BLOCKS[0]
        monkeypatch.setattr(answers, "_EVERY", 1e9)
        yield BLOCKS[1]
        shutil.copytree(tmp_path / "before", tmp_path / "killed")  # what a kill would leave now
        yield BLOCKS[2]

    _write(tmp_path / "before/a.csv", "csv", blocks())
    with AnswerFile(tmp_path / "killed/a.csv", "csv", Layout(), "job") as file:
        assert (file.done, file.failed) == (2, 1)
        for block in BLOCKS[1:]:
            file.add(block)
    before, after = (tmp_path / f"{name}/a.csv" for name in ("before", "killed"))
    assert before.read_bytes() == after.read_bytes()


def test_a_part_that_has_lost_its_end_is_begun_again(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    partial = _interrupt(path, "csv", BLOCKS[:1])
    partial.write_bytes(partial.read_bytes()[:9])
    assert _write(path, "csv", BLOCKS).done == 5
    assert path.read_text(encoding="utf-8").startswith("file,rank")


@pytest.mark.parametrize(
    "note", ['{"job": "other", "done": 1, "failed": 0, "bytes": 0}', "[]", None]
)
def test_a_part_of_another_job_is_left_alone(note: str | None, tmp_path: Path) -> None:
    partial = tmp_path / "a.csv.partial"
    partial.write_text("theirs")
    if note:
        (tmp_path / "a.csv.partial.json").write_text(note)
    with pytest.raises(UserError, match="a.csv.partial: is left by another command.*remove it"):
        AnswerFile(tmp_path / "a.csv", "csv", Layout(), "job")
    assert partial.read_text() == "theirs"


def test_parquet_has_the_rows_of_csv_with_their_types(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(answers, "_ROW_GROUP", 3)
    path = tmp_path / "a.parquet"
    _write(path, "parquet", BLOCKS)
    table = parquet.read_table(path)
    assert table.to_pylist() == [
        dict(zip(Layout().columns, row, strict=True))
        for block in BLOCKS
        for one in block
        if one.error is None
        for row in Layout().rows(one)
    ]
    assert table.schema.field("rank").type == "int32"
    _write(path, "parquet", [])
    assert parquet.read_table(path).num_rows == 0


@pytest.mark.parametrize("name", ["json", "parquet"])
def test_other_formats_begin_again(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{name}"
    _interrupt(path, name, BLOCKS[:1])
    assert not [*tmp_path.iterdir()]
    _write(path, name, BLOCKS)
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["csv", "parquet"])
def test_a_full_disk_is_told_on_one_line(name: str, small_disk: Path) -> None:
    path = small_disk / f"a.{name}"
    random = np.random.default_rng(0)  # which no format makes smaller than the disk
    many = [Prediction(Path(random.bytes(400).hex()), ("cat",), (1.0,)) for _ in range(6000)]
    with pytest.raises(UserError, match=rf"cannot write .*a.{name}: .*No space left on device"):
        _write(path, name, [many])
    assert not path.exists()


def test_formats_by_ending() -> None:
    assert [format_of(Path(f"x.{name}")) for name in ("csv", "JSONL", "json", "parquet")] == [
        "csv", "jsonl", "json", "parquet",
    ]  # fmt: skip
    with pytest.raises(UserError, match=r"unknown format of --out '.cvs'.*\.csv"):
        format_of(Path("x.cvs"))


def test_a_job_is_its_model_options_and_files(tmp_path: Path) -> None:
    model = tmp_path / "model.keras"
    model.write_bytes(b"one")
    job = job_of(model, [Path("a"), Path("b")], {"top": 1})
    assert job == job_of(model, [Path("a"), Path("b")], {"top": 1})
    assert job != job_of(model, [Path("ab")], {"top": 1})
    assert job != job_of(model, [Path("a"), Path("b")], {"top": 2})
    model.write_bytes(b"two")
    assert job != job_of(model, [Path("a"), Path("b")], {"top": 1})
