"""Where derived data is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from kerascnn.cache import cache_folder


@pytest.mark.parametrize(
    ("given", "xdg", "folder"),
    [
        ("/some/where", "/xdg", "/some/where"),
        ("~/here", None, "HOME/here"),
        (None, "/xdg", "/xdg/kerascnn"),
        ("", "~/xdg", "HOME/xdg/kerascnn"),
        (None, None, "HOME/.cache/kerascnn"),
        (None, "", "HOME/.cache/kerascnn"),
    ],
)
def test_which_variable_decides(given, xdg, folder, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in (("KERASCNN_CACHE", given), ("XDG_CACHE_HOME", xdg)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert cache_folder() == Path(folder.replace("HOME", str(tmp_path)))
    assert not list(tmp_path.iterdir())  # asking makes nothing
