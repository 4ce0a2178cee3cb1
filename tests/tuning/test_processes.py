from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kerascnn.recipe import load_recipe
from kerascnn.tuning import processes
from kerascnn.tuning.processes import TrialProcess, start_server, wait
from kerascnn.tuning.trial import TrialTask


@pytest.fixture
def task(tmp_path: Path) -> TrialTask:
    values = {"model": {"name": "mlp"}, "data": {"name": "digits"}}
    recipe = load_recipe(values, ["training.epochs=1000", "training.early_stopping=null"])
    log = tmp_path / "log"
    return TrialTask(recipe.model_dump(mode="json"), 1, log, dict(os.environ))


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (signal.SIGKILL, "its process was killed, as happens where memory runs out"),
        (signal.SIGSEGV, r"its process crashed \(signal SIGSEGV\)"),
    ],
)
def test_a_process_that_dies_says_why(task: TrialTask, number: int, message: str) -> None:
    start_server()
    process = TrialProcess(task)
    os.kill(process.pid, number)
    assert wait([process], 60) == [process]
    kind, text = process.next_report()
    assert kind == "failed"
    assert re.search(message, text)
    process.end()


def test_an_impossible_recipe_is_told(task: TrialTask) -> None:
    recipe = {**task.recipe, "data": {"name": "folder:/nowhere/at/all"}}
    process = TrialProcess(TrialTask(recipe, 1, task.log, task.environment))
    assert wait([process], 120) == [process]
    kind, text = process.next_report()
    assert kind == "failed"
    assert "/nowhere/at/all" in text
    process.finish()


PRELOADED = """
import json, sys
found = {"imported": [name for name in (
    "tensorflow", "keras", "kerascnn.experiment", "kerascnn.models", "kerascnn.tuning.preloaded",
    "kerascnn.report.artifacts", "sklearn.metrics", "pyarrow.parquet",
) if name in sys.modules]}
from tensorflow.python.eager import context
found["started"] = context.context()._initialized
found["devices"] = context.context()._physical_devices
open(PATH, "w").write(json.dumps(found))
"""


def test_a_process_finds_all_imported_and_no_device_looked_for(tmp_path: Path) -> None:
    start_server()
    path = tmp_path / "found.json"
    code = PRELOADED.replace("PATH", repr(str(path)))
    process = processes._context.Process(target=exec, args=(code, {}))
    process.start()
    process.join(60)
    found = json.loads(path.read_text())
    assert len(found["imported"]) == 8
    assert not found["started"], "CUDA does not live through a fork"
    assert not found["devices"]


@pytest.mark.parametrize(
    ("arguments", "kept"),
    [
        (("-c", "{}"), False),
        (("elsewhere/script.py",), False),
        (("script.py",), True),
        (("-m", "script"), True),
        (("-m", "timeit", "-n1", "-r1", "{}"), False),
    ],
)
def test_processes_do_not_import_from_the_working_directory(
    tmp_path: Path, arguments: tuple[str, ...], kept: bool
) -> None:
    """It stays where Python found the script or the module there: trials look for it too."""
    line = "import kerascnn.tuning.processes as p; print(p._import_path())"
    (tmp_path / "elsewhere").mkdir()
    for script in ("script.py", "elsewhere/script.py"):
        (tmp_path / script).write_text(line)
    packages = [path for path in sys.path if path not in ("", str(tmp_path))]
    done = subprocess.run(
        [sys.executable, *(argument.format(line) for argument in arguments)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(packages)},
        capture_output=True,
        text=True,
        check=True,
    )
    path = done.stdout.splitlines()[0]
    assert "''" not in path
    assert (f"'{tmp_path}'" in path) == kept
    assert str(Path(__file__).parents[2]) in path
