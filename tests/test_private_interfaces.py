"""docs/private-interfaces.md has every private name of other libraries that the code uses."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "private-interfaces.md").read_text(encoding="utf-8")
LIBRARIES = ("keras", "keras_tuner", "mlflow")
# Without an underscore in their names, but not in MLflow's documentation either.
UNDOCUMENTED = ("mlflow.protos", "mlflow.server", "mlflow.store", "mlflow.utils")
# Of Python's own library.
OTHERS = {"_exit", "_forkserver", "_replace"}

FILES = [path for part in ("kerascnn", "pipelines") for path in sorted((ROOT / part).rglob("*.py"))]
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}


def _is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def _is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def _defined(tree: ast.Module) -> Iterator[str]:
    """Yields the private names that a module defines: functions, fields, attributes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.ctx, ast.Store)
            and _is_self(node.value)
        ):
            yield node.attr


OURS = {name for tree in TREES.values() for name in _defined(tree) if _is_private(name)}


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        modules: list[str] = []
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            modules = [node.module]
        for module in modules:
            parts = module.split(".")
            private = "src" in parts or any(map(_is_private, parts))
            if parts[0] in LIBRARIES and (private or module.startswith(UNDOCUMENTED)):
                yield module


def _attributes(tree: ast.AST) -> Iterator[str]:
    """Yields the private names that are read or written as attributes, or by `getattr`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _is_private(node.attr):
            yield node.attr
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("getattr", "setattr"):
            yield from filter(_is_private, re.findall(r"\w+", ast.unparse(node.args[1])))


@cache
def _classes() -> list[type]:
    """All classes of the library."""
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in FILES]
    names = [name.removesuffix(".__init__") for name in names if name.startswith("kerascnn")]
    modules = [importlib.import_module(name) for name in names]
    return [
        value
        for module in modules
        for value in vars(module).values()
        if inspect.isclass(value) and value.__module__ == module.__name__
    ]


@cache
def _words(cls: type) -> frozenset[str]:
    return frozenset(re.findall(r"\b_[a-z]\w*", inspect.getsource(cls)))


def _inherited() -> Iterator[tuple[str, str]]:
    """Yields the private names that a class of ours has in common with a library's base of it."""
    for cls in _classes():
        bases = [base for base in cls.__mro__ if base.__module__.split(".")[0] in LIBRARIES]
        theirs = {word for base in bases for word in _words(base)}
        for part in cls.__mro__:
            if part.__module__.startswith("kerascnn.") and theirs:
                path = Path(inspect.getfile(part)).relative_to(ROOT)
                yield from ((path.as_posix(), name) for name in _words(part) & theirs)


@cache
def _used() -> set[tuple[str, str]]:
    found = set(_inherited())
    for path, tree in TREES.items():
        where = path.relative_to(ROOT).as_posix()
        found |= {(where, module) for module in _imported(tree)}
        found |= {(where, name) for name in _attributes(tree) if name not in OURS | OTHERS}
    return found


def _rows() -> list[tuple[str, list[str], list[str]]]:
    """Returns of each row the file, the names and the tests."""
    cells = [line.strip("|").split("|") for line in PAGE.splitlines() if line.startswith("| `")]
    return [
        (file.strip(" `"), re.findall("`([^`]+)`", names), re.findall("`([^`]+)`", tests))
        for file, names, _, tests in cells
    ]


def test_every_use_is_on_the_page() -> None:
    assert len(_used()) > 20
    listed = {(file, name) for file, names, _ in _rows() for name in names}
    missing = sorted(_used() - listed)
    assert missing == []


@pytest.mark.parametrize(("file", "names", "tests"), _rows())
def test_every_row_is_of_something_that_is_used(file: str, names: list[str], tests: list[str]):
    source = (ROOT / file).read_text(encoding="utf-8")
    assert names
    for name in names:
        assert re.search(rf"\b{re.escape(name)}\b", source), name


@pytest.mark.parametrize(("file", "names", "tests"), _rows())
def test_every_test_on_the_page_exists(file: str, names: list[str], tests: list[str]):
    assert tests
    for test in tests:
        path, _, function = test.partition("::")
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_a_private_name_is_seen_however_it_is_reached() -> None:
    source = """
from keras.src.layers import Layer
from mlflow.store.tracking import anything
import keras
def of(model):
    getattr(model, "_reached")
    keras.layers.Dense._dense
    model._written = 1
    model.public
"""
    tree = ast.parse(source)
    assert set(_imported(tree)) == {"keras.src.layers", "mlflow.store.tracking"}
    assert set(_attributes(tree)) == {"_reached", "_dense", "_written"}
