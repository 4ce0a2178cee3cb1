"""`kerascnn export`, as a user sees it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kerascnn.tracking import list_runs
from kerascnn.tracking.store import store_uri


def test_an_export_is_told_with_its_lines_and_its_check(
    trained, tmp_path, kerascnn, monkeypatch
) -> None:
    """Also where the next one is refused."""
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed: kerascnn[litert]")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store_uri())
    monkeypatch.chdir(tmp_path)
    Path("first-keras").mkdir()
    done = kerascnn("export", "first", "--format", "litert", "--format", "keras")
    assert done.code == 2
    assert "first-keras: is there, and no export" in done.err
    assert "import numpy, PIL.Image\n" in done.out
    assert re.search(r"\nlitert +first-litert/ +100.00% ", done.out)
    assert "on 153 validation images; one core" in done.out
    assert Path("first-litert/use.py").read_text() in done.out


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
