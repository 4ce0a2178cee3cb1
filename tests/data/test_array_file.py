"""Arrays in files: every row comes back, and what is not what was written is not used."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from kerascnn.data.array_file import ArrayFile, file_size, open_array, write_array

SHAPE = (7, 3, 2, 1)
PIXELS = np.arange(42, dtype=np.uint8).reshape(SHAPE)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a" / "pixels.npy"
    write_array(path, SHAPE, [PIXELS[:4], PIXELS[4:]])
    return path


def _opened(path: Path, shape: tuple[int, ...] = SHAPE) -> ArrayFile:
    found = open_array(path, shape)
    assert found is not None
    return found


def test_what_is_written_is_an_array_as_numpy_writes_it(path: Path) -> None:
    np.testing.assert_array_equal(np.load(path), PIXELS)
    assert path.stat().st_size == file_size(SHAPE)
    assert sorted(file.name for file in path.parent.iterdir()) == ["pixels.json", "pixels.npy"]


@pytest.mark.parametrize("rows", [[], [3], [2, 3, 4], [6, 0, 3, 3], range(7), range(6, -1, -1)])
def test_rows_come_in_the_order_that_is_asked_for(path: Path, rows: list[int]) -> None:
    numbers = np.array(rows, np.int64)
    found = _opened(path)[numbers]
    assert (found.dtype, found.shape) == (np.uint8, (len(numbers), *SHAPE[1:]))
    np.testing.assert_array_equal(found, PIXELS[numbers])


def test_what_is_not_there_is_made_without_a_word(tmp_path: Path) -> None:
    assert open_array(tmp_path / "none.npy", SHAPE) is None


def _changed_in_place(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def _a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda path: path.write_bytes(b""), "is cut off, or something else"),
        (lambda path: path.write_bytes(path.read_bytes()[:-1]), "is cut off, or something else"),
        (lambda path: path.write_bytes(path.read_bytes()[:50]), "is cut off, or something else"),
        (lambda path: path.write_bytes(path.read_bytes() + b"0"), "is cut off, or something else"),
        (lambda path: os.truncate(path, 2**40), "is cut off, or something else"),
        (lambda path: path.write_bytes(bytes(file_size(SHAPE))), "is cut off, or something else"),
        (lambda path: np.save(path, PIXELS.astype(np.int8)), "is cut off, or something else"),
        (lambda path: np.save(path, PIXELS.reshape(7, 1, 2, 3)), "is cut off, or something else"),
        (lambda path: np.save(path, PIXELS[::-1].copy()), "is damaged"),
        (_changed_in_place, "is damaged"),
        (_a_pipe, "is a pipe, not a file"),
        (_a_folder, "Is a directory"),
        (lambda path: path.with_suffix(".json").unlink(), "has no checksum"),
        (lambda path: path.with_suffix(".json").write_text(""), "has no checksum"),
        (lambda path: path.with_suffix(".json").write_text("[1]"), "has no checksum"),
        (lambda path: path.with_suffix(".json").write_text("[" * 50_000), "has no checksum"),
        (lambda path: path.with_suffix(".json").write_bytes(b"\xff{}"), "has no checksum"),
        (lambda path: os.truncate(path.with_suffix(".json"), 2**40), "has no checksum"),
        (lambda path: _a_pipe(path.with_suffix(".json")), "has no checksum"),
    ],
)
def test_what_is_not_what_was_written_is_one_line_and_made_anew(
    path: Path, spoil, reason: str
) -> None:
    spoil(path)
    line = f"^{path}: {reason}: what was kept there is made anew$"
    with pytest.warns(UserWarning, match=line) as said:
        assert open_array(path, SHAPE) is None
    assert len(said) == 1
    if path.is_dir():
        return  # what makes it anew says that it cannot
    write_array(path, SHAPE, [PIXELS])
    np.testing.assert_array_equal(_opened(path)[np.arange(7)], PIXELS)


def test_an_array_of_another_shape_is_another(path: Path) -> None:
    with pytest.warns(UserWarning, match="something else"):
        assert open_array(path, (7, 2, 3, 1)) is None


def test_what_has_been_copied_is_looked_at_once_more_and_only_once(path: Path) -> None:
    beside = path.with_suffix(".json")
    copied = path.with_name("copied.npy")
    shutil.copyfile(path, copied)
    shutil.copyfile(beside, copied.with_suffix(".json"))
    before = json.loads(beside.read_text())
    np.testing.assert_array_equal(_opened(copied)[np.array([5])], PIXELS[[5]])
    after = json.loads(copied.with_suffix(".json").read_text())
    assert after["sha256"] == before["sha256"]
    assert after["checked"] != before["checked"]
    _opened(copied)
    assert json.loads(copied.with_suffix(".json").read_text()) == after


def test_using_it_is_noted_without_touching_what_was_checked(path: Path) -> None:
    beside = path.with_suffix(".json")
    os.utime(beside, (1, 1))
    before = path.stat().st_mtime_ns
    _opened(path)
    assert beside.stat().st_mtime > 1
    assert path.stat().st_mtime_ns == before


@pytest.mark.parametrize("rows", [[5, 6], [6, 1]])
def test_a_file_that_shrinks_while_it_is_read_is_an_error_and_no_end(
    path: Path, rows: list[int]
) -> None:
    array = _opened(path)
    assert array.failure is None
    os.truncate(path, file_size(SHAPE) - 1)
    with pytest.raises(OSError, match="has become shorter"):
        array[np.array(rows)]
    assert array.failure == f"{path}: has become shorter while it was read"
    np.testing.assert_array_equal(array[np.array([0])], PIXELS[:1])


def test_an_array_that_is_removed_can_still_be_read_and_is_let_go_of(path: Path) -> None:
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").is_dir() else 0
    array = _opened(path)
    path.unlink()
    np.testing.assert_array_equal(array[np.arange(7)], PIXELS)
    del array
    if before:
        assert len(os.listdir("/proc/self/fd")) == before


def test_of_rows_that_cannot_be_had_nothing_is_left(tmp_path: Path) -> None:
    def rows() -> Iterator[np.ndarray]:
        yield PIXELS[:4]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_array(tmp_path / "pixels.npy", SHAPE, rows())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("small_disk", ["32k"], indirect=True)
def test_a_full_disk_is_found_out_before_the_work(small_disk: Path) -> None:
    def rows() -> Iterator[np.ndarray]:
        pytest.fail("there is no room for them")
        yield PIXELS

    with pytest.raises(OSError, match="No space left"):
        write_array(small_disk / "pixels.npy", (100, 30, 30, 3), rows())
    assert not list(small_disk.iterdir())
