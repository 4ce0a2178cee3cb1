"""What `kerascnn train DATA` reaches without further words, beside the recipes that ship.

    KERASCNN_TEST_DATA=FOLDER python -m benchmarks.defaults [--seeds 0,1,2] [--rivals] [SET...]
    python -m benchmarks.defaults render            # writes the table of docs/your-photos.md

Each run is the whole command, in a folder and a store of its own; recipes are told the same time
limit. Rows are appended to benchmarks/defaults.csv, with the load of the machine before the run:
above 0.5, something else was running.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.tables import read_rows, write_between, write_rows

TABLE = Path(__file__).with_name("defaults.csv")
FIELDS = (
    "set", "contestant", "seed", "test_accuracy", "test_count", "epochs", "command_seconds",
    "train_seconds", "load_before", "commit", "hardware",
)  # fmt: skip
LIMIT = "120s"  # what the default gives itself
PAGE = Path(__file__).parent.parent / "docs" / "your-photos.md"
BEGIN, END = "<!-- defaults: made by benchmarks/defaults.py render -->", "<!-- end of defaults -->"

# Set -> what names it after `train`, and fields of a recipe for it.
SETS = {
    "digits": (["digits"], []),
    "mnist 1%": (["mnist"], ["data.train_fraction=0.01"]),
    "cifar10 1%": (["cifar10"], ["data.train_fraction=0.01"]),
    "cifar10 10%": (["cifar10"], ["data.train_fraction=0.1"]),
    "photos": (["folder:photos"], []),
}

# Of the recipes that ship, those that can train on these sets in two minutes.
RIVALS = {
    "digits": ("digits-quick", "mnist-best"),
    "mnist 1%": ("lenet5-mnist", "mnist-best"),
    "cifar10 1%": ("fast-cifar10", "dropout-convnet-cifar10"),
    "cifar10 10%": ("fast-cifar10", "dropout-convnet-cifar10"),
    "photos": ("fast-cifar10", "dropout-convnet-cifar10"),
}


def run(name: str, contestant: str, seed: int, data: Path) -> dict[str, object]:
    """Runs one command; returns its row."""
    (dataset,), fields = SETS[name]
    dataset = dataset.replace("folder:", f"folder:{data}/")
    settings = [*fields, f"training.seed={seed}"]
    if contestant == "default":
        words = [dataset]
    else:
        words = ["--recipe", contestant, dataset, "--time-limit", LIMIT]
        validation = 0.1 * (float(fields[0].partition("=")[2]) if fields else 1)
        settings.append(f"data.validation_fraction={validation}")
        if name == "photos":
            settings.append("data.image_size=48")
    command = [str(Path(sys.executable).with_name("kerascnn")), "train", *words]
    command += [word for setting in settings for word in ("--set", setting)]
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "TFDS_DATA_DIR": str(data / "tfds")},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        seconds = time.perf_counter() - start
        with contextlib.chdir(folder):
            from kerascnn.tracking import list_runs

            (found,) = list_runs()
            return {
                "set": name,
                "contestant": contestant,
                "seed": seed,
                "test_accuracy": found.metrics["test_accuracy"],
                "test_count": int(found.metrics["test_count"]),
                "epochs": len(found.history["loss"]),
                "command_seconds": round(seconds, 1),
                "train_seconds": round(found.metrics["train_seconds"], 1),
                "load_before": round(load, 2),
                "commit": _commit(),
                "hardware": found.tags["hardware"],
            }


def _commit() -> str:
    done = subprocess.run(
        ["git", "-C", str(TABLE.parent), "rev-parse", "--short=12", "HEAD"],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def rendered() -> str:
    """Returns in Markdown a line for each set: what the default reaches, and the best recipe."""
    lines = [
        "| Images | `kerascnn train DATA` | The whole command | The best recipe that ships |",
        "|---|---|---:|---|",
    ]
    rows = read_rows(TABLE)
    for name in SETS:
        own = [row for row in rows if row["set"] == name]
        scores: dict[str, list[float]] = {}
        for row in own:
            scores.setdefault(row["contestant"], []).append(float(row["test_accuracy"]))
        ours = scores.pop("default")
        seconds = statistics.median(
            float(row["command_seconds"]) for row in own if row["contestant"] == "default"
        )
        best = max(scores, key=lambda contestant: statistics.mean(scores[contestant]))
        lines.append(
            f"| {name}, {own[0]['test_count']} test images | {_mean(ours)} | {seconds:.0f} s "
            f"| `{best}`: {_mean(scores[best])} |"
        )
    return "\n".join(lines)


def _mean(scores: list[float]) -> str:
    spread = f" ({min(scores):.1%} to {max(scores):.1%})" if len(scores) > 1 else ""
    return f"{statistics.mean(scores):.1%}, n = {len(scores)}{spread}"


def render() -> None:
    write_between(PAGE, BEGIN, END, rendered())


def main() -> None:
    """Runs what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", nargs="*", default=list(SETS))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--rivals", action="store_true")
    given = parser.parse_args()
    data = Path(os.environ["KERASCNN_TEST_DATA"]).resolve()
    for seed in map(int, given.seeds.split(",")):
        for name in given.sets:
            for contestant in RIVALS[name] if given.rivals else ("default",):
                row = run(name, contestant, seed, data)
                print(row, flush=True)
                write_rows(TABLE, FIELDS, [*read_rows(TABLE), row])


if __name__ == "__main__":
    if sys.argv[1:] == ["render"]:
        render()
    else:
        main()
