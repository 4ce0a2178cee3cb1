"""Classifiers on a run's features: on its own data and on other, in Python and as commands."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerascnn.backend import keras
from kerascnn.data.digits import read
from kerascnn.few_images import knn, learning_curve, linear_probe
from tests.models.weights import theirs


@pytest.fixture
def halves(tmp_path: Path) -> str:
    """The digits as image files, in two classes that the network was not trained on."""
    pixels, labels = read()
    for number in range(200):
        folder = tmp_path / "halves" / ("low" if labels[number] < 5 else "high")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[number, ..., 0]).save(folder / f"{number}.png")
    return f"folder:{tmp_path / 'halves'}"


def test_the_features_of_a_run_hold_its_own_classes(trained: Path) -> None:
    found = linear_probe("first")
    assert found.probe.test.value > 0.85
    assert found.features == 84
    assert knn("first").probe.test.value > 0.85


def test_other_classes_are_learnt_from_the_same_features(trained: Path, halves: str) -> None:
    found = linear_probe("first", halves)
    assert found.data.classes == ("high", "low")
    assert found.probe.test.value > 0.7


def test_more_images_are_better(trained: Path) -> None:
    curve = learning_curve("first", draws=2)
    means = [point.mean for point in curve.points]
    assert means[-1] > means[0] + 0.1
    assert curve.points[-1].images == curve.data.splits["train"].size


def test_the_commands(trained: Path, kerascnn, tmp_path: Path) -> None:
    for command in ("linear-probe", "knn"):
        found = kerascnn(command, "first")
        assert found.code == 0, found.err
        assert "84 features of 1,374 training images" in found.out
        assert found.out.splitlines()[-1].startswith("test accuracy ")
    out, table = tmp_path / "curve.png", tmp_path / "curve.csv"
    words = ("--method", "knn", "--draws", "2", "--out", out, "--csv", table)
    found = kerascnn("learning-curve", "first", *words)
    assert found.code == 0, found.err
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    means = [
        np.mean([float(row["test_accuracy"]) for row in rows if row["per_class"] == count])
        for count in dict.fromkeys(row["per_class"] for row in rows)
    ]
    shown = [line.split() for line in found.out.splitlines() if line.endswith("%")]
    assert [row[-1] for row in shown] == [f"{mean:.2%}" for mean in means]
    with Image.open(out) as image:
        assert image.width > 300


@pytest.mark.ci
def test_a_network_with_imagenets_weights_is_enough(
    workplace: Path, halves: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    (tmp_path / "keras" / "models").mkdir(parents=True)
    model = keras.applications.MobileNetV2(weights=None, include_top=False, input_shape=(32, 32, 3))
    name = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"
    theirs.write(model, tmp_path / "keras" / "models" / name)
    found = knn("keras:MobileNetV2", halves)
    assert found.features == 1280
    assert found.data.image_shape == (224, 224, 3)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("linear-probe", "frist"), "unknown run 'frist': did you mean first?"),
        (("knn", "first", "folder:nothing"), "nothing: no such folder"),
        (("learning-curve", "first", "--out", "a.xyz"), "--out a.xyz: must end in"),
        (("linear-probe", "first", "mnits"), "unknown"),
        (("linear-probe", "lenet5", "digits"), "there are no ImageNet weights for lenet5"),
        (("knn", "resnet50"), "resnet50 is a network, not a run: name the data"),
    ],
)
def test_mistakes_are_told_on_one_line(words, message: str, trained: Path, kerascnn) -> None:
    found = kerascnn(*words)
    assert found.code == 2
    (line,) = found.err.splitlines()
    assert line.startswith("Error: ")
    assert message in line
