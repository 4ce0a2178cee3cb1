"""Ways to compute: what mixed bfloat16 and gradients by products are worth beside plain float32.

    KERASCNN_TEST_DATA=FOLDER python -m benchmarks.precision rates|cost|accuracy [--only NAME]
    python -m benchmarks.precision render     # writes the tables of docs/performance.md

"rates" is what `training.precision=auto` measures before a run's first epoch
(`kerascnn.training.measured_computation`): training steps of all ways in turn, on images of noise;
in images per second. CIFAR-10's networks take 32 images a step, not as many as their recipes, whose
steps take minutes where TensorFlow has no quick kernels.

"cost" is the seconds that a run of the recipe would be kept waiting by the choice, before its first
epoch, where nothing is remembered, beside those that were expected.

"accuracy" trains networks of the recipes in both precisions with the same seeds, and scores them on
the test images: those of CIFAR-10 on the digits at 16 pixels and for few epochs, for the same
reason. They are no results of the recipes, but show what of the precisions there is to see.

Each figure is a row of precision.csv; those of the same kind, name and machine are replaced.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.tables import markdown, rate_text, read_rows, replace_rows, write_between
from kerascnn.arithmetic import analyze
from kerascnn.backend import keras
from kerascnn.data.dataset import ImageData
from kerascnn.data.loading import load
from kerascnn.evaluation.scores import score
from kerascnn.hardware import hardware
from kerascnn.models.build import build_model
from kerascnn.recipe import Recipe, load_recipe
from kerascnn.training.device import choose_device
from kerascnn.training.measured_computation import (
    HALF,
    PRODUCTS,
    choose_by_measuring,
    measure,
    measuring_seconds,
    ways_of,
)
from kerascnn.training.session import assemble

TABLE = Path(__file__).with_name("precision.csv")
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
RATES = "<!-- ways: made by benchmarks/precision.py render -->", "<!-- end of ways -->"
ACCURACIES = (
    "<!-- precisions: made by benchmarks/precision.py render -->",
    "<!-- end of precisions -->",
)
FIELDS = ("kind", "name", "way", "number", "value", "hardware")
POLICIES = ("float32", "mixed_bfloat16")
_FEW = ["training.early_stopping=null", "training.keep=last"]


@dataclass(frozen=True)
class Case:
    """A recipe, and what of it is trained for its accuracy.

    Attributes:
        recipe: Its name, or what `load_recipe` takes.
        on: What it is trained on, in words; it is not, if empty.
        timed: What is not as in the recipe where it is timed.
        trained: What is not where it is trained.
    """

    recipe: str | dict[str, Any]
    on: str = ""
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
    "ResNet-18, photographs at 224": Case(
        {
            "model": {"name": "resnet18"},
            "data": {
                "name": f"folder:{os.environ.get('KERASCNN_TEST_DATA', '')}/photos",
                "image_size": 224,
            },
            "training": {"batch_size": 16, "epochs": 10},
        }
    ),
}


def rates(case: Case, turns: int) -> Iterable[tuple[str, int, float]]:
    """Yields way, turn and images per second."""
    recipe = load_recipe(case.recipe, case.timed)
    batch, number = recipe.training.images_per_step, 0
    data, device = load(recipe.data), choose_device(recipe.training)
    ways = ways_of(_outline(recipe, data))
    while number < turns:
        finding = measure(recipe, data, device, ways, hopeless=10)
        for turn, (plain, _) in enumerate(finding.turns[ways[-1]]):
            yield "float32", number + turn, batch / plain
        for way, taken in finding.turns.items():
            for turn, (_, seconds) in enumerate(taken):
                yield way.way, number + turn, batch / seconds
        number += len(finding.turns[ways[-1]])


def _outline(recipe: Recipe, data: ImageData) -> keras.Model:
    return build_model(
        recipe.model, input_shape=data.image_shape, classes=len(data.classes), abstract=True
    )


def cost(case: Case) -> Iterable[tuple[str, int, float]]:
    """Yields what was chosen and the seconds that took, and "expected" and those."""
    recipe = load_recipe(case.recipe, ["training.epochs=1000000", "training.steps=null"])
    data, device = load(recipe.data), choose_device(recipe.training)
    model = _outline(recipe, data)
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
            yield (
                policy.replace("_", " "),
                seed,
                score(session.predict("test")).metrics("test")["test_accuracy"],
            )


def keep(kind: str, name: str, found: Iterable[tuple[str, int, float]]) -> None:
    """Writes what was found in place of what the table has of it on this machine."""
    new = []
    for way, number, value in found:
        print(f"{name}, {way}, {number}: {value:.4f}", flush=True)
        row = (kind, name, way, str(number), f"{value:.4f}", hardware())
        new.append(dict(zip(FIELDS, row, strict=True)))
    replace_rows(TABLE, FIELDS, ("kind", "name", "hardware"), new)


def _values(kind: str) -> dict[tuple[str, str], dict[str, list[float]]]:
    """Returns the figures of a kind by machine and name, and by way."""
    values: dict[tuple[str, str], dict[str, list[float]]] = {}
    names = list(CASES)
    for row in sorted(read_rows(TABLE), key=lambda row: names.index(row["name"])):
        if row["kind"] == kind:
            ways = values.setdefault((row["hardware"], row["name"]), {})
            ways.setdefault(row["way"], []).append(float(row["value"]))
    return values


def rendered_rates() -> str:
    """Returns in Markdown the medians of the rates, and what the choice takes."""
    costs = _values("cost")
    lines = []
    for (machine, name), ways in _values("rate").items():
        plain = ways["float32"]
        cells = [name, machine, rate_text(statistics.median(plain))]
        for way in (HALF.way, PRODUCTS.way):
            found = ways.get(way)
            cells.append(
                f"{rate_text(statistics.median(found))} ({_times(plain, found):.2f})"
                if found
                else ""
            )
        taken = costs.get((machine, name), {})
        cells += [
            ", ".join(way for way in taken if way != "expected"),
            *(f"{v[0]:.1f} s" for way, v in taken.items() if way != "expected"),
            *(f"{v[0]:.1f} s" for v in [taken.get("expected")] if v),
        ]
        lines.append(cells)
    heads = [
        "Recipe", "On", "float32, images/s", "mixed bfloat16 (times)", "by products (times)",
        "A run takes", "measuring took", "was expected to",
    ]  # fmt: skip
    return markdown(heads, lines)


def _times(plain: list[float], found: list[float]) -> float:
    """The median of the turns' ratios; of the best where one was soon given up."""
    if len(found) < len(plain):
        return max(found) / max(plain)
    return statistics.median(b / a for a, b in zip(plain, found, strict=True))


def rendered_accuracies() -> str:
    """Returns in Markdown the means of the test accuracies."""
    lines = [
        [
            name,
            *(
                f"{statistics.fmean(found):.2%} ({min(found):.2%} to {max(found):.2%})"
                for found in ways.values()
            ),
            CASES[name].on,
        ]
        for (_, name), ways in _values("accuracy").items()
    ]
    return markdown(["Network", "float32", "mixed bfloat16", "Trained on"], lines)


def render() -> None:
    write_between(PAGE, *RATES, rendered_rates())
    write_between(PAGE, *ACCURACIES, rendered_accuracies())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=("rates", "accuracy", "cost", "render"))
    parser.add_argument("--only", choices=CASES, action="append")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--turns", type=int, default=3)
    given = parser.parse_args()
    if given.kind == "render":
        render()
        return
    for name in given.only or CASES:
        case = CASES[name]
        if given.kind == "rates":
            keep("rate", name, rates(case, given.turns))
        elif given.kind == "cost":
            keep("cost", name, cost(case))
        elif case.on:
            keep("accuracy", name, accuracies(case, given.seeds))


if __name__ == "__main__":
    main()
