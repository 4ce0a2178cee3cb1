"""What `import kerascnn` gives: its names, its version, and nothing heavy."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest

import kerascnn
from kerascnn import version


def test_every_public_name_is_defined_in_a_module_below() -> None:
    for name in set(kerascnn.__all__) - {"__version__"}:
        found = getattr(kerascnn, name)
        assert found.__module__.startswith("kerascnn."), name
        assert getattr(sys.modules[found.__module__], found.__name__) is found
    assert dir(kerascnn) == kerascnn.__all__


def test_the_names_that_people_write() -> None:
    from kerascnn import assessment, experiment, run_model, tracking
    from kerascnn.models.build import build_model
    from kerascnn.recipe import load_recipe
    from kerascnn.tuning.results import load_results

    assert kerascnn.build_model is build_model
    assert kerascnn.load_recipe is load_recipe
    assert kerascnn.load_run is tracking.load_run
    assert kerascnn.load_sweep is load_results
    for module, names in (
        (experiment, ("train", "resume", "predict", "lr_find")),
        (assessment, ("evaluate", "evaluate_together", "stress", "calibrate")),
        (run_model, ("load_model",)),
    ):
        for name in names:
            assert getattr(kerascnn, name) is getattr(module, name)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'kerascnn' has no attribute 'trian'"):
        kerascnn.trian  # noqa: B018


def test_the_version_is_the_installed_one_and_the_command_tells_it(kerascnn) -> None:
    assert version.__version__ == importlib.metadata.version("kerascnn")
    assert kerascnn("--version").out == f"kerascnn, version {version.__version__}\n"


def test_packages_import_nothing_heavy() -> None:
    code = (
        "import sys, kerascnn, kerascnn.data, kerascnn.layers, kerascnn.models\n"
        "heavy = {'tensorflow', 'keras', 'mlflow', 'matplotlib', 'sklearn', 'PIL'}\n"
        "print(heavy & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
