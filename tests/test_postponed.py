from __future__ import annotations

import importlib
import sys

import pytest

from kerascnn.postponed import postponed


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package whose parts leave a trace when they are run."""
    folder = tmp_path / "postponed_example"
    folder.mkdir()
    (folder / "__init__.py").write_text("from postponed_example import slow as slow\nran = []\n")
    (folder / "slow.py").write_text(
        "import postponed_example\npostponed_example.ran.append('slow')\nanswer = 42\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield "postponed_example"
    for name in [name for name in sys.modules if name.startswith("postponed_example")]:
        del sys.modules[name]


def test_a_postponed_module_runs_when_it_is_used(package):
    with postponed(f"{package}.slow"):
        module = importlib.import_module(package)
    assert module.ran == []
    assert module.slow.answer == 42
    assert module.ran == ["slow"]


def test_nothing_else_and_nothing_later_is_postponed(package):
    before = list(sys.meta_path)
    with postponed(f"{package}.other"), pytest.raises(AttributeError, match="ran"):
        importlib.import_module(package)  # its part needs what comes after it
    assert sys.meta_path == before
