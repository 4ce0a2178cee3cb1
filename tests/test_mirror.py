"""Tests mirror the packages: a file of tests for each module, or the reason in COVERED_BY.

`kerascnn/data/order.py` is tested in `tests/data/test_order.py`, `pipelines/train.py` in
`tests/pipelines/test_train.py`, and what a package's `__init__.py` defines in a file named after
the package: `tests/layers/test_layers.py`.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from kerascnn_pipelines.cli import COMMANDS

ROOT = Path(__file__).parent.parent

# Modules that are tested together with another one, or that are next to nothing:
# {module: the file that has its tests}.
COVERED_BY = {
    # The main function of a trial's process, and what that process has imported: both are tried
    # from outside, where processes are started.
    "kerascnn/tuning/preloaded.py": "tests/tuning/test_processes.py",
    "kerascnn/tuning/trial.py": "tests/tuning/test_processes.py",
    # A chief and its workers talk to each other.
    "kerascnn/tuning/worker.py": "tests/tuning/test_chief.py",
    "pipelines/sweep_chief.py": "tests/pipelines/test_sweep.py",
    "pipelines/sweep_worker.py": "tests/pipelines/test_sweep.py",
    # Names and lines.
    "kerascnn/visualization/contents.py": "tests/visualization/test_kinds.py",
    # One line.
    "kerascnn/version.py": "tests/test_kerascnn.py",
    # Three commands of one module.
    "pipelines/knn.py": "tests/test_few_images.py",
    "pipelines/learning_curve.py": "tests/test_few_images.py",
    "pipelines/linear_probe.py": "tests/test_few_images.py",
    # Ways out, each tried on the same run.
    "kerascnn/serving/exports/keras_file.py": "tests/test_exporting.py",
    "kerascnn/serving/exports/litert.py": "tests/test_exporting.py",
    "kerascnn/serving/exports/onnx_file.py": "tests/test_exporting.py",
    "kerascnn/serving/exports/openvino_ir.py": "tests/test_exporting.py",
    "kerascnn/serving/exports/saved_model.py": "tests/test_exporting.py",
    # The command is what starts the server.
    "pipelines/ui.py": "tests/tracking/test_ui.py",
}


def _tree(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def _public(module: str) -> set[str]:
    """What a module defines itself and does not hide; imports and `__all__` are no such thing."""
    names = set()
    for node in _tree(module).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    dunder = {"__getattr__", "__version__"}
    return {name for name in names if not name.startswith("_") or name in dunder}


MODULES = [
    path.relative_to(ROOT).as_posix()
    for package in ("kerascnn", "pipelines")
    for path in sorted((ROOT / package).rglob("*.py"))
]
TESTED = [m for m in MODULES if not m.endswith("__init__.py") or _public(m)]


def _own_file(module: str) -> str:
    """The file of tests that is a module's own."""
    parts = module.removesuffix(".py").split("/")
    *folders, name = parts[:-1] if parts[-1] == "__init__" else parts
    if folders[:1] == ["kerascnn"]:
        del folders[0]
    if parts[-1] == "__init__" and len(parts) > 2:
        folders.append(name)
    return "/".join(["tests", *folders, f"test_{name}.py"])


def _has_tests(file: str) -> bool:
    return (ROOT / file).is_file() and any(
        isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
        for node in ast.walk(_tree(file))
    )


def _mentions(file: str, module: str) -> bool:
    """Whether a file of tests imports a module or a name of it, or runs its command."""
    dotted = module.removesuffix(".py").replace("/", ".")
    imported = dotted.replace("pipelines.", "kerascnn_pipelines.", 1)
    package, _, stem = imported.rpartition(".")
    commands = {name for name, (home, _) in COMMANDS.items() if dotted == f"pipelines.{home}"}
    for node in ast.walk(_tree(file)):
        if isinstance(node, ast.ImportFrom):
            names = {alias.name for alias in node.names}
            found = (node.module == imported and names & _public(module)) or (
                node.module == package and stem in names
            )
        else:
            text = node.value if isinstance(node, ast.Constant) else None
            # A command, or code for another process.
            found = isinstance(text, str) and (text in commands or imported in text)
        if found:
            return True
    return False


def test_the_packages_are_where_they_are_looked_for() -> None:
    assert len(MODULES) > 150
    assert {"kerascnn/errors.py", "kerascnn/__init__.py", "pipelines/cli.py"} <= set(TESTED)
    assert "kerascnn/training/__init__.py" not in TESTED, "it defines nothing"


@pytest.mark.parametrize(
    ("module", "file"),
    [
        ("kerascnn/data/order.py", "tests/data/test_order.py"),
        ("kerascnn/errors.py", "tests/test_errors.py"),
        ("pipelines/train.py", "tests/pipelines/test_train.py"),
        ("kerascnn/__init__.py", "tests/test_kerascnn.py"),
        ("kerascnn/layers/__init__.py", "tests/layers/test_layers.py"),
    ],
)
def test_where_a_modules_own_tests_are(module: str, file: str) -> None:
    assert _own_file(module) == file


@pytest.mark.parametrize("module", TESTED)
def test_every_module_is_tested(module: str) -> None:
    own = _own_file(module)
    file = COVERED_BY.get(module, own)
    assert _has_tests(file), f"{module}: write {own}, or name what covers it in COVERED_BY"


@pytest.mark.parametrize("module", COVERED_BY)
def test_what_is_covered_elsewhere_is_used_there(module: str) -> None:
    assert _mentions(COVERED_BY[module], module)


@pytest.mark.parametrize("module", COVERED_BY)
def test_no_entry_is_needless(module: str) -> None:
    assert module in TESTED, "there is no such module"
    assert not (ROOT / _own_file(module)).exists(), "it has a file of its own"
