"""The house: its floors, from the ground up, and what no room may know of."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# A module imports only from its own floor and those below, inside functions too; within a floor,
# never round. A name stands for the module or package and for all that is in it, unless a longer
# name stands elsewhere.
FLOORS = (
    "errors  backend  beside  postponed  version  cache  files  metrics  notebook  scratch",
    "table_files  text",
    "hardware  duration  spec  provenance  yaml_reader  serving.members",
    "arithmetic  layers  kernels",
    "augment  data.sources  data.spec  data.pixel_statistics",
    "models",
    "training.spec  training.optimizer_spec",
    "recipe",
    "data",
    "evaluation  inspection  lectures  serving.upgrade  serving.archive",
    "visualization",
    "training  serving",
    "tracking",
    "advice  checkpoints  folds  inversion  report  run_model  starting_weights",
    "assessment  experiment  exporting  few_images  pictures",
    "tuning",
    "kerascnn",
)

# What may go up all the same, and why: {(from, to): reason}.
EXCEPTIONS: dict[tuple[str, str], str] = {}


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {_name(path): path for path in sorted((ROOT / "kerascnn").rglob("*.py"))}
each_module = pytest.mark.parametrize("name", MODULES)


def _imports(name: str) -> Iterator[str]:
    """Yields what a module imports, wherever in it: the modules where they are ours."""
    for node in ast.walk(ast.parse(MODULES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in MODULES else node.module


def _arrows(name: str) -> set[str]:
    return {target for target in _imports(name) if target in MODULES and target != name}


def _floor(name: str) -> int:
    """The floor that names a module, or the nearest package around it."""
    rooms = {room: number for number, line in enumerate(FLOORS) for room in line.split()}
    parts = name.removeprefix("kerascnn.").split(".")
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in rooms:
            return rooms[".".join(parts[:length])]
    raise AssertionError(f"{name} is on no floor: give it one in FLOORS")


@each_module
def test_no_import_goes_up(name: str) -> None:
    up = {target for target in _arrows(name) if _floor(target) > _floor(name)}
    assert not {target for target in up if (name, target) not in EXCEPTIONS}


def test_no_import_goes_round() -> None:
    done: set[str] = set()

    def walk(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join((*way[way.index(name) :], name))
        if name not in done:
            for target in sorted(_arrows(name)):
                walk(target, (*way, name))
            done.add(name)

    for name in MODULES:
        walk(name, ())


def test_every_exception_is_needed() -> None:
    for name, target in EXCEPTIONS:
        assert target in _arrows(name)
        assert _floor(target) > _floor(name)


def test_every_room_of_the_floors_exists() -> None:
    for room in " ".join(FLOORS).split():
        assert room == "kerascnn" or f"kerascnn.{room}" in MODULES


@each_module
def test_the_library_knows_nothing_of_the_command_line_nor_of_mlflow(name: str) -> None:
    roots = {target.partition(".")[0] for target in _imports(name)}
    assert not roots & {"click", "pipelines", "kerascnn_pipelines"}
    if not name.startswith("kerascnn.tracking"):
        assert "mlflow" not in roots


def test_there_is_no_drawer_for_everything() -> None:
    assert not {"utils", "helpers", "common"} & {path.stem for path in MODULES.values()}


def test_no_product_file_or_class_reads_like_a_test() -> None:
    for path in MODULES.values():
        assert not path.stem.startswith("test_")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            assert not (isinstance(node, ast.ClassDef) and node.name.startswith("Test"))
