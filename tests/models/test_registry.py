"""Names of networks, those of other packages included."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kerascnn.errors import UserError
from kerascnn.models import registry
from kerascnn.models.registry import model_entry, models, register_model


@pytest.fixture
def name() -> Iterator[str]:
    """A name that is free, and free again after the test."""
    yield "of-a-test"
    registry._MODELS.pop("of-a-test", None)


def test_what_is_registered_is_found_with_all_that_was_said(name: str) -> None:
    def builder(x, classes, *, filters: int = 3):
        return x

    register = register_model(
        name, family="tests", year=2001, paper="A paper", input_shape=(9, 8, 1), classes=7,
        normalization="unit", loss="map", filters=5,
    )  # fmt: skip
    assert register(builder) is builder, "it stays what it was"
    entry = model_entry(name)
    assert models()[name] is entry
    assert list(models())[-1] == name
    assert entry.builder is builder
    assert (entry.family, entry.year, entry.paper) == ("tests", 2001, "A paper")
    assert (entry.input_shape, entry.classes) == ((9, 8, 1), 7)
    assert (entry.normalization, entry.loss, entry.preset) == ("unit", "map", {"filters": 5})
    assert entry.source is None


def test_a_name_is_given_once(name: str) -> None:
    first = register_model(name)(lambda x, classes: x)
    with pytest.raises(ValueError, match=f"a network named '{name}' is already registered"):
        register_model(name)(lambda x, classes: None)
    assert model_entry(name).builder is first


def test_an_unknown_name_is_told_with_the_closest() -> None:
    with pytest.raises(
        UserError, match="^unknown model 'vgg61': did you mean vgg1.*'kerascnn models' lists them$"
    ):
        model_entry("vgg61")


def test_entries_are_frozen() -> None:
    with pytest.raises(AttributeError):
        model_entry("lenet5").year = 1990  # type: ignore[misc]


@pytest.fixture
def package(tmp_path: Path, monkeypatch) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Installs a package whose module, of that content, registers networks; then lists them."""
    about = tmp_path / "fake_nets-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-nets\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[kerascnn.models]\nfake = fake_nets\n")

    def run(content: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "fake_nets.py").write_text(content)
        monkeypatch.setenv("PYTHONPATH", ":".join([str(tmp_path), *filter(None, sys.path)]))
        command = [sys.executable, "-m", "kerascnn_pipelines.cli", "models", "--family", "fakes"]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


def test_networks_of_another_package_are_listed(package) -> None:
    done = package(
        "from kerascnn.models.registry import register_model\n"
        "@register_model('fake5', family='fakes', year=1905, paper='A paper')\n"
        "def fake(x, classes): return x\n"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].split() == [
        "fake5", "32x32x3", "?", "?", "1905", "A", "paper"
    ]  # fmt: skip


def test_a_package_that_cannot_be_imported_is_named(package) -> None:
    done = package("1 / 0")
    assert done.returncode == 2
    assert done.stderr == (
        "Error: the package fake-nets registers networks and cannot be imported "
        "(ZeroDivisionError: division by zero): mend or remove it\n"
    )
