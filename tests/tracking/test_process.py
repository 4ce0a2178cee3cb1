"""Which process writes a run, and whether it still lives: real processes."""

from __future__ import annotations

import json
import subprocess
import sys

from kerascnn.tracking.process import is_gone, own_process

TELL = """
import json, sys
from kerascnn.tracking.process import own_process
print(json.dumps(own_process()), flush=True)
sys.stdin.read()
"""


def test_this_process_lives() -> None:
    assert not is_gone(own_process())
    assert own_process() == own_process()


def test_a_process_is_gone_when_it_has_ended() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", TELL], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    tags = json.loads(process.stdout.readline())
    assert not is_gone(tags)
    process.communicate("")
    assert is_gone(tags)


def test_a_number_that_another_process_has_now_is_not_taken_for_it() -> None:
    tags = own_process()
    (key,) = (key for key, value in tags.items() if " " in value)
    number, _, start = tags[key].partition(" ")
    assert is_gone({**tags, key: f"{number} {float(start) - 60:.2f}"})


def test_of_other_machines_and_of_old_runs_nothing_is_known() -> None:
    gone = {**own_process(), "kerascnn.process": "999999999 1.00"}
    assert is_gone(gone)
    assert not is_gone({**gone, "kerascnn.host": "another machine"})
    assert not is_gone({})


def test_tags_that_say_nothing_sensible_are_of_no_living_process() -> None:
    assert is_gone({**own_process(), "kerascnn.process": "not a number"})
