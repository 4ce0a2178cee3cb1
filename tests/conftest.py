"""Fixtures and markers that every test shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DATA_VARIABLE = "KERASCNN_TEST_DATA"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the tests marked slow")


def _missing_data() -> str | None:
    folder = os.environ.get(DATA_VARIABLE)
    if not folder:
        return f"{DATA_VARIABLE} is not set (a folder that holds tfds/ and photos/)"
    missing = [name for name in ("tfds", "photos") if not (Path(folder) / name).is_dir()]
    return f"{DATA_VARIABLE}={folder} has no {' nor '.join(missing)}" if missing else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    reason = _missing_data()
    for item in items:
        if reason and item.get_closest_marker("realdata"):
            item.add_marker(pytest.mark.skip(reason=reason))
        if item.get_closest_marker("slow") and not config.getoption("--slow"):
            item.add_marker(pytest.mark.skip(reason="slow; run with --slow"))


@pytest.fixture
def test_data(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of real data sets, with TFDS pointed at it; for tests marked realdata."""
    folder = Path(os.environ[DATA_VARIABLE]).resolve()
    monkeypatch.setenv("TFDS_DATA_DIR", str(folder / "tfds"))
    return folder


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory with a tracking store of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path
