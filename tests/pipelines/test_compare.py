"""`kerascnn compare`, as a user sees it."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image


def test_compare_shows_only_what_differs(trained, kerascnn, tmp_path) -> None:
    done = kerascnn("compare", "first", "second", "--out", tmp_path / "curves.png")
    assert done.code == 0, done.err
    assert re.search(r"training.epochs +3 +2", done.out)
    assert "training.seed" not in done.out
    assert re.search(r"test_accuracy +\d\d\.\d\d% +\d\d\.\d\d%", done.out)
    with Image.open(tmp_path / "curves.png") as image:
        assert image.width > 800
    done = kerascnn("compare", "first", "second", "--out", tmp_path / "none" / "curves.png")
    assert done.code == 2
    assert "there is no folder" in done.err


def test_runs_of_the_same_recipe(trained, kerascnn, tmp_path: Path) -> None:
    done = kerascnn("compare", "first", "first", "--out", tmp_path / "curves.svg")
    assert done.code == 0, done.err
    assert re.search(r"^recipe +the same +the same *$", done.out, re.MULTILINE)
    assert done.out.endswith(f"curves: {tmp_path / 'curves.svg'}\n")
    assert "<svg" in (tmp_path / "curves.svg").read_text(encoding="utf-8")


def test_mistakes_are_one_line_and_draw_nothing(trained, kerascnn, tmp_path: Path) -> None:
    for arguments, message in (
        (["first"], "compare needs two runs or more"),
        (["first", "secnd"], "unknown run 'secnd': did you mean second"),
        (["first", "second", "--out", tmp_path / "a.gif"], "must end in .png, .svg or .pdf"),
    ):
        done = kerascnn("compare", *arguments)
        assert done.code == 2
        assert message in done.err
        assert done.err.count("\n") == 1
    assert not list(tmp_path.iterdir())
    assert not (trained / "compare.png").exists()
