"""Every format beside the model it was made of: agreement, accuracy, size, latency on one core.

    KERASCNN_TEST_DATA=FOLDER python -m benchmarks.exports   # trains, exports, writes the CSV
    python -m benchmarks.exports render      # writes the tables of README.md and docs/export.md

Four networks are trained for a minute or two each, in build/exports/, unless they are there. Rows
that are in exports.csv stay as they are.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from benchmarks.tables import read_rows, write_between, write_rows

TABLE = Path(__file__).with_name("exports.csv")
README = Path(__file__).parent.parent / "README.md"
PAGE = Path(__file__).parent.parent / "docs" / "export.md"
PLACE = Path(__file__).parent.parent / "build" / "exports"
BEGIN, END = "<!-- exports: made by benchmarks/exports.py render -->", "<!-- end of exports -->"
FIELDS = (
    "network", "data", "format", "images", "agreement", "largest_difference", "accuracy",
    "accuracy_low", "accuracy_high", "model_accuracy", "bytes", "milliseconds", "load_before",
    "hardware",
)  # fmt: skip

_TENTH = ["data.train_fraction=0.1", "data.validation_fraction=0.02"]
# Name -> model, data and fields of its training.
NETWORKS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "LeNet-5": ("lenet5", "mnist", {"epochs": 1}),
    "ResNet-20": ("cifar-resnet20", "cifar10", {"epochs": 2, "settings": _TENTH}),
    "airbench": (
        "airbench",
        "cifar10",
        {
            "epochs": 4,
            "settings": [*_TENTH, "model.filters=[32,64,128]", "augment.test_time=flips"],
        },
    ),
    "GoogLeNet": (
        "googlenet",
        "folder:photos",
        {"epochs": 1, "settings": ["data.image_size=224", "training.batch_size=16"]},
    ),
}


def measure() -> None:
    import kerascnn
    from kerascnn.hardware import hardware
    from kerascnn.serving.exports.format import NAMES

    data = Path(os.environ["KERASCNN_TEST_DATA"]).resolve()
    os.environ["TFDS_DATA_DIR"] = str(data / "tfds")
    PLACE.mkdir(parents=True, exist_ok=True)
    os.chdir(PLACE)
    rows: list[dict[str, Any]] = [*read_rows(TABLE)]
    known = {(row["network"], row["format"]) for row in rows}
    for network, (model, source, fields) in NETWORKS.items():
        name = network.lower()
        if all((network, form) in known for form in NAMES):
            continue
        if not any(run.name == name and run.status == "FINISHED" for run in kerascnn.list_runs()):
            place = source.replace("folder:", f"folder:{data}/")
            kerascnn.train(model, place, name=name, report=None, **fields)
        for form in NAMES:
            if (network, form) in known:
                continue
            load = os.getloadavg()[0]
            check = kerascnn.export(name, form, most_lost=100).check
            rows.append(
                {
                    "network": network,
                    "data": source.removeprefix("folder:"),
                    "format": form,
                    "images": check.count,
                    "agreement": check.agreement,
                    "largest_difference": f"{check.difference:.2g}",
                    "accuracy": round(check.accuracy.value, 4),
                    "accuracy_low": round(check.accuracy.low, 4),
                    "accuracy_high": round(check.accuracy.high, 4),
                    "model_accuracy": round(check.original.value, 4),
                    "bytes": check.size,
                    "milliseconds": round(check.milliseconds, 3),
                    "load_before": round(load, 2),
                    "hardware": hardware(),
                }
            )
            print(rows[-1], flush=True)
            write_rows(TABLE, FIELDS, rows)


def rendered() -> str:
    """Returns the table in Markdown."""
    lines = [
        "| Network | Format | Agreement | Largest difference | Accuracy | Model's | Size "
        "| One core |",
        "|---|---|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {row['network']} | `{row['format']}` "
        f"| {float(row['agreement']):.2%} of {int(row['images']):,} "
        f"| {float(row['largest_difference']):.0e} | {float(row['accuracy']):.2%} "
        f"| {float(row['model_accuracy']):.2%} | {int(row['bytes']) / 2**20:.2f} MiB "
        f"| {float(row['milliseconds']):.2f} ms |"
        for row in read_rows(TABLE)
    ]
    return "\n".join(lines)


def rendered_short() -> str:
    """Returns a row for each format and a column for each network, in Markdown."""
    rows = {(row["format"], row["network"]): row for row in read_rows(TABLE)}
    formats, networks = (list(dict.fromkeys(names)) for names in zip(*rows, strict=True))
    lines = [
        f"| Same answers; size; one image on one core | {' | '.join(networks)} |",
        f"|---|{'---:|' * len(networks)}",
    ]
    for form in formats:
        cells = (
            f"{float(row['agreement']):.2%}; {int(row['bytes']) / 2**20:.1f} MiB; "
            f"{float(row['milliseconds']):.2f} ms"
            for row in (rows[form, network] for network in networks)
        )
        lines.append(f"| `{form}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def render() -> None:
    for page, table in ((README, rendered_short()), (PAGE, rendered())):
        write_between(page, BEGIN, END, table)


if __name__ == "__main__":
    if sys.argv[1:] == ["render"]:
        render()
    else:
        measure()
