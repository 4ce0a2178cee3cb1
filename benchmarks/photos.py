"""Photographs, end to end: the whole command of kerascnn, of ultralytics and of timm, in turn.

    make bench-env
    KERASCNN_TEST_DATA=FOLDER build/bench/kerascnn/bin/python -m benchmarks.photos [--rounds 5]
    python -m benchmarks.photos render        # writes the tables of docs/performance.md

Each trains ResNet-18 on the same folder (train/, val/ and test/ with a folder per class), at the
same size, for as many epochs, in batches of 32, by SGD with momentum, on random crops of 8% to 100%
of the area and mirrored ones. Each does what it does by default beside that: ours scores every
split, draws and tracks; ultralytics draws and validates; timm (`contestants/timm_photos.py`)
validates. The seconds are the whole command's, from the shell and back to it. `photos` are the
photographs under KERASCNN_TEST_DATA, `mnist` is a folder of PNG files made from MNIST.

Ours is then taken apart: images per second of reading, of reading and augmenting, and of training
steps alone (`contestants/photo_stages.py`).
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contest import (
    PLACE,
    QUIET,
    Contestant,
    Gone,
    busy_seconds,
    contest,
    hardware,
    last_line,
    python_of,
)

TABLE = Path(__file__).with_name("photos.csv")
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- photos: made by benchmarks/photos.py render -->", "<!-- end of photos -->"
FIELDS = (
    "images", "train_images", "side", "epochs", "contestant", "seconds", "processor_seconds",
    "reading_per_second", "augmenting_per_second", "training_per_second", "rounds", "others",
    "beside_other_work", "hardware",
)  # fmt: skip
MODEL = Path(__file__).parent / "contestants" / "resnet18.yaml"
BATCH = 32
_PATIENCE = 600  # seconds of one command
_STAGE_SECONDS = 2.0


@dataclass(frozen=True)
class Task:
    """What is trained on: which images, at which size, for how many epochs."""

    images: str
    side: int
    epochs: int


TASKS = {
    "photos at 64": Task("photos", 64, 3),
    "photos at 128": Task("photos", 128, 3),
    "mnist at 32": Task("mnist", 32, 1),
}


def folder_of(images: str, count: int) -> Path:
    """Returns the folder of some images, with its splits, made on first use under build/bench."""
    place = PLACE / "data" / (images if images == "photos" else f"{images}-{count}")
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as folder:
            made = Path(folder) / "made"
            _photos(made) if images == "photos" else _mnist(made, count)
            made.rename(place)
    return place


def _split(number: int) -> str:
    """Of ten images one is for validation and one for the test."""
    return {8: "val", 9: "test"}.get(number % 10, "train")


def _photos(place: Path) -> None:
    source = Path(os.environ["KERASCNN_TEST_DATA"]).resolve() / "photos"
    for folder in sorted(path for path in source.iterdir() if path.is_dir()):
        for number, path in enumerate(sorted(folder.iterdir())):
            target = place / _split(number) / folder.name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)


def _mnist(place: Path, count: int) -> None:
    import numpy as np
    from PIL import Image

    from kerascnn.data.loading import load
    from kerascnn.data.pipeline import pictures
    from kerascnn.data.spec import DataSpec

    os.environ["TFDS_DATA_DIR"] = str(Path(os.environ["KERASCNN_TEST_DATA"]).resolve() / "tfds")
    data = load(DataSpec(name="mnist"))
    images = pictures(data, "train", np.arange(count))
    for number, (pixels, label) in enumerate(
        zip(images, data.splits["train"].labels, strict=False)
    ):
        target = place / _split(number) / str(label) / f"{number}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels[..., 0]).save(target)


def commands(task: Task, folder: Path) -> dict[str, list[str]]:
    """Returns the command of each contestant that has an environment; prints who has none."""
    workers = str(len(os.sched_getaffinity(0)))
    side, epochs, batch = str(task.side), str(task.epochs), str(BATCH)
    made = {
        "kerascnn": (
            "kerascnn",
            ["kerascnn", "train", "resnet18", f"folder:{folder}", "--image-size", side,
             "--epochs", epochs, "--batch-size", batch, "--augment", "inception",
             "--optimizer", "sgd", "--learning-rate", "0.01"],
        ),
        "ultralytics": (
            "torch",
            ["yolo", "classify", "train", f"data={folder}", f"model={MODEL}",
             f"epochs={epochs}", f"imgsz={side}", f"batch={batch}", f"workers={workers}",
             "device=cpu", "pretrained=False", "optimizer=SGD", "lr0=0.01", "momentum=0.9",
             "scale=0.92", "fliplr=0.5", "hsv_h=0", "hsv_s=0", "hsv_v=0", "erasing=0",
             "auto_augment=None", "project=."],
        ),
        "timm": (
            "torch",
            ["python", "-m", "benchmarks.contestants.timm_photos", str(folder), side, epochs,
             batch, workers],
        ),
    }  # fmt: skip
    found = {}
    for name, (environment, (program, *words)) in made.items():
        try:
            found[name] = [str(python_of(environment).with_name(program)), *words]
        except Gone as gone:
            print(f"  {name}: {gone}", flush=True)
    return found


def run(name: str, command: Sequence[str]) -> tuple[float, float, float]:
    """Runs a whole command in an empty folder.

    Returns:
        Its seconds; its processor time; the processors that others kept busy.

    Raises:
        Gone: If it failed, or took too long.
    """
    log = PLACE / "logs" / f"{name}.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    root = Path(__file__).parent.parent
    with tempfile.TemporaryDirectory() as folder, log.open("w", encoding="utf-8") as output:
        settings = {
            "PYTHONPATH": str(root),
            "YOLO_OFFLINE": "true",  # nothing is fetched, and no version looked for
            "YOLO_CONFIG_DIR": str(PLACE),
        }
        before, busy, start = _children(), busy_seconds(), time.perf_counter()
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env={**os.environ, **settings},
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=_PATIENCE,
            )
        except subprocess.TimeoutExpired:
            raise Gone(f"took more than {_PATIENCE} s") from None
        seconds = time.perf_counter() - start
        used = _children() - before
        others = max(0.0, (busy_seconds() - busy - used) / seconds)
    if done.returncode:
        raise Gone(f"died with code {done.returncode}{last_line(log)}")
    return seconds, used, others


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def stages(task: Task, folder: Path, rounds: int) -> dict[str, float]:
    """Returns images per second of ours: reading, augmenting and training, each alone."""
    command = [python_of("kerascnn"), "-m", "benchmarks.contestants.photo_stages"]
    contestant = Contestant("stages", [*command, str(folder), str(task.side), str(BATCH)])
    rates: dict[str, list[float]] = {"reading": [], "augmenting": [], "training": []}
    with contest([contestant]) as ready:
        if not ready:
            return {}
        for _ in range(rounds):
            for what, values in rates.items():
                question = {"what": what, "seconds": _STAGE_SECONDS}
                values.append(contestant.ask(question, 120)[0]["rate"])
    return {what: statistics.median(values) for what, values in rates.items()}


def measure(task: Task, rounds: int, count: int) -> list[dict[str, Any]]:
    """Lets the commands take turns; returns a row for each."""
    folder = folder_of(task.images, count)
    trained = sum(1 for path in (folder / "train").rglob("*.*") if path.is_file())
    found: dict[str, list[tuple[float, float, float]]] = {}
    entries = commands(task, folder)
    for number in range(rounds):
        for name, command in list(entries.items()):
            try:
                figure = run(name, command)
            except Gone as gone:
                print(f"  {name}: {gone}", flush=True)
                del entries[name]
                found.pop(name, None)
                continue
            found.setdefault(name, []).append(figure)
            print(
                f"  round {number + 1}: {name:12}{figure[0]:6.1f} s, {figure[1]:6.1f} s of "
                f"processor, {figure[2]:.2f} others",
                flush=True,
            )
    apart = stages(task, folder, rounds) if "kerascnn" in found else {}
    rows = []
    for name, figures in found.items():
        seconds, used, others = (statistics.median(column) for column in zip(*figures, strict=True))
        own = apart if name == "kerascnn" else {}
        rows.append(
            {
                "images": task.images,
                "train_images": trained,
                "side": task.side,
                "epochs": task.epochs,
                "contestant": name,
                "seconds": round(seconds, 1),
                "processor_seconds": round(used, 1),
                **{f"{what}_per_second": round(rate) for what, rate in own.items()},
                "rounds": rounds,
                "others": round(others, 2),
                "beside_other_work": "yes" if others > QUIET else "no",
                "hardware": hardware(),
            }
        )
    return rows


def keep(rows: Sequence[dict[str, Any]]) -> None:
    """Writes rows in place of those of the same machine, images and size."""

    def key(row: dict[str, Any]) -> tuple[str, ...]:
        return tuple(str(row[name]) for name in ("hardware", "images", "side"))

    before = []
    if TABLE.exists():
        with TABLE.open(encoding="utf-8", newline="") as file:
            before = list(csv.DictReader(file))
    new = set(map(key, rows))
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, FIELDS)
        table.writeheader()
        table.writerows([row for row in before if key(row) not in new])
        table.writerows(rows)


def rendered() -> str:
    """Returns the table in Markdown: a line for each task."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = list(dict.fromkeys(row["contestant"] for row in rows))
    tasks: dict[tuple[str, ...], dict[str, dict[str, str]]] = {}
    for row in rows:
        key = tuple(row[name] for name in ("hardware", "images", "train_images", "side", "epochs"))
        tasks.setdefault(key, {})[row["contestant"]] = row
    lines = [
        f"| Images | {' | '.join(names)} | Ours: reading; and augmenting; training alone | On |",
        f"|---|{'---:|' * len(names)}---:|---|",
    ]
    for (machine, images, trained, side, epochs), found in tasks.items():
        cells = [
            f"{float(found[name]['seconds']):.1f} s"
            f"{'*' if found[name]['beside_other_work'] == 'yes' else ''}"
            if name in found
            else ""
            for name in names
        ]
        own = found.get("kerascnn", {})
        rates = [
            f"{int(own[f'{what}_per_second']):,}" if own.get(f"{what}_per_second") else ""
            for what in ("reading", "augmenting", "training")
        ]
        lines.append(
            f"| {images}, {int(trained):,} at {side}, {epochs} epoch{'s' * (epochs != '1')} "
            f"| {' | '.join(cells)} | {'; '.join(rates)} images/s | {machine} |"
        )
    if any(row["beside_other_work"] == "yes" for row in rows):
        lines.append("\n\\* Taken beside other work.")
    return "\n".join(lines)


def render() -> None:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n{rendered()}\n{END}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=TASKS, action="append")
    parser.add_argument("--count", type=int, default=20_000, help="files made from MNIST")
    parser.add_argument("--dry-run", action="store_true", help="keep no figure")
    given = parser.parse_args()
    for name in given.only or TASKS:
        print(name, flush=True)
        rows = measure(TASKS[name], given.rounds, given.count)
        if not given.dry_run:
            keep(rows)


if __name__ == "__main__":
    if sys.argv[1:] == ["render"]:
        render()
    else:
        main()
