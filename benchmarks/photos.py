"""Photographs, end to end: the whole command of kerascnn, of ultralytics and of timm, in turn.

    make bench-env
    KERASCNN_TEST_DATA=FOLDER build/bench/kerascnn/bin/python -m benchmarks.photos [--rounds 5]
    python -m benchmarks.photos render        # writes the tables of docs/performance.md

Each trains ResNet-18 on the same folder (train/, val/ and test/ with a folder per class), at the
same size, for as many epochs, in batches of 32, by SGD with momentum, on random crops of 8% to 100%
of the area and mirrored ones. Each does what it does by default beside that: ours scores every
split, draws and tracks; ultralytics draws and validates; timm validates. The seconds are the whole
command's, from the shell and back to it, in a folder that is empty in the first round, with what it
keeps of files that it has seen. `photos` are the photographs under KERASCNN_TEST_DATA, `mnist` is a
folder of PNG files made from MNIST. timm's own train.py is not in its package:
`contestants/timm_photos.py` does the same with timm's datasets, loaders, network, optimizer,
schedule and checkpoints.

photos.csv has a row for each contestant and round, to which more are added; the tables have the
medians. To begin anew, its rows are to be deleted.

Ours is then taken apart: images per second of reading, of reading and augmenting, and of training
steps alone (`contestants/photo_stages.py`).
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Sequence
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
from benchmarks.tables import markdown, read_rows, write_between, write_rows

TABLE = Path(__file__).with_name("photos.csv")
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
BEGIN, END = "<!-- photos: made by benchmarks/photos.py render -->", "<!-- end of photos -->"
FIELDS = (
    "images", "train_images", "side", "epochs", "contestant", "seconds", "processor_seconds",
    "reading_per_second", "augmenting_per_second", "training_per_second", "others",
    "beside_other_work", "hardware",
)  # fmt: skip
MODEL = Path(__file__).parent / "contestants" / "resnet18.yaml"
BATCH = 32
NAMES = ("kerascnn", "ultralytics", "timm")
STAGES = ("reading", "augmenting", "training")
_STAGE_WORDS = ("reading", "reading and augmenting", "training alone")
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
    "photos at 224": Task("photos", 224, 3),
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


def run(name: str, command: Sequence[str], folder: Path) -> tuple[float, float, float]:
    """Runs a whole command in a folder.

    Returns:
        Its seconds; its processor time; the processors that others kept busy.

    Raises:
        Gone: If it failed, or took too long.
    """
    log = PLACE / "logs" / f"{name}.txt"
    log.parent.mkdir(parents=True, exist_ok=True)
    root = Path(__file__).parent.parent
    settings = {
        "PYTHONPATH": str(root),
        "KERASCNN_CACHE": str(PLACE / "cache"),
        "YOLO_OFFLINE": "true",  # nothing is fetched, and no version looked for
        "YOLO_CONFIG_DIR": str(PLACE),
    }
    environment = {**os.environ, **settings}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # as where packages are installed
    folder.mkdir(exist_ok=True)
    with log.open("w", encoding="utf-8") as output:
        before, busy, start = _children(), busy_seconds(), time.perf_counter()
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env=environment,
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


def stages(task: Task, folder: Path) -> dict[str, float]:
    """Returns images per second of ours: reading, augmenting and training, each alone."""
    command = [str(python_of("kerascnn")), "-m", "benchmarks.contestants.photo_stages"]
    contestant = Contestant("stages", [*command, str(folder), str(task.side), str(BATCH)])
    with contest([contestant]) as ready:
        questions = [{"what": stage, "seconds": _STAGE_SECONDS} for stage in STAGES if ready]
        rates = [contestant.ask(question, 120)[0]["rate"] for question in questions]
    return dict(zip(STAGES, rates, strict=False))


def measure(
    task: Task, rounds: int, count: int, chosen: Collection[str], work: Path
) -> list[dict[str, Any]]:
    """Lets the commands take turns, each in a folder of its own; returns a row for each.

    Args:
        task: What is trained on.
        rounds: How often.
        count: Of the files made from MNIST.
        chosen: Contestants; all if empty.
        work: An empty folder.
    """
    folder = folder_of(task.images, count)
    trained = sum(1 for path in (folder / "train").rglob("*.*") if path.is_file())
    entries = {
        name: command
        for name, command in commands(task, folder).items()
        if not chosen or name in chosen
    }
    rows = []
    for _ in range(rounds):
        for name, command in list(entries.items()):
            try:
                seconds, used, others = run(name, command, work / name)
            except Gone as gone:
                print(f"  {name}: {gone}", flush=True)
                del entries[name]
                continue
            print(
                f"  {name:12}{seconds:6.1f} s, {used:6.1f} s of processor, {others:.2f} others",
                flush=True,
            )
            apart = stages(task, folder) if name == "kerascnn" else {}
            rows.append(
                {
                    "images": task.images,
                    "train_images": trained,
                    "side": task.side,
                    "epochs": task.epochs,
                    "contestant": name,
                    "seconds": round(seconds, 1),
                    "processor_seconds": round(used, 1),
                    **{f"{stage}_per_second": round(rate) for stage, rate in apart.items()},
                    "others": round(others, 2),
                    "beside_other_work": "yes" if others > QUIET else "no",
                    "hardware": hardware(),
                }
            )
    return rows


def keep(rows: Sequence[dict[str, Any]]) -> None:
    """Adds rows to the table."""
    write_rows(TABLE, FIELDS, [*read_rows(TABLE), *rows])


def rendered() -> str:
    """Returns the tables in Markdown: whole commands, and ours taken apart."""
    rows = read_rows(TABLE)
    names = [name for name in NAMES if any(row["contestant"] == name for row in rows)]
    tasks: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for row in rows:
        key = tuple(row[name] for name in ("images", "train_images", "side", "epochs", "hardware"))
        tasks.setdefault(key, []).append(row)
    whole, apart = [], []
    ordered = sorted(tasks.items(), key=lambda task: (task[0][4], task[0][0], int(task[0][2])))
    for (images, trained, side, epochs, machine), found in ordered:
        length = "1 epoch" if epochs == "1" else f"{epochs} epochs"
        what = f"{images}, {int(trained):,} at {side}, {length}; {machine}"
        by_name = {name: [row for row in found if row["contestant"] == name] for name in names}
        whole.append([what, *map(_seconds, by_name.values()), str(max(map(len, by_name.values())))])
        own = by_name.get("kerascnn", [])
        rates = [_medians(own, f"{stage}_per_second") for stage in STAGES]
        if None not in rates:
            apart.append([what, *(f"{rate:,.0f}" for rate in rates)])
    tables = [markdown(("Whole command", *names, "Rounds"), whole)]
    if apart:
        tables.append(markdown(("Ours apart, images/s", *_STAGE_WORDS), apart))
    if any(row["beside_other_work"] == "yes" for row in rows):
        tables.append("\\* Some of it taken beside other work.")
    return "\n\n".join(tables)


def _medians(rows: Sequence[dict[str, str]], name: str) -> float | None:
    values = [float(row[name]) for row in rows if row[name]]
    return statistics.median(values) if values else None


def _seconds(rows: Sequence[dict[str, str]]) -> str:
    if not rows:
        return ""
    beside = "\\*" if any(row["beside_other_work"] == "yes" for row in rows) else ""
    used = _medians(rows, "processor_seconds")
    return f"{_medians(rows, 'seconds'):.1f} s{beside}, {used:.1f} of processor"


def render() -> None:
    write_between(PAGE, BEGIN, END, rendered())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=TASKS, action="append")
    parser.add_argument("--count", type=int, default=20_000, help="files made from MNIST")
    parser.add_argument("--contestant", choices=NAMES, action="append")
    parser.add_argument("--dry-run", action="store_true", help="keep no figure")
    given = parser.parse_args()
    for name in given.only or TASKS:
        print(name, flush=True)
        with tempfile.TemporaryDirectory() as work:
            rows = measure(
                TASKS[name], given.rounds, given.count, given.contestant or (), Path(work)
            )
        if not given.dry_run:
            keep(rows)


if __name__ == "__main__":
    if sys.argv[1:] == ["render"]:
        render()
    else:
        main()
