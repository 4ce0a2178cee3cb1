"""`kerascnn lr-find`, as a user sees it."""

from __future__ import annotations

import re

import pytest


def test_the_command_draws_and_suggests_and_tracks_nothing(kerascnn, workplace):
    done = kerascnn("lr-find", "lenet5", "digits", "--steps", 60, "--out", "found.png")
    assert (done.code, done.err) == (0, "")
    assert re.search(r"^suggestion: [0-9.e-]+ \(a tenth of .* where the smoothed", done.out, re.M)
    assert (workplace / "found.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in workplace.iterdir()] == ["found.png"]


def test_the_command_needs_something_to_train(kerascnn):
    done = kerascnn("lr-find", "lenet5")
    assert done.code == 2
    assert "lr-find needs MODEL and DATASET ('kerascnn lr-find lenet5 digits')" in done.err
    done = kerascnn("lr-find", "lenet5", "digits", "--recipe", "digits-quick")
    assert "lr-find takes MODEL and DATASET, or --recipe NAME, not both" in done.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--steps", "9"], "lr-find steps: got 9, must be at least 10"),
        (["--from", "1", "--to", "0.1"], "got rates from 1 to 0.1, must grow from above 0"),
        (["--out", "found.gif", "--steps", "30"], "found.gif: must end in .png, .svg or .pdf"),
    ],
)
def test_mistakes_are_one_line(kerascnn, workplace, arguments: list[str], message: str) -> None:
    done = kerascnn("lr-find", "linear", "digits", "--set", "data.image_size=8", *arguments)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1
    assert not list(workplace.iterdir())
