"""The commands of sweeps: what they refuse before anything heavy is imported."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "sweep needs MODEL and DATASET ('kerascnn sweep convnet mnist'), --recipe NAME"),
        (("convnet",), "sweep needs MODEL and DATASET, or --recipe NAME"),
        (("convnet", "digits", "--recipe", "digits-quick"), "or --recipe NAME, not both"),
        (("convnet", "digits", "--tuner", "grit"), "tuner: got 'grit'"),
        (("convnet", "digits", "--objective", "val_f1"), "no trial logs it"),
        (("convnet", "digits", "--trials", "0"), "trials: got 0"),
        (("convnet", "digits", "--space", "nowhere.yaml"), "space nowhere.yaml: No such file"),
        (("convnet", "digits", "--space", "upside.yaml"), "upside.yaml"),
        (("convnet", "digits", "--space", "unknown.yaml"), "did you mean model.filters"),
        (("--resume", "latest"), "no sweep 'latest'"),
    ],
)
def test_mistakes_are_one_line(workplace: Path, kerascnn, arguments, message: str) -> None:
    Path("upside.yaml").write_text("model.filters: {int: [64, 8]}\n")
    Path("unknown.yaml").write_text("model.filter: {int: [8, 64]}\n")
    for command in ("sweep", "sweep-chief"):
        finished = kerascnn(command, *arguments)
        assert finished.code == 2
        assert finished.err.count("\n") == 1
        assert message in finished.err


def test_worker_names_a_chief(kerascnn) -> None:
    finished = kerascnn("sweep-worker", "--chief", "somewhere")
    assert finished.code == 2
    assert "must be HOST:PORT" in finished.err
