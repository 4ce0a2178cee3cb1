"""Options of a network on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from kerascnn_pipelines.model_options import parse

from kerascnn.errors import UserError
from kerascnn.models.spec import ModelSpec


def test_options_of_a_network() -> None:
    assert parse("vgg16", ["--batch-norm", "--dense=64", "--dropout", "0"]) == {
        "batch_norm": "true",
        "dense": ["64"],
        "dropout": "0",
    }
    assert parse("vgg16", ["--no-batch-norm"]) == {"batch_norm": "false"}
    assert parse("mlp", ["--hidden", ""]) == {"hidden": []}
    with pytest.raises(UserError, match="--dropout: needs a value"):
        parse("vgg16", ["--dropout", "--batch-norm"])


@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [
        ("convnet", [], {}),
        ("convnet", ["--filters", "8"], {"filters": 8}),
        ("convnet", ["--filters=8", "--batch-norm"], {"filters": 8, "batch_norm": True}),
        ("convnet", ["--batch-norm", "--pooling", "max"], {"batch_norm": True, "pooling": "max"}),
        ("convnet", ["--batch-norm", "false"], {"batch_norm": False}),
        ("convnet", ["--dense", "64,32"], {"dense": (64, 32)}),
        ("convnet", ["--dense="], {"dense": ()}),
        ("alexnet", ["--groups", "2,1,2"], {"groups": (2, 1, 2)}),
        ("lenet5", ["--normalization", "unit"], {"normalization": "unit"}),
    ],
)
def test_what_is_written_becomes_what_a_spec_takes(name, arguments, options) -> None:
    assert ModelSpec(name=name, **parse(name, arguments)) == ModelSpec(name=name, **options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--filtres", "8"], "^unknown option of convnet '--filtres': did you mean --filters"),
        (["--no-filtres"], "^unknown option of convnet '--no-filtres': did you mean --"),
        (["--name", "x"], "^unknown option of convnet '--name'"),
        (["8"], "^unexpected argument '8': options are --name value$"),
        (["-f", "8"], "^unexpected argument '-f'"),
        (["--filters"], "^--filters: needs a value$"),
        (["--filters", "--batch-norm"], "^--filters: needs a value$"),
        (["--batch-norm", "--no-batch-norm", "3"], "^unexpected argument '3'|needs"),
    ],
)
def test_mistakes(arguments: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        parse("convnet", arguments)


def test_options_of_ones_own_network_are_those_of_its_function(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def net(x, classes, *, units: int = 3): return x\n")
    name = f"{tmp_path / 'mine.py'}:net"
    assert parse(name, ["--units", "5"]) == {"units": "5"}
    with pytest.raises(UserError, match="'--unit': did you mean --units"):
        parse(name, ["--unit", "5"])
