"""Networks of one's own: FILE.py:FUNCTION, and what is said where there is none."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.models import own, registry
from kerascnn.models.build import build_model
from kerascnn.models.own import is_own, own_entry, short_name, source_digest

SMALL = '''
"""A network of one's own."""
from kerascnn.backend import keras
from kerascnn.models.registry import Count, register_model

WIDTHS = (3, 4)

def small(x, classes, *, filters: Count = 4):
    x = keras.layers.Conv2D(filters, 3, name="c1")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.layers.Dense(classes, name="fc")(x)

def other(x, classes):
    return keras.layers.Dense(classes)(keras.layers.Flatten()(x))

def _hidden(x, classes):
    return small(x, classes)
'''


@pytest.fixture(autouse=True)
def _forget() -> Iterator[None]:
    """Leaves nothing of a file to the tests that follow."""
    registered, named, modules = dict(registry._MODELS), dict(own._own), set(sys.modules)
    yield
    for name in {"mine", "failing_network"} - modules:
        sys.modules.pop(name, None)
    registry._MODELS.clear()
    registry._MODELS.update(registered)
    own._own.clear()
    own._own.update(named)


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    def write(content: str = SMALL, name: str = "mine.py") -> Path:
        (tmp_path / name).write_text(content)
        return tmp_path / name

    return write


def test_names_of_ones_own_and_of_registered_networks() -> None:
    assert is_own("mine.py:small")
    assert is_own("/some/where/mine.py:small")
    assert not is_own("lenet5")
    assert not is_own("mine.py")
    assert short_name("/some/where/mine.py:small") == "small"
    assert short_name("lenet5") == "lenet5"


def test_a_function_is_a_network(file) -> None:
    path = file()
    entry = own_entry(f"{path}:small")
    assert (entry.family, entry.source) == ("own", path)
    model = build_model(f"{path}:small", input_shape=(8, 8, 1), classes=3, filters=5)
    assert model.get_layer("c1").filters == 5
    assert model(np.zeros((2, 8, 8, 1), np.uint8)).shape == (2, 3)


def test_paths_may_be_relative_or_below_home(file, monkeypatch) -> None:
    path = file()
    monkeypatch.chdir(path.parent)
    monkeypatch.setenv("HOME", str(path.parent))
    for name in ("mine.py:small", "./mine.py:small", "~/mine.py:small"):
        assert own_entry(name).builder is own_entry(f"{path}:small").builder


def test_a_name_that_the_file_registers_is_one_too(file) -> None:
    above = '@register_model("thin", input_shape=(9, 9, 1), classes=7, filters=2)\n'
    path = file(SMALL.replace("def small", f"{above}def small"))
    entry = own_entry(f"{path}:thin")
    assert (entry.input_shape, entry.classes, dict(entry.preset)) == ((9, 9, 1), 7, {"filters": 2})
    assert (entry.name, entry.source) == (f"{path}:thin", path)
    model = build_model(f"{path}:thin", input_shape=(8, 8, 1), classes=3)
    assert model.get_layer("c1").filters == 2  # the preset's
    assert own_entry(f"{path}:thin") == entry, "asked for again, it is not registered again"


@pytest.mark.parametrize("wanted", ["smal", "_hidden", "WIDTHS", "keras", ""])
def test_an_unknown_function_is_told_with_those_that_there_are(file, wanted: str) -> None:
    path = file()
    with pytest.raises(UserError, match=f"^unknown network of {path} '{wanted}': ") as raised:
        own_entry(f"{path}:{wanted}")
    text = str(raised.value)
    if wanted == "smal":
        assert text.endswith("did you mean small?")
    elif wanted != "keras":
        assert text.endswith("known: other, small.")


def test_a_missing_file(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.py", tmp_path):
        name = f"{path}:small" if path.suffix else f"{path}/.py:small"
        with pytest.raises(UserError, match=r"no such file; one's own network is FILE.py:FUNCTION"):
            own_entry(name)


def test_what_is_no_file_to_import(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "hole.py").touch()
    os.truncate(tmp_path / "hole.py", 20 * 2**30)
    for file, reason in (
        (tmp_path / "pipe.py", "is a pipe, not a file"),
        (tmp_path / "hole.py", "is 20 GiB large; at most 16 MiB are read"),
        (tmp_path / f"{'x' * 5000}.py", "File name too long"),
        ("~nobody-of-that-name/nets.py", "there is no such home folder"),
        ("a\0.py", "this name holds a NUL character"),
    ):
        with pytest.raises(UserError, match=f"{reason}$") as raised:
            own_entry(f"{file}:small")
        assert len(str(raised.value)) < 400


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1 / 0", "ZeroDivisionError while it was imported: division by zero"),
        ("def small(:", "SyntaxError while it was imported: "),
        ("import no_such_module", "ModuleNotFoundError while it was imported: No module named"),
    ],
)
def test_a_file_that_fails(file, content: str, message: str) -> None:
    path = file(content, "failing_network.py")
    for _ in range(2):  # it is not remembered as imported
        with pytest.raises(UserError, match=f"^model {path}: {message}"):
            own_entry(f"{path}:small")
    assert "failing_network" not in sys.modules
    file(SMALL, "failing_network.py")
    assert own_entry(f"{path}:small").builder.__name__ == "small"  # once it is mended


def test_a_file_named_as_a_module_that_is_imported_gives_it_back_when_it_fails(file) -> None:
    path = file("raise RuntimeError('no')", "json.py")
    with pytest.raises(UserError, match="RuntimeError while it was imported: no"):
        own_entry(f"{path}:small")
    assert sys.modules["json"] is json


def test_a_file_is_imported_once_until_it_changes(file, tmp_path: Path) -> None:
    count = f"with open({str(tmp_path / 'imports')!r}, 'a') as file: file.write('x')\n"
    path = file(SMALL + count)
    first = own_entry(f"{path}:small").builder
    assert own_entry(f"{path}:small").builder is first
    assert own_entry(f"{path}:other").name.endswith(":other")
    assert (tmp_path / "imports").read_text() == "x"
    digest = source_digest(path)
    file(SMALL.replace("filters: Count = 4", "filters: Count = 6") + count)
    assert source_digest(path) != digest
    changed = build_model(f"{path}:small", input_shape=(8, 8, 1), classes=3)
    assert changed.get_layer("c1").filters == 6
    assert (tmp_path / "imports").read_text() == "xx"


def test_the_digest_is_that_of_sha256sum(file) -> None:
    assert source_digest(file("abc")) == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
