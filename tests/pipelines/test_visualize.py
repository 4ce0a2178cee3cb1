"""`kerascnn visualize`: a picture goes into its run, to --out and its numbers to --npz."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerascnn import tracking
from kerascnn.visualization.contents import KINDS


def test_the_kinds_are_listed_without_a_run(workplace: Path, kerascnn) -> None:
    listed = kerascnn("visualize", "--help").out
    for kind in KINDS:
        assert f"  {kind} " in listed
    assert kerascnn("visualize").out.startswith("Usage: ")
    assert not list(workplace.iterdir())


@pytest.mark.parametrize("words", [("first", "filters", "--help"), ("filters", "--help")])
def test_a_kind_has_help_of_its_own(words: tuple[str, ...], workplace: Path, kerascnn) -> None:
    found = kerascnn("visualize", *words)
    assert found.code == 0
    assert "--layer TEXT" in found.out
    assert "--no-before" in found.out


def test_a_picture_goes_into_its_run_and_where_it_is_wanted(trained: Path, kerascnn) -> None:
    out, npz = trained / "mine.svg", trained / "numbers.npz"
    found = kerascnn("visualize", "first", "filters", "--no-before", "--out", out, "--npz", npz)
    assert found.code == 0, found.err
    kept = tracking.load_run("first").artifact_folder
    assert kept is not None
    path = kept / "pictures" / "filters.png"
    assert f"picture: {path.relative_to(trained)}" in found.out
    with Image.open(path) as image:
        assert image.width > 300
    assert out.read_text(encoding="utf-8").startswith("<?xml")
    with np.load(npz) as numbers:
        assert "after_training" in numbers
    out.unlink()
    npz.unlink()


def test_a_network_that_is_no_run_is_drawn_here(workplace: Path, kerascnn) -> None:
    found = kerascnn("visualize", "linear", "templates")
    assert found.out.splitlines()[-1] == "picture: linear-templates.png"
    assert [path.name for path in workplace.iterdir()] == ["linear-templates.png"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("first", "filter"), "unknown kind of picture 'filter': did you mean filters?"),
        (("none", "filters"), "unknown run 'none'"),
        (("first", "filters", "--layr", "c1"), "unknown option '--layr': did you mean --layer?"),
        (("first", "filters", "--out", "a.xyz"), "--out a.xyz: must end in .png"),
        (("first", "filters", "--npz", "a.npy"), "--npz a.npy: must end in .npz"),
        (("first", "filters", "--layer", "c9"), "unknown layer 'c9': known: "),
    ],
)
def test_mistakes_are_told_on_one_line(
    words: tuple[str, ...], message: str, trained: Path, kerascnn
) -> None:
    before = sorted(trained.iterdir())
    found = kerascnn("visualize", *words)
    assert found.code == 2
    (line,) = found.err.splitlines()
    assert line.startswith(f"Error: {message}")
    assert sorted(trained.iterdir()) == before
