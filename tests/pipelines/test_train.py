"""`kerascnn train`, as a user sees it."""

from __future__ import annotations

import csv
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from kerascnn_pipelines.train import plan
from PIL import Image

from kerascnn import tracking
from kerascnn.recipe import load_recipe
from kerascnn.run_model import load_model

COMMAND = [sys.executable, "-m", "kerascnn_pipelines.cli"]


@pytest.fixture(scope="module")
def quick(tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """One real run of the installed command, its output not a terminal."""
    place = tmp_path_factory.mktemp("quick")
    done = subprocess.run(
        [*COMMAND, "train", "lenet5", "digits", "--epochs", "3", "--batch-size", "32"],
        capture_output=True,
        text=True,
        cwd=place,
        env=os.environ | {"MLFLOW_TRACKING_URI": ""},
        check=False,
    )
    return place, done


def _width(picture: Path) -> int:
    with Image.open(picture) as image:
        return image.size[0]


def test_output_is_one_plain_line_an_epoch_and_stderr_is_silent(quick) -> None:
    _, done = quick
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0].startswith("digits: 1,374 train, 153 validation, 270 test images of 32x32x1")
    assert "61,706 parameters" in lines[1]
    epochs = [line for line in lines if line.startswith("epoch ")]
    assert len(epochs) == 3
    for line in epochs:
        assert re.search(r"loss [\d.]+ .*validation loss [\d.]+ .*[\d,]+ images/s", line)
    assert re.search(r"test accuracy 9\d\.\d\d% \(95% interval .*all 270 images", done.stdout)
    assert done.stdout.count("\n  kerascnn ") == 4  # the commands to try next
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "lenet5 on digits, 20 epochs"),
        ({"epochs": 1, "folds": 3}, "lenet5 on digits, 1 epoch, 3 folds"),
        ({"steps": 2000}, "lenet5 on digits, 2,000 steps"),
        ({"epochs": 5, "time_limit": "90s"}, "lenet5 on digits, 5 epochs or 1m30s at most"),
    ],
)
def test_the_plan_is_said_in_a_few_words(fields, said: str) -> None:
    assert plan(load_recipe("lenet5", data="digits", **fields)) == said


def test_what_a_run_leaves(quick, monkeypatch) -> None:
    place, _ = quick
    monkeypatch.chdir(place)
    run = tracking.load_run("latest")
    assert run.name == "lenet5-digits-1"
    assert run.status == "FINISHED"
    assert run.params["training.epochs"] == "3"
    assert run.params["parameters"] == "61706"
    for split in ("train", "validation", "test"):
        assert run.metrics[f"{split}_accuracy"] > 0.8
        assert run.metrics[f"{split}_loss"] > 0
    assert run.metrics["test_count"] == 270
    assert len(run.history["val_loss"]) == 3 == len(run.history["images_per_second"])
    assert {"tensorflow", "keras", "python", "hardware", "data_fingerprint"} <= set(run.tags)
    assert yaml.safe_load(run.artifact("recipe.yaml").read_text())["training"]["epochs"] == 3
    for picture in ("learning_curves.png", "confusion_matrix.png"):
        assert _width(run.artifact(picture)) > 400
    with run.artifact("confusion_matrix.csv").open() as file:
        rows = list(csv.reader(file))
    assert sum(int(cell) for row in rows[1:] for cell in row[1:]) == 270
    assert len(run.artifact("per_class.csv").read_text().splitlines()) == 11
    assert {path.name for path in place.iterdir()} == {"mlruns"}


@pytest.mark.ci
def test_git_commit_is_recorded(workplace, kerascnn) -> None:
    subprocess.run(["git", "init", "-q"], check=True)
    (workplace / ".gitignore").write_text("mlruns/\n")
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run(["git", "add", "-A"], check=True)
    subprocess.run(["git", *identity, "commit", "-qm", "one"], check=True)
    kerascnn("train", "linear", "digits", "--epochs", "1")
    assert tracking.load_run("latest").tags["git_dirty"] == "False"
    (workplace / "new.py").write_text("")
    kerascnn("train", "linear", "digits", "--epochs", "1")
    tags = tracking.load_run("latest").tags
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert tags["git_commit"] == head.stdout.strip()
    assert tags["git_dirty"] == "True"


def test_dry_run_stops_before_training(workplace, kerascnn) -> None:
    done = kerascnn("train", "lenet5", "digits", "--dry-run", "--set", "training.epochs=7")
    assert done.code == 0, done.err
    assert "epochs: 7" in done.out
    assert "1,374 train, 153 validation, 270 test" in done.out
    assert re.search(r"c3 +conv 5x5 +10x10x16", done.out)
    assert "61,706" in done.out
    assert not (workplace / "mlruns").exists()


@pytest.mark.ci
@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_cleanly_and_marks_the_run_killed(workplace, kerascnn, signal_number) -> None:
    process = subprocess.Popen(
        [*COMMAND, "train", "lenet5", "digits", "--epochs", "9999", "--name", "long",
         "--set", "training.early_stopping=null", "--precision", "float32"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch    3/9999"):
            break
    process.send_signal(signal_number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == ""
    kept = re.search(r"interrupted: kept the weights of epoch (\d+)", out)
    assert kept
    run = tracking.load_run("long")
    assert run.status == "KILLED"
    assert run.metrics["best_epoch"] == int(kept[1])
    assert kerascnn("evaluate", "long").code == 0
    assert run.artifact("learning_curves.png").exists()


@pytest.mark.ci
def test_a_terminal_gets_a_progress_bar(workplace) -> None:
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*COMMAND, "train", "lenet5", "digits", "--epochs", "4", "--batch-size", "8"],
        stdout=slave, stderr=slave, env=os.environ | {"TERM": "xterm", "COLUMNS": "120"},
    )  # fmt: skip
    os.close(slave)
    seen = b""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            seen += os.read(master, 65536)
        except OSError:  # the other end is closed
            break
    os.close(master)
    assert process.wait(timeout=60) == 0
    text = seen.decode()
    assert text.startswith("lenet5 on digits, 4 epochs: starting TensorFlow ...")
    assert re.search(r"epoch 2/4 .*images/s .*\ds left", text)
    assert "epoch 4/4  loss" in text


def _drawings(folder: Path, count: int, *, seed: int, classes: tuple[str, str]) -> None:
    random = np.random.default_rng(seed)
    for name, level in zip(classes, (60, 190), strict=True):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = random.normal(level, 30, (16, 16, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")


def test_images_of_another_folder_are_tested_on(workplace: Path, kerascnn) -> None:
    _drawings(workplace / "photos", 12, seed=1, classes=("dark", "light"))
    _drawings(workplace / "other", 4, seed=2, classes=("light", "dark"))  # labels all wrong
    train = ("train", "linear", "folder:photos", "--epochs", "3", "--learning-rate", "0.05")
    done = kerascnn(*train, "--test", "folder:other", "--name", "field")
    assert done.code == 0, done.err
    assert "2 validation, 8 test images of 16x16x3, 2 classes; tested on folder:other" in done.out
    run = tracking.load_run("field")
    assert run.params["data.test"] == "folder:other"
    test = run.predictions()
    assert (test.data, test.size) == ("folder:other", 8)
    assert run.predictions("validation").data == "folder:photos"
    assert test.correct.mean() < 0.5
    done = kerascnn("evaluate", "field", "--slices")
    assert done.code == 0, done.err
    assert "split      test, 8 images" in done.out
    assert "brightness" in done.out
    done = kerascnn("errors", "field")
    assert done.code == 0, done.err
    assert re.search(r"drawn: errors\.png$", done.out, re.MULTILINE)  # none is missing
    (workplace / "other" / "dark" / "0.png").unlink()
    for command in ("errors", "evaluate"):
        assert "has changed since" in kerascnn(command, "field").err
    done = kerascnn(*train, "--test", "folder:othr")
    assert done.code == 2
    assert done.err == "Error: othr: no such folder\n"


@pytest.mark.ci
def test_fine_tuning_as_a_user_sees_it(workplace: Path, kerascnn) -> None:
    _drawings(workplace / "others", 40, seed=1, classes=("grey", "white"))
    _drawings(workplace / "photos", 20, seed=2, classes=("dark", "light"))
    done = kerascnn(
        "train", "convnet", "folder:others", "--epochs", 3, "--name", "backbone",
        "--set", "model.filters=4", "--set", "model.dense=[]", "--set", "model.batch_norm=true",
    )  # fmt: skip
    assert done.code == 0, done.err
    tune = ("train", "--recipe", "finetune", "folder:photos", "--weights", "backbone")
    shown = kerascnn(*tune, "--dry-run")
    assert shown.code == 0, shown.err
    assert "name: convnet" in shown.out
    assert "images of 16x16x3, 2 classes" in shown.out
    done = kerascnn(*tune, "--epochs", 6, "--name", "tuned")
    assert (done.code, done.err) == (0, "")
    assert "the head alone (fc1) for 5 epochs, then all layers" in done.out
    assert "the highest validation accuracy (*)" in done.out
    before, after = (_layers(tracking.load_run(name)) for name in ("backbone", "tuned"))
    assert {name for name in before if (before[name] != after[name]).any()} >= {"fc1"}
    run = tracking.load_run("tuned")
    assert run.params["training.head_epochs"] == "5"
    done = kerascnn("train", "--continue", "tuned", "--epochs", 1, "--name", "longer")
    assert done.code == 0, done.err
    assert tracking.load_run("longer").params["training.head_epochs"] == "0"
    done = kerascnn(*tune[:3], "photos", *tune[4:])
    assert (done.code, "a folder is written folder:photos" in done.err) == (2, True)
    done = kerascnn("train", "convnet", "folder:photos", "--set", "training.head_epochs=1")
    assert done.code == 2
    assert done.err.startswith("Error: training.head_epochs: needs initialize")


def _layers(run: tracking.Run) -> dict[str, np.ndarray]:
    """The numbers of each layer of a run's network, in a row."""
    model = load_model(run).model
    return {
        layer.name: np.concatenate([weights.ravel() for weights in layer.get_weights()])
        for layer in model.layers
        if layer.weights
    }


@pytest.mark.ci
def test_folds_as_a_user_sees_them(workplace: Path, kerascnn) -> None:
    _drawings(workplace / "photos", 9, seed=1, classes=("dark", "light"))
    _drawings(workplace / "other", 3, seed=2, classes=("dark", "light"))
    os.rename("photos/dark/0.png", "photos/light/wrong.png")
    train = ("train", "linear", "folder:photos", "--learning-rate", 0.05, "--epochs", 20)
    done = kerascnn(*train, "--folds", 10)
    assert done.code == 2
    assert done.err == (
        "Error: data.folds: 10 folds need 10 images of every class, and 'dark' has 8\n"
    )
    Path("before.txt").write_text("folder:other/dark/0.png\n")  # known to no fold
    done = kerascnn(
        *train,
        "--set",
        "data.fix_list=before.txt",
        "--folds",
        2,
        "--test",
        "folder:other",
        "--name",
        "cv",
    )
    assert done.code == 0, done.err
    assert re.search(r"2 folds: accuracy .* on average .*, each of all 18 images tested", done.out)
    assert re.search(r"test accuracy .*, all 5 images", done.out)
    run = tracking.load_run("cv")
    assert run.predictions().data == "folder:other"
    assert run.predictions("folds").data == "folder:photos"
    done = kerascnn("errors", "cv", "--labels", "--fix-list", "fix.txt")
    assert done.code == 0, done.err
    assert "of 18 images are likely wrong" in done.out
    assert "light/wrong.png\t" in Path("fix.txt").read_text()
    assert kerascnn("errors", "cv", "--split", "folds").code == 0
    assert "split      folds, 18 images" in kerascnn("evaluate", "cv", "--split", "folds").out
    assert "split      test, 5 images" in kerascnn("evaluate", "cv").out
    done = kerascnn("report", "cv")
    assert done.code == 0, done.err
