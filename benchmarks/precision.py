"""Precision: what mixed bfloat16 is worth beside float32, in rate and in accuracy.

    python -m benchmarks.precision rates [--only NAME] [--csv precision.csv]
    python -m benchmarks.precision accuracy [--only NAME] [--seeds 3] [--csv precision.csv]
    python -m benchmarks.precision cost [--only NAME] [--csv precision.csv]
    python -m benchmarks.precision table

"rates" is what `training.precision=auto` measures before a run's first epoch
(`kerascnn.training.measured_computation`): training steps of both precisions in turn, on images of
noise; in images per second. CIFAR-10's networks take 32 images a step, not as many as their
recipes, whose steps take minutes where TensorFlow has no quick kernels.

"accuracy" trains networks of the recipes in both precisions with the same seeds, and scores them on
the test images: those of CIFAR-10 on the digits at 16 pixels and for few epochs, for the same
reason. They are no results of the recipes, but show what of the precisions there is to see.

"cost" is the seconds that a run of the recipe would be kept waiting by the choice, before its first
epoch, where nothing is remembered, beside those that were expected.

Each figure is a row of the CSV; those of the same kind and name are replaced. "table" prints the
medians of the rates and the means of the accuracies.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tables import read_rows, write_rows
from kerascnn.arithmetic import analyze
from kerascnn.data.loading import load
from kerascnn.evaluation.scores import score
from kerascnn.hardware import hardware
from kerascnn.models.build import build_model
from kerascnn.recipe import load_recipe
from kerascnn.training.device import choose_device
from kerascnn.training.measured_computation import (
    HALF,
    choose_by_measuring,
    measure,
    measuring_seconds,
    ways_of,
)
from kerascnn.training.session import assemble

TABLE = Path(__file__).with_name("precision.csv")
FIELDS = ("kind", "name", "precision", "number", "value", "hardware")
POLICIES = ("float32", "mixed_bfloat16")
_FEW = ["training.early_stopping=null", "training.keep=last"]


@dataclass(frozen=True)
class Case:
    """A recipe, and what of it is trained for its accuracy.

    Attributes:
        recipe: Its name.
        on: What it is trained on, in words.
        timed: What is not as in the recipe where it is timed.
        trained: What is not where it is trained.
    """

    recipe: str
    on: str
    timed: tuple[str, ...] = ()
    trained: tuple[str, ...] = ()


_DIGITS = ("data={name: digits, image_size: 16}", "augment={}", "training.batch_size=32", *_FEW)
CASES = {
    "LeNet-5, digits-quick": Case("digits-quick", "digits, 20 epochs", trained=tuple(_FEW)),
    "LeNet-5, lenet5-mnist": Case(
        "lenet5-mnist",
        "a tenth of MNIST, 3 epochs",
        trained=("data.train_fraction=0.1", "training.epochs=3", *_FEW),
    ),
    "ResNet-20, cifar-resnet20": Case(
        "cifar-resnet20",
        "digits at 16 pixels, 2 epochs",
        timed=("training.batch_size=32",),
        trained=(*_DIGITS, "training.epochs=2", "training.steps=null"),
    ),
    "airbench, fast-cifar10": Case(
        "fast-cifar10",
        "digits at 16 pixels, 32, 64 and 128 filters, 3 epochs",
        timed=("training.batch_size=32",),
        trained=(
            *_DIGITS,
            "training.epochs=3",
            "model.filters=[32, 64, 128]",
            "optimizer.learning_rate=0.1",
        ),
    ),
}


def rates(case: Case, turns: int) -> Iterable[tuple[str, int, float]]:
    """Yields precision, turn and images per second."""
    recipe = load_recipe(case.recipe, case.timed)
    batch, number = recipe.training.images_per_step, 0
    data, device = load(recipe.data), choose_device(recipe.training)
    while number < turns:
        finding = measure(recipe, data, device, [HALF], hopeless=math.inf)
        for seconds in finding.turns[HALF]:
            for policy, value in zip(POLICIES, seconds, strict=True):
                yield policy, number, batch / value
            number += 1


def cost(case: Case) -> Iterable[tuple[str, int, float]]:
    """Yields what was chosen and the seconds that took, and "expected" and those."""
    recipe = load_recipe(case.recipe, ["training.epochs=1000000", "training.steps=null"])
    data, device = load(recipe.data), choose_device(recipe.training)
    model = build_model(
        recipe.model, input_shape=data.image_shape, classes=len(data.classes), abstract=True
    )
    analysis = analyze(model)
    with tempfile.TemporaryDirectory() as nothing:
        os.environ["KERASCNN_CACHE"] = nothing
        started = time.perf_counter()
        found, _ = choose_by_measuring(recipe, data, model, analysis, device, print)
        seconds = time.perf_counter() - started
    print(found)
    yield found.way, 0, seconds
    yield "expected", 0, measuring_seconds(recipe, analysis, len(ways_of(model)))


def accuracies(case: Case, seeds: int) -> Iterable[tuple[str, int, float]]:
    """Yields precision, seed and test accuracy."""
    for seed in range(seeds):
        for policy in POLICIES:
            recipe = load_recipe(case.recipe, case.trained)
            recipe = recipe.with_training(precision=policy, seed=seed)
            session = assemble(recipe)
            session.fit(report=None)
            yield policy, seed, score(session.predict("test")).metrics("test")["test_accuracy"]


def keep(path: Path, rows: list[dict[str, str]]) -> None:
    """Writes the rows, those of a kind and recipe together."""
    names = list(CASES)
    write_rows(path, FIELDS, sorted(rows, key=lambda row: (row["kind"], names.index(row["name"]))))


def table(rows: list[dict[str, str]]) -> str:
    """Returns the page's table: medians of the rates, means of the accuracies."""
    lines = [
        "| Recipe | float32, images/s | mixed bfloat16 | times | Test accuracy, float32 | "
        "mixed bfloat16 | Trained on |",
        "|---|---:|---:|---:|---:|---:|---|",
    ]
    for name, case in CASES.items():
        values: dict[tuple[str, str], list[float]] = {}
        for row in rows:
            if row["name"] == name:
                values.setdefault((row["kind"], row["precision"]), []).append(float(row["value"]))
        full, half = (values.get(("rate", policy), []) for policy in POLICIES)
        cells = [name]
        if full:
            ratio = statistics.median(b / a for a, b in zip(full, half, strict=True))
            cells += [f"{statistics.median(v):,.0f}" for v in (full, half)] + [f"{ratio:.2f}"]
        else:
            cells += ["", "", ""]
        for policy in POLICIES:
            found = values.get(("accuracy", policy), [])
            cells.append(
                f"{statistics.fmean(found):.2%} ({min(found):.2%} to {max(found):.2%})"
                if found
                else ""
            )
        lines.append(f"| {' | '.join([*cells, case.on])} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=("rates", "accuracy", "cost", "table"))
    parser.add_argument("--only", choices=CASES)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--csv", type=Path, default=TABLE)
    arguments = parser.parse_args()
    kind = arguments.kind.removesuffix("s")
    for name, case in CASES.items():
        if arguments.kind == "table" or arguments.only not in (None, name):
            continue
        if kind == "rate":
            found = rates(case, arguments.turns)
        else:
            found = cost(case) if kind == "cost" else accuracies(case, arguments.seeds)
        new = []
        for policy, number, value in found:
            print(f"{name}, {policy}, {number}: {value:.4f}", flush=True)
            row = (kind, name, policy, str(number), f"{value:.4f}", hardware())
            new.append(dict(zip(FIELDS, row, strict=True)))
        before = read_rows(arguments.csv)
        others = [row for row in before if (row["kind"], row["name"]) != (kind, name)]
        keep(arguments.csv, others + new)
    print(table(read_rows(arguments.csv)))


if __name__ == "__main__":
    main()
