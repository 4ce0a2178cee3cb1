"""`kerascnn export`, as a user sees it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kerascnn.tracking import list_runs


def test_an_export_is_told_with_its_lines_and_its_check(
    trained, tmp_path, kerascnn, monkeypatch
) -> None:
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed: kerascnn[litert]")
    done = kerascnn("export", "first", "--format", "litert", "--out", tmp_path / "lite")
    assert done.code == 0, done.err
    assert "import numpy, PIL.Image\n" in done.out
    assert re.search(r"\nlitert +\S*lite/ +100.00% ", done.out)
    assert "180 validation images" in done.out or "validation images; one core" in done.out
    assert (tmp_path / "lite" / "use.py").read_text() in done.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["frist", "--format", "onnx"], "unknown run 'frist': did you mean first"),
        (["first", "--format", "onx"], "unknown format 'onx': did you mean onnx"),
        (["first"], "Missing option '--format'"),
        (["first", "--format", "keras", "--format", "savedmodel", "--out", "x"], "--out names"),
        (["first", "--format", "keras", "--out", "mlruns"], "mlruns: is there, and no export"),
        (["none.keras", "--format", "keras"], "none.keras"),
    ],
)
def test_mistakes_are_one_line(trained, kerascnn, arguments: list[str], told: str) -> None:
    before = sorted(Path.cwd().iterdir())
    done = kerascnn("export", *arguments)
    assert done.code == 2
    assert told in done.err
    assert sorted(Path.cwd().iterdir()) == before
    assert len(list_runs()) == 2
