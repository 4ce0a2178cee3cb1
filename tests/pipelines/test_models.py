"""`kerascnn models`."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner
from kerascnn_pipelines.cli import cli

from kerascnn.errors import UserError
from kerascnn.models.spec import entry_of, known_names


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_models_lists_sizes_without_tensorflow() -> None:
    code = (
        "import sys; sys.argv = ['kerascnn', 'models', '--family', 'vgg']\n"
        "from kerascnn_pipelines.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print('HEAVY', {'tensorflow', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("HEAVY set()\n")
    line = next(line for line in done.stdout.splitlines() if " vgg16 " in line)
    for word in ("224x224x3", "138,357,544", "15.5G", "2014", "Simonyan"):
        assert word in line


def test_models_search() -> None:
    lines = run("models", "--search", "stochastic").splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["stochastic-pooling"]
    with pytest.raises(UserError, match="no network matches 'nothing'"):
        run("models", "--search", "nothing")
    with pytest.raises(UserError, match="unknown family 'resent': did you mean resnet"):
        run("models", "--family", "resent")


def test_every_network_is_listed_below_its_family() -> None:
    lines = run("models").splitlines()[1:]
    group, found = "", {}
    for line in lines:
        if line.startswith("  "):
            found[line.split()[0]] = group
        else:
            group = line.strip()
    assert found == {name: entry_of(name).family for name in known_names()}
