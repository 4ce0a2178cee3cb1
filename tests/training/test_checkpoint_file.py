"""The file of a checkpoint: round trip, kills in the middle of writing, damage, locks."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest

import kerascnn.training.checkpoint_file
from kerascnn.errors import UserError
from kerascnn.training.checkpoint_file import Checkpoint

WRITER = """
import sys
from pathlib import Path
import numpy as np
from kerascnn.training.checkpoint_file import Checkpoint
checkpoint = Checkpoint(Path(sys.argv[1]))
number = int(sys.argv[2])
while True:
    number += 1
    checkpoint.write({"number": number, "arrays": [np.full(500_000, number)] * 4})
    print(number, flush=True)
"""


def test_what_is_written_is_read(tmp_path) -> None:
    checkpoint = Checkpoint(tmp_path / "run")
    state: dict[str, Any] = {
        "epoch": 3,
        "best": float("inf"),
        "third": 1 / 3,
        "none": None,
        "weights": [np.arange(6, dtype=np.float32).reshape(2, 3), np.array(7, np.int64)],
        "nested": {"seed": np.array([1, 2], np.uint32), "empty": [], "flag": np.array(True)},
    }
    checkpoint.write(state)
    checkpoint.write(state)  # over the first
    read = checkpoint.read()
    for name in ("epoch", "best", "third", "none"):
        assert read[name] == state[name]
    for array, back in zip(state["weights"], read["weights"], strict=True):
        np.testing.assert_array_equal(array, back, strict=True)
    np.testing.assert_array_equal(read["nested"]["seed"], [1, 2])
    assert read["nested"]["empty"] == []
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["checkpoint.npz"]


def test_a_kill_in_the_middle_of_writing_leaves_a_whole_checkpoint(tmp_path) -> None:
    checkpoint = Checkpoint(tmp_path / "run")
    moments = random.Random(0)
    number, partial = 0, 0
    for _ in range(8):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "run"), str(number)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout is not None
        first = int(writer.stdout.readline())
        time.sleep(moments.uniform(0, 0.2))
        writer.send_signal(signal.SIGKILL)
        writer.communicate()
        partial += any((tmp_path / "run").glob(".checkpoint.*.partial.npz"))
        state = checkpoint.read()
        assert state["number"] >= first > number
        number = state["number"]
        for array in state["arrays"]:
            assert (array == number).all()
    assert partial, "no kill came while a checkpoint was being written"


def test_damage_is_one_line(tmp_path) -> None:
    checkpoint = Checkpoint(tmp_path)
    checkpoint.write({"weights": [np.arange(10_000)]})
    whole = checkpoint.path.read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for damaged in (whole[: len(whole) // 2], bytes(flipped), b"", b"no archive"):
        checkpoint.path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"checkpoint .*\.npz is damaged: start the run anew"):
            checkpoint.read()
    with checkpoint.path.open("wb") as file:
        np.savez(file, other=np.zeros(3))
    with pytest.raises(UserError, match="is damaged"):
        checkpoint.read()
    checkpoint.remove()
    with pytest.raises(UserError, match="No such file"):
        checkpoint.read()


def test_another_format_is_refused(tmp_path, monkeypatch) -> None:
    checkpoint = Checkpoint(tmp_path)
    monkeypatch.setattr(kerascnn.training.checkpoint_file, "FORMAT", 9)
    checkpoint.write({})
    monkeypatch.undo()
    with pytest.raises(UserError, match="is of format 9, this version of kerascnn reads 1"):
        checkpoint.read()


def test_a_run_is_trained_by_one_process(tmp_path) -> None:
    folder = tmp_path / ("a" * 32)
    with Checkpoint(folder).locked():
        with (
            pytest.raises(UserError, match="run aaaaaaaa is being trained by another process"),
            Checkpoint(folder).locked(),
        ):
            pass
        Checkpoint(folder).write({})
    with Checkpoint(folder).locked():  # free again, and what was written is kept
        assert Checkpoint(folder).read() == {}


def test_no_folder_is_left_where_nothing_was_written(tmp_path) -> None:
    with Checkpoint(tmp_path / "run").locked():
        pass
    assert not (tmp_path / "run").exists()


def test_a_write_that_fails_leaves_the_one_before(tmp_path, small_disk) -> None:
    checkpoint = Checkpoint(small_disk / "run")
    checkpoint.write({"number": 1, "weights": np.zeros(50_000, np.uint8)})
    for _ in range(3):
        with pytest.raises(OSError, match="No space left on device"):
            checkpoint.write({"number": 2, "weights": np.zeros(2**21, np.uint8)})
    assert checkpoint.read()["number"] == 1
    assert os.listdir(small_disk / "run") == ["checkpoint.npz"]
    checkpoint.write({"number": 3, "weights": np.zeros(50_000, np.uint8)})
    assert checkpoint.read()["number"] == 3
