"""The arrows between the packages."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "kerascnn").rglob("*.py"))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_library_knows_nothing_of_the_command_line_nor_of_mlflow(path: Path) -> None:
    roots = {name.partition(".")[0] for name in _imports(path)}
    assert not roots & {"click", "pipelines"}
    if "tracking" not in path.parts:
        assert "mlflow" not in roots


def test_there_is_no_drawer_for_everything() -> None:
    assert not {"utils", "helpers", "common"} & {path.stem for path in MODULES}
