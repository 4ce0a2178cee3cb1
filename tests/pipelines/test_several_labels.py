"""Images with several labels, from `kerascnn train` to `report`, as a user sees it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from kerascnn import predict, tracking
from kerascnn.assessment import evaluate
from kerascnn.evaluation.set_predictions import best_thresholds
from kerascnn.run_model import load_model
from tests.composites import write_pairs

_TABLE = "csv:pairs/table.csv"


def test_it_has_learnt_and_its_figures_are_scikit_learns(sets: Path) -> None:
    run = tracking.load_run("pairs")
    test, validation = run.set_predictions("test"), run.set_predictions("validation")
    reached = average_precision_score(test.labels, test.probabilities, average="macro")
    assert run.metrics["test_mean_average_precision"] == pytest.approx(reached)
    assert reached > 0.75, "at random it is 0.18"
    assert run.metrics["test_macro_f1"] == pytest.approx(
        f1_score(test.labels, test.predicted, average="macro")
    )
    chosen = load_model(run).thresholds
    assert chosen == pytest.approx(best_thresholds(validation).tolist())
    np.testing.assert_array_equal(test.thresholds, chosen)
    assert run.metrics["validation_macro_f1"] >= f1_score(
        validation.labels, validation.probabilities >= 0.5, average="macro"
    )
    history = run.history
    best = int(np.argmin(history["val_loss"]))
    assert run.metrics["best_epoch"] == best + 1
    assert history["val_loss"][best] == pytest.approx(run.metrics["validation_loss"], rel=1e-4)
    assert history["val_mean_average_precision"][best] == pytest.approx(
        run.metrics["validation_mean_average_precision"], abs=0.03
    )


@pytest.mark.ci
def test_train(workplace, kerascnn) -> None:
    write_pairs(workplace / "pairs", 120, columns=True)
    done = kerascnn(
        "train", "lenet5", "csv:pairs/columns.csv", "--labels", "several", "--epochs", 2,
        "--batch-size", 32, "--set", "data.image_size=[16,32]",
        "--set", "training.label_smoothing=0.1",
        "--set", "augment.operations=[mixup]", "--name", "short", "--report",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert "10 classes, several labels an image" in done.out
    assert "mAP 0." in done.out
    assert "test mean average precision 0." in done.out
    assert "(at random 0." in done.out
    assert "F1 of each label is highest on the validation images" in done.out
    run = tracking.load_run("short")
    for name in ("report.html", "per_class.csv", "learning_curves.png", "layers.json"):
        assert run.has(name), name
    assert not run.has("confusion_matrix.csv")


def test_what_is_there_already_says_how(workplace, kerascnn) -> None:
    table = write_pairs(workplace / "pairs", 12)
    done = kerascnn("train", "mlp", f"csv:{table}")
    assert done.code == 2
    assert "is '0000.png,'; an image has one label, unless train --labels several" in done.err
    assert done.err.count("\n") == 1
    table.write_text(table.read_text("utf-8").replace("0000.png,\n", ""), "utf-8")
    done = kerascnn("train", "mlp", f"csv:{table}")
    assert "looks like several labels, and an image has one unless train --labels" in done.err
    assert done.err.count("\n") == 1
    done = kerascnn("train", "mlp", "digits", "--labels", "several")
    assert done.code == 2
    assert "data.labels: several are read from csv:FILE" in done.err


def test_evaluate(sets, kerascnn) -> None:
    done = kerascnn("evaluate", "pairs", "--per-class")
    assert done.code == 0, done.err
    run = tracking.load_run("pairs")
    assert f"{run.metrics['test_mean_average_precision']:.4f}" in done.out
    assert "answers at random get a mean average precision of 0.1" in done.out
    assert "scores_test.csv, scores_test.json\n" in done.out
    head = next(line for line in done.out.splitlines() if line.startswith("label"))
    assert head.split()[:5] == ["label", "count", "threshold", "precision", "recall"]
    rows = list(csv.DictReader(run.artifact("scores_test.csv").read_text("utf-8").splitlines()))
    assert {row["class"] for row in rows} == {"", *map(str, range(10))}
    views = kerascnn("evaluate", "pairs", "--tta", "flips", "--split", "validation")
    assert views.code == 0, views.err
    assert "views: flips" in views.out
    again = evaluate("pairs", report=None)
    assert again.metrics("test")["test_exact_match"] == run.metrics["test_exact_match"]


def test_evaluate_on_other_data(sets, kerascnn) -> None:
    write_pairs(sets / "other", 40, seed=9)
    done = kerascnn("evaluate", "pairs", "--data", "csv:other/table.csv")
    assert done.code == 0, done.err
    assert "all, 40 images" in done.out
    done = kerascnn("evaluate", "pairs", "--data", "digits")
    assert done.code == 2
    assert "labels: several are read from csv:FILE" in done.err


def test_predict(sets, kerascnn) -> None:
    files = [sets / "pairs" / f"{number:04}.png" for number in (0, 1, 2)]  # the first one is empty
    table = kerascnn("predict", "pairs", *files)
    assert table.code == 0, table.err
    found = predict("pairs", files)
    thresholds = dict(zip(map(str, range(10)), load_model("pairs").thresholds or (), strict=True))
    for line, one in zip(table.out.splitlines()[1:], found, strict=True):
        shown = ", ".join(
            f"{name} {share:.1%}"
            for name, share in zip(one.classes, one.probabilities, strict=True)
        )
        assert line.split(maxsplit=1)[1].strip() == (shown or "none")
    rows = json.loads(kerascnn("predict", "pairs", *files, "--format", "json").out)
    assert [[label["class"] for label in row["labels"]] for row in rows] == [
        list(one.classes) for one in found
    ]
    for label in rows[1]["labels"]:
        assert label["probability"] >= label["threshold"] == thresholds[label["class"]]
    text = kerascnn("predict", "pairs", *files, "--format", "csv").out
    cells = list(csv.DictReader(text.splitlines()))
    assert list(dict.fromkeys(row["file"] for row in cells)) == list(map(str, files))
    assert sum(row["class"] != "" for row in cells) == sum(len(one.classes) for one in found)


def test_errors(sets, kerascnn) -> None:
    done = kerascnn("errors", "pairs", "--csv", "wrong.csv", "--limit", 3)
    assert done.code == 0, done.err
    table = tracking.load_run("pairs").set_predictions()
    wrong = int((~table.exact).sum())
    assert f"test, {table.size} images, {wrong} are given other labels than they have" in done.out
    assert f"and {wrong - 3} more" in done.out
    rows = list(csv.DictReader(Path("wrong.csv").read_text("utf-8").splitlines()))
    assert len(rows) == wrong
    first = list(table.examples).index(rows[0]["example"])
    assert table.losses[first] == table.losses[~table.exact].max()
    assert rows[0]["true"] == "|".join(table.names(table.labels[first]))
    one = kerascnn("errors", "pairs", "--class", "8", "--out", "eights.png")
    assert one.code == 0, one.err
    assert Path("eights.png").stat().st_size > 1000


@pytest.mark.parametrize(
    "arguments",
    [
        ("calibrate", "pairs"),
        ("stress", "pairs"),
        ("knn", "pairs"),
        ("linear-probe", "pairs"),
        ("learning-curve", "pairs"),
        ("visualize", "pairs", "gradcam"),
        ("visualize", "pairs", "embedding"),
        ("evaluate", "pairs", "--slices"),
        ("evaluate", "pairs", "--coverage", "0.9"),
        ("evaluate", "pairs", "pairs"),
    ],
)
def test_what_is_of_one_label_is_refused(arguments, sets, kerascnn) -> None:
    done = kerascnn(*arguments)
    assert done.code == 2, done.out
    assert "run pairs gives an image several labels (data.labels), and this is of one" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("errors", "pairs", "--labels"), "--labels: run pairs gives an image several labels"),
        (("errors", "pairs", "--confused", "1,7"), "--confused: run pairs gives"),
        (("errors", "pairs", "--sort", "margin"), "--sort: got 'margin', images with several"),
        (("errors", "pairs", "--class", "11"), "unknown class '11'"),
        (("predict", "pairs", "pairs/0001.png", "--top", 3), "--top: this model gives"),
        (("predict", "pairs", "pairs/0001.png", "--unknown-below", 0.5), "--unknown-below: this"),
        (("train", "mlp", _TABLE, "--labels", "several", "--folds", 3), "data.folds: got 3"),
        (("sweep", "mlp", _TABLE, "--set", "data.labels=several"), "data.labels: a sweep"),
    ],
)
def test_options_of_one_label_are_refused(arguments, message, sets, kerascnn) -> None:
    done = kerascnn(*arguments)
    assert done.code == 2, done.out
    assert message in done.err
    assert done.err.count("\n") == 1


def test_its_model_file_is_refused_too(sets, kerascnn) -> None:
    file = tracking.load_run("pairs").artifact("model.keras")
    done = kerascnn("knn", file)
    assert done.code == 2, done.out
    assert "classifiers on features are of one label an image" in done.err
    done = kerascnn("visualize", file, "gradcam", "pairs/0001.png")
    assert done.code == 2, done.out
    assert "gradcam: asks for the class of an image, and" in done.err
    done = kerascnn("datasets", "preview", _TABLE, "--set", "data.labels=several")
    assert done.code == 2, done.out
    assert "--set data.labels: a preview is of one label an image" in done.err


def test_runs_compare_and_report(sets, kerascnn) -> None:
    listed = kerascnn("runs")
    assert "test_mean_average_precision" in listed.out
    beside = kerascnn("compare", "pairs", "pairs")
    assert beside.code == 0, beside.err
    assert "test_mean_average_precision" in beside.out
    assert "test_macro_f1" in beside.out
    assert "not tested in pairs: run pairs: its images may have several labels" in beside.out
    page = kerascnn("report", "pairs", "--out", "page.html")
    assert page.code == 0, page.err
    assert "mean average precision" in Path("page.html").read_text("utf-8")
    both = kerascnn("report", "pairs", "pairs", "--out", "both.html")
    assert both.code == 0, both.err
    weights = kerascnn("visualize", "pairs", "maximize")
    assert weights.code == 0, weights.err
