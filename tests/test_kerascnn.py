"""What `import kerascnn` gives: its names, its version, and nothing heavy."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys

import pytest

import kerascnn
from kerascnn import version


def test_every_public_name_is_what_its_module_has() -> None:
    from kerascnn import experiment, tracking
    from kerascnn.models.build import build_model
    from kerascnn.recipe import load_recipe

    assert kerascnn.build_model is build_model
    assert kerascnn.load_recipe is load_recipe
    assert kerascnn.load_run is tracking.load_run
    for name in ("train", "evaluate", "resume"):
        assert getattr(kerascnn, name) is getattr(experiment, name)
    assert all(hasattr(kerascnn, name) for name in kerascnn.__all__)


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
