"""Every way out, from a trained run to the lines of Python that use the file."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from kerascnn.data import digits
from kerascnn.errors import UserError
from kerascnn.experiment import predict
from kerascnn.exporting import LINES, export
from kerascnn.serving.exports import keras_file, litert, onnx_file, openvino_ir, saved_model
from kerascnn.serving.exports.format import NAMES, REPORT, format_of
from kerascnn.tracking import load_run

pytestmark = pytest.mark.filterwarnings("ignore:::(keras|tensorflow|tf2onnx|onnx|openvino)")


def _export(*arguments, **settings):
    """Exports; libraries warn of each other."""
    try:
        format_of(arguments[1]).check_installed()
    except UserError as error:
        pytest.skip(str(error))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return export(*arguments, **settings)


def test_each_format_has_a_module() -> None:
    modules = (keras_file, saved_model, onnx_file, litert, openvino_ir)
    assert [name for module in modules for name in module.FORMATS] == list(NAMES)


@pytest.mark.ci
@pytest.mark.parametrize("name", NAMES)
def test_a_run_is_exported_checked_and_used(trained: Path, tmp_path: Path, name: str) -> None:
    done = _export("first", name, tmp_path / "out")
    assert done.check.split == "validation"
    assert done.check.agreement >= (0.95 if name == "litert-int8" else 0.999)
    assert done.check.difference < {"litert-int8": 0.3, "litert-float16": 0.01}.get(name, 1e-4)
    assert done.check.accuracy.low <= done.check.original.value <= done.check.accuracy.high
    assert 0 < done.check.milliseconds < 100
    assert sorted(p.name for p in done.path.iterdir() if p.suffix != ".bin") == sorted(
        {done.file, LINES, REPORT}
    )
    report = json.loads((done.path / REPORT).read_text())
    assert report["run"] == load_run("first").id
    assert report["check"]["count"] == done.check.count
    assert not list(tmp_path.glob(".*")), "nothing half-written is left"

    pixels, _ = digits.read()
    file = tmp_path / "nine.png"
    Image.fromarray(pixels[9, :, :, 0]).save(file)
    used = subprocess.run(
        [sys.executable, LINES, str(file)],
        cwd=done.path,
        capture_output=True,
        text=True,
        check=True,
    )
    said = ast.literal_eval(used.stdout.strip().splitlines()[-1])
    assert list(said) == report["classes"] == [str(digit) for digit in range(10)]
    (wanted,) = predict("first", file, top=10)
    close = 0.3 if name == "litert-int8" else 0.01
    for label, probability in zip(wanted.classes, wanted.probabilities, strict=True):
        assert said[label] == pytest.approx(probability, abs=close)


@pytest.mark.ci
def test_several_labels(sets: Path, tmp_path: Path) -> None:
    done = _export("pairs", "onnx", tmp_path / "out")
    assert done.check.agreement >= 0.999
    assert len(json.loads((done.path / REPORT).read_text())["thresholds"]) == 10


@pytest.mark.ci
def test_a_model_file_is_exported_too_and_a_former_export_replaced(
    trained: Path, tmp_path: Path
) -> None:
    model = load_run("first").artifact("model.keras")
    out = tmp_path / "out"
    _export(str(model), "litert", out)
    (out / "of-before").touch()
    done = _export(model, "litert", out)
    assert not (out / "of-before").exists()
    with zipfile.ZipFile(out / done.file) as archive:
        assert archive.read("labels.txt").decode().split() == [str(digit) for digit in range(10)]
        assert "run" not in json.loads(archive.read("kerascnn.json"))


def test_a_folder_that_is_no_export_is_left_alone(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(UserError, match="photos: is there, and no export: choose another name"):
        export("first", "savedmodel", tmp_path / "photos")


def test_a_layer_that_a_format_cannot_express_is_named(trained: Path, tmp_path: Path) -> None:
    from kerascnn.run_model import load_model
    from kerascnn.serving.archive import SavedModel, save_model

    saved = load_model("first")
    recipe = saved.recipe.model_copy(
        update={
            "augment": saved.recipe.augment.model_copy(
                update={"test_time": type(saved.recipe.augment.test_time)(scales=(1.0, 1.5))}
            )
        }
    )
    file = tmp_path / "scales.keras"
    save_model(SavedModel(saved.model, saved.classes, recipe), file)
    with pytest.raises(UserError, match=r"litert cannot express views_of_images \(ViewsOfImages\)"):
        _export(file, "litert", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["scales.keras"]


@pytest.mark.ci
def test_a_file_that_disagrees_is_not_kept(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="points are lost, of the -100 that may be"):
        _export("first", "litert-int8", tmp_path / "out", most_lost=-100)
    assert list(tmp_path.iterdir()) == []
