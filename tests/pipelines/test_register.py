"""`kerascnn register`, as a user sees it."""

from __future__ import annotations

import shutil
from pathlib import Path


def test_a_run_gets_a_name_and_an_alias(trained: Path, tmp_path: Path, work_in, kerascnn) -> None:
    work_in(Path(shutil.copytree(trained, tmp_path / "copy")))
    done = kerascnn("register", "first", "digits", "--alias", "champion")
    assert done.code == 0
    line, alias = done.out.splitlines()
    assert line.startswith("first (")
    assert line.endswith(") is models:/digits/1")
    assert alias == "models:/digits@champion is version 1"
    assert kerascnn("register", "second", "digits").out.rstrip().endswith("models:/digits/2")
    done = kerascnn("predict", "models:/digits@champion", "nothing-there.png")
    assert done.code == 2
    assert "nothing-there.png" in done.err
    done = kerascnn("compare", "models:/digits/1", "models:/digits/2", "--out", "c.png")
    assert done.code == 0
    assert done.out.splitlines()[0].split()[:2] == ["first", "second"] or "first" in done.out
    done = kerascnn("evaluate", "models:/digit@champion")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "did you mean digits?" in done.err


def test_a_name_that_cannot_be_is_refused_first(workplace: Path, kerascnn) -> None:
    done = kerascnn("register", "latest", "a/b")
    assert done.code == 2
    assert done.err.startswith("Error: NAME: got 'a/b'")
    assert not list(workplace.iterdir())
