"""An export asked as a run's model is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kerascnn.errors import UserError
from kerascnn.models.build import build_model
from kerascnn.recipe import load_recipe
from kerascnn.serving.archive import SavedModel
from kerascnn.serving.exports.exported import classifier_of_export
from kerascnn.serving.exports.format import REPORT, About, format_of, is_export
from kerascnn.serving.exports.network import with_images_in


def test_it_gives_the_probabilities_of_the_file(tmp_path: Path) -> None:
    network = build_model("mlp", input_shape=(8, 8, 1), classes=3)
    model = with_images_in(SavedModel(network, ("a", "b", "c"), load_recipe("digits-quick")))
    form = format_of("savedmodel")
    form.write(model, About(("a", "b", "c"), None, {}), tmp_path / form.file, iter(()))
    assert not is_export(tmp_path)
    report = {
        "format": "savedmodel", "classes": ["a", "b", "c"], "image_shape": [8, 8, 3],
        "resize": "crop",
    }  # fmt: skip
    (tmp_path / REPORT).write_text(json.dumps(report))
    assert is_export(tmp_path)
    classifier = classifier_of_export(tmp_path)
    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
    np.testing.assert_allclose(classifier.probabilities(images), model(images), atol=1e-6)
    assert (classifier.image_shape, classifier.classes) == ((8, 8, 3), ("a", "b", "c"))


def test_a_damaged_report_is_told(tmp_path: Path) -> None:
    (tmp_path / REPORT).write_text('{"format": "onnx"}')
    with pytest.raises(UserError, match=r"export.json: damaged, or of another version"):
        classifier_of_export(tmp_path)
