"""`kerascnn train` and what follows it, as a user sees them."""

from __future__ import annotations

import csv
import json
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
from PIL import Image

from kerascnn import tracking

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
    assert done.stdout.count("\n  kerascnn ") == 3  # the three commands to try next
    assert "\x1b" not in done.stdout


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


def test_evaluate_scores_every_example_and_agrees_with_training(trained, kerascnn) -> None:
    done = kerascnn("evaluate", "first", "--per-class")
    assert done.code == 0, done.err
    assert done.err == ""
    assert "split      test, 270 images, every one scored" in done.out
    accuracy = tracking.load_run("first").metrics["test_accuracy"]
    assert f"top-1      {accuracy:.2%}  (95% Wilson interval" in done.out
    assert re.search(r"top-5      \d", done.out)
    assert len(re.findall(r"^\d +2[678] ", done.out, re.MULTILINE)) == 10
    assert "validation, 153 images" in kerascnn("evaluate", "first", "--split", "validation").out
    done = kerascnn("evaluate", "first", "--split", "tset")
    assert done.code == 2
    assert "unknown split 'tset': did you mean test" in done.err


def test_runs_table(trained, kerascnn) -> None:
    rows = kerascnn("runs").out.splitlines()
    assert [row.split()[0] for row in rows] == ["name", "second", "first"]
    rows = kerascnn("runs", "--sort", "training.epochs").out.splitlines()
    assert [row.split()[0] for row in rows[1:]] == ["first", "second"]
    rows = kerascnn("runs", "--filter", "training.epochs<3", "--columns", "tensorflow").out
    assert "first" not in rows
    assert "2." in rows.splitlines()[1]
    assert "1 of 2 runs" in kerascnn("runs", "--limit", "1").out
    done = kerascnn("runs", "--filter", "test_acuracy>0.5")
    assert done.code == 2
    assert "did you mean" in done.err


def test_compare_shows_only_what_differs(trained, kerascnn, tmp_path) -> None:
    done = kerascnn("compare", "first", "second", "--out", tmp_path / "curves.png")
    assert done.code == 0, done.err
    assert re.search(r"training.epochs +3 +2", done.out)
    assert "training.seed" not in done.out
    assert re.search(r"test_accuracy +\d\d\.\d\d% +\d\d\.\d\d%", done.out)
    assert _width(tmp_path / "curves.png") > 800
    done = kerascnn("compare", "first", "second", "--out", tmp_path / "none" / "curves.png")
    assert done.code == 2
    assert "there is no folder" in done.err


def _digit(path: Path, mode: str) -> Path:
    from sklearn.datasets import load_digits

    pixels = (load_digits().images[0] * 255 / 16).astype(np.uint8)
    Image.fromarray(pixels).resize((64, 64), Image.Resampling.BILINEAR).convert(mode).save(path)
    return path


def test_predict(trained, kerascnn, tmp_path) -> None:
    for name, mode in (("a.png", "L"), ("b.PNG", "RGB"), ("c.bmp", "RGB"), ("d.gif", "P")):
        _digit(tmp_path / name, mode)
    table = kerascnn("predict", "first", tmp_path)
    assert table.code == 0, table.err
    assert len(re.findall(r"\.(?:png|PNG|bmp|gif) +0 +\d", table.out)) == 4
    rows = json.loads(kerascnn("predict", "first", tmp_path, "--format", "json").out)
    assert [row["predictions"][0]["class"] for row in rows] == ["0"] * 4
    assert all(len(row["predictions"]) == 3 for row in rows)
    text = kerascnn("predict", "first", tmp_path / "a.png", "--format", "csv", "--top", "10").out
    shares = [float(row["probability"]) for row in csv.DictReader(text.splitlines())]
    assert sum(shares) == pytest.approx(1, abs=1e-4)
    assert shares == sorted(shares, reverse=True)


def test_predict_reports_what_it_cannot_read_and_goes_on(trained, kerascnn, tmp_path) -> None:
    whole = _digit(tmp_path / "a.png", "L")
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:60])
    (tmp_path / "text.png").write_text("not an image")
    done = kerascnn("predict", "first", tmp_path, "--format", "json")
    assert done.code == 1
    assert [Path(row["file"]).name for row in json.loads(done.out)] == ["a.png"]
    errors = done.err.splitlines()
    assert len(errors) == 2
    assert "cut.png" in errors[0]
    assert "text.png" in errors[1]


def test_predict_from_a_model_file_and_with_a_broken_one(trained, kerascnn, tmp_path) -> None:
    image = _digit(tmp_path / "a.png", "L")
    model = tracking.load_run("first").artifact("model.keras")
    assert kerascnn("predict", model, image).code == 0
    broken = tmp_path / "broken.keras"
    broken.write_bytes(model.read_bytes()[:5000])
    done = kerascnn("predict", broken, image)
    assert done.code == 2
    assert re.match(r"Error: .*broken.keras: damaged, or not a \.keras file\n$", done.err)


def test_dry_run_stops_before_training(workplace, kerascnn) -> None:
    done = kerascnn("train", "lenet5", "digits", "--dry-run", "--set", "training.epochs=7")
    assert done.code == 0, done.err
    assert "epochs: 7" in done.out
    assert "1,374 train, 153 validation, 270 test" in done.out
    assert re.search(r"c3 +conv 5x5 +10x10x16", done.out)
    assert "61,706" in done.out
    assert not (workplace / "mlruns").exists()


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_cleanly_and_marks_the_run_killed(workplace, kerascnn, signal_number) -> None:
    process = subprocess.Popen(
        [*COMMAND, "train", "lenet5", "digits", "--epochs", "9999", "--name", "long",
         "--set", "training.early_stopping=null"],
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
    assert re.search(r"epoch 2/4 .*images/s .*\ds left", text)
    assert "epoch 4/4  loss" in text
