"""An exported file beside its model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kerascnn.data.examples import read_images
from kerascnn.errors import UserError
from kerascnn.models.build import build_model
from kerascnn.recipe import load_recipe
from kerascnn.serving.archive import SavedModel
from kerascnn.serving.exports.check import answers, compare
from kerascnn.serving.exports.format import About, format_of
from kerascnn.serving.exports.network import with_images_in


def test_known_figures_of_one_label() -> None:
    original = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]])
    said = np.array([[0.9, 0.1], [0.45, 0.55], [0.2, 0.8], [0.3, 0.7]])
    agreement, difference, accuracy, before = compare(said, original, np.array([0, 1, 1, 0]), None)
    assert agreement == 0.75
    assert difference == pytest.approx(0.15)
    assert (accuracy.value, before.value) == (0.75, 0.5)
    assert accuracy.low < 0.75 < accuracy.high


def test_known_figures_of_several_labels() -> None:
    original = np.array([[0.9, 0.1], [0.6, 0.4]])
    said = np.array([[0.9, 0.1], [0.4, 0.4]])
    labels = np.array([[1, 0], [1, 1]], np.float32)
    agreement, _, accuracy, before = compare(said, original, labels, (0.5, 0.3))
    assert (agreement, accuracy.value, before.value) == (0.5, 0.5, 1.0)


def test_a_file_is_asked_in_a_process_of_its_own(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed: kerascnn[litert]")
    classes = tuple("0123456789")
    network = build_model("mlp", input_shape=(8, 8, 1), classes=10)
    model = with_images_in(SavedModel(network, classes, load_recipe("digits-quick")))
    form = format_of("litert")
    path = tmp_path / form.file
    form.write(model, About(classes, None, {"run": "x"}), path, iter(()))
    done: list[int] = []
    names = [str(number) for number in range(250)]
    said, seconds = answers(form, path, "digits", names, done.append)
    assert done == [100, 100]
    assert (seconds > 0).all()
    images = np.stack([image for image in read_images("digits", names) if image is not None])
    np.testing.assert_allclose(said, model(np.repeat(images, 3, axis=-1)), atol=1e-5)


def test_a_file_that_its_runtime_refuses_is_told_on_one_line(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="LiteRT is not installed: kerascnn[litert]")
    path = tmp_path / "model.tflite"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(UserError, match="format litert: its file cannot be checked: ") as told:
        answers(format_of("litert"), path, "digits", ["0"])
    assert "\n" not in str(told.value)
