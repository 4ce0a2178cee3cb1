"""Paths that pictures can be written to."""

from __future__ import annotations

from pathlib import Path

import pytest

from kerascnn.errors import UserError
from kerascnn.visualization.paths import ENDINGS, check_path


@pytest.mark.parametrize("name", ["a.gif", "a", "a.png.txt"])
def test_other_endings_are_refused(name: str, tmp_path: Path) -> None:
    assert ENDINGS == (".png", ".svg", ".pdf")
    message = f"^diagram {tmp_path / name}: must end in .png, .svg or .pdf$"
    with pytest.raises(UserError, match=message):
        check_path(tmp_path / name, what="diagram")


def test_the_folder_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^cannot write .*: there is no folder .*missing$"):
        check_path(tmp_path / "missing" / "net.svg")
    assert check_path(tmp_path / "net.svg") == tmp_path / "net.svg"
