"""Formats by name, and what they need."""

from __future__ import annotations

import dataclasses
import json

import pytest

from kerascnn.errors import UserError
from kerascnn.serving.exports.format import NAMES, About, format_of


def test_every_name_is_a_format_of_that_name() -> None:
    for name in NAMES:
        found = format_of(name)
        assert found.name == name
        assert found.file in found.lines
        compile(found.lines, "use.py", "exec")
        assert len(found.lines.splitlines()) <= 8


def test_an_unknown_name_is_told_with_all_there_are() -> None:
    with pytest.raises(
        UserError, match="unknown format 'onxx': did you mean onnx.*there are keras"
    ):
        format_of("onxx")


def test_what_is_missing_is_told_with_the_command_that_installs_it() -> None:
    form = dataclasses.replace(format_of("onnx"), modules=("onnx", "no_such_runtime"))
    with pytest.raises(UserError) as told:
        form.check_installed()
    assert str(told.value) == "format onnx needs no_such_runtime: pip install 'kerascnn[onnx]'"


def test_what_a_file_says_of_itself() -> None:
    said = json.loads(About(("cat", "dog"), (0.5, 0.25), {"run": "abc"}).as_json())
    assert said == {"classes": ["cat", "dog"], "thresholds": [0.5, 0.25], "run": "abc"}
    assert "thresholds" not in json.loads(About(("cat", "dog"), None, {}).as_json())
