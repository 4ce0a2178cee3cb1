"""Time and peak memory as things grow: images, classes, runs in the store, trials of a sweep.

    python -m benchmarks.growth images|folders|classes|runs|trials [SIZE...]
    python -m benchmarks.growth render    # writes the tables of docs/performance.md

Nothing is trained. Each size is measured in a process of its own: its peak is that of its process,
from the start. What is measured is made in build/growth/, unless it is there: runs and trials are
copies of one that kerascnn tracked, written straight into the database. Commands are run
five times and the median stands; all other steps are run once. Rows of growth.csv are replaced by
those of the same part and size.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.tables import markdown, read_rows, write_between, write_rows

TABLE = Path(__file__).with_name("growth.csv")
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"
PLACE = Path(__file__).parent.parent / "build" / "growth"
BEGIN, END = "<!-- growth: made by benchmarks/growth.py render -->", "<!-- end of growth -->"
FIELDS = ("part", "size", "step", "seconds", "peak_mib", "load_before", "hardware")

SIZES = {
    "images": (1_000, 10_000, 100_000, 1_000_000),
    "folders": (1_000, 10_000, 100_000),
    "classes": (2, 10, 100, 1_000, 10_000),
    "runs": (10, 100, 1_000, 10_000),
    "trials": (10, 100, 500, 2_000),
}
TITLES = {
    "images": "Images of a prepared set",
    "folders": "Images of a folder",
    "classes": "Classes, 20,000 images",
    "runs": "Runs in the store",
    "trials": "Trials of a sweep",
}
ROUNDS = 5
BATCH, READ = 256, 10_240  # images
SCORED = 20_000  # images
DATABASE = Path("mlruns", "mlflow.db")
_LINKS = 60_000  # names of one file; ext4 takes 65,000

Step = dict[str, Any]


def _peak() -> float:
    """Returns the peak of this process in MiB; that of `getrusage` may be its parent's."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("not on Linux")


class Steps:
    """What one process has measured."""

    def __init__(self) -> None:
        self.found: list[Step] = []

    @contextlib.contextmanager
    def timed(self, name: str, times: int = 1) -> Iterator[None]:
        """Measures a block; its seconds are divided by how many times it does a thing."""
        start = time.perf_counter()
        yield
        seconds = (time.perf_counter() - start) / times
        self.add(name, seconds, _peak())

    def add(self, name: str, seconds: float, peak: float) -> None:
        """Notes a figure, and prints it."""
        self.found.append({"step": name, "seconds": seconds, "peak_mib": round(peak)})
        print(f"  {name}: {seconds:.3g} s, {peak:,.0f} MiB", file=sys.stderr, flush=True)

    def commands(self, commands: Mapping[str, Sequence[str]]) -> None:
        """Measures whole processes of Python's, in turn; the median of their times."""
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        peaks = dict.fromkeys(commands, 0.0)
        for _ in range(ROUNDS):
            for name, arguments in commands.items():
                start = time.perf_counter()
                process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
                _, status, used = os.wait4(process.pid, 0)
                seconds[name].append(time.perf_counter() - start)
                process.returncode = status
                assert status == 0, name
                peaks[name] = max(peaks[name], used.ru_maxrss / 1024)
        for name in commands:
            self.add(name, statistics.median(seconds[name]), peaks[name])


def kerascnn(*words: str) -> list[str]:
    """Returns a command line of kerascnn's, for Python."""
    return ["-m", "kerascnn_pipelines.cli", *words]


def _png(shade: int) -> bytes:
    import io

    from PIL import Image

    content = io.BytesIO()
    Image.fromarray(np.full((16, 16), shade, np.uint8)).save(content, "PNG")
    return content.getvalue()


def make_images(size: int) -> None:
    """Makes a set as TFDS prepares one: 10 classes, 16 by 16 pixels, 10 record files."""
    from kerascnn.backend import tf

    name = f"growth{size}"
    folder = PLACE / "tfds" / name / "1.0.0"
    if (folder / "dataset_info.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    records = []
    for label in range(10):
        features = {
            "image": {"bytes_list": {"value": [_png(20 * label)]}},
            "label": {"int64_list": {"value": [label]}},
        }
        records.append(tf.train.Example(features={"feature": features}).SerializeToString())
    for shard in range(10):
        file = folder / f"{name}-train.tfrecord-{shard:05}-of-00010"
        with tf.io.TFRecordWriter(str(file)) as writer:
            for number in range(size // 10):
                writer.write(records[number % 10])
    module = "tensorflow_datasets.core.features"
    image = {"dtype": "uint8", "encodingFormat": "png", "shape": {"dimensions": ["16", "16", "1"]}}
    described = {
        "image": {"image": image, "pythonClassName": f"{module}.image_feature.Image"},
        "label": {
            "classLabel": {"numClasses": "10"},
            "pythonClassName": f"{module}.class_label_feature.ClassLabel",
        },
    }
    top = f"{module}.features_dict.FeaturesDict"
    (folder / "features.json").write_text(
        json.dumps({"featuresDict": {"features": described}, "pythonClassName": top})
    )
    (folder / "label.labels.txt").write_text("".join(f"class {n}\n" for n in range(10)))
    split = {
        "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
        "name": "train",
        "numBytes": "1",
        "shardLengths": [str(size // 10)] * 10,
    }
    about = {
        "name": name,
        "version": "1.0.0",
        "fileFormat": "tfrecord",
        "moduleName": name,
        "splits": [split],
        "supervisedKeys": {"tuple": {"items": [{"featureKey": "image"}, {"featureKey": "label"}]}},
    }
    (folder / "dataset_info.json").write_text(json.dumps(about))


def _streamed(steps: Steps, name: str) -> None:
    """Measures the first batch of a set, and batches of its shuffled images after it."""
    from kerascnn.augment.spec import AugmentSpec
    from kerascnn.data.loading import load
    from kerascnn.data.pipeline import training_batches
    from kerascnn.data.spec import DataSpec

    data = load(DataSpec(name=name, cache="none"))
    with steps.timed("first batch, shuffled"):
        batches = iter(training_batches(data, AugmentSpec(), batch_size=BATCH, seed=0))
        next(batches)
    with steps.timed(f"{READ:,} images more"):
        for _ in range(READ // BATCH):
            next(batches)


def measure_images(size: int, steps: Steps) -> None:
    """Opens, splits, indexes, shuffles and streams a prepared set."""
    os.environ["TFDS_DATA_DIR"] = str(PLACE / "tfds")
    _only("images", size, "make")
    steps.found += _only("images", size, "open", f"growth{size}")


def measure_folders(size: int, steps: Steps) -> None:
    """The same of a folder of files, which are read when it is opened first."""
    root = PLACE / f"folder{size}"
    if not root.exists():
        unfinished = root.with_suffix(".new")
        shutil.rmtree(unfinished, ignore_errors=True)
        for label in range(10):
            folder = unfinished / f"class {label}"
            folder.mkdir(parents=True)
            for number in range(size // 10):
                file = folder / f"{number:06}.png"
                if number % _LINKS == 0:
                    source = file
                    source.write_bytes(_png(20 * label))
                else:
                    os.link(source, file)
        unfinished.rename(root)
    cache = PLACE / f"cache{size}"
    shutil.rmtree(cache, ignore_errors=True)
    os.environ["KERASCNN_CACHE"] = str(cache)
    for what in ("first", "open"):
        steps.found += _only("folders", size, what, f"folder:{root}")


def _only(part: str, size: int, what: str, name: str = "") -> list[Step]:
    """Does one thing in a process of its own, and returns what it has measured.

    A process's peak is never less than that of the one that has started it.
    """
    command = [sys.executable, "-m", "benchmarks.growth", part, str(size), "--only", what, name]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: list[Step] = json.loads(done.stdout)
    return found


def open_set(what: str, name: str, steps: Steps) -> None:
    """Opens a set, in the process that is measured."""
    from kerascnn.backend import tf
    from kerascnn.data.loading import load
    from kerascnn.data.spec import DataSpec

    tf.constant(0)  # what TensorFlow takes is the same at every size
    with steps.timed("imports of TensorFlow"):
        load(DataSpec(name="digits"))
    with steps.timed("opened and split first" if what == "first" else "opened and split"):
        load(DataSpec(name=name, cache="none"))
    if what != "first":
        _streamed(steps, name)


def measure_classes(size: int, steps: Steps) -> None:
    """Keeps, writes, reads, scores and draws what a network says of images."""
    from kerascnn.evaluation.measures import measure
    from kerascnn.evaluation.predictions import from_logits, read_predictions, write_predictions
    from kerascnn.evaluation.tables import write_confusion, write_per_class
    from kerascnn.visualization.confusion import draw_confusion
    from kerascnn.visualization.writing import write_figure

    generator = np.random.default_rng(0)
    labels = generator.integers(size, size=SCORED)
    labels[:size] = np.arange(size)
    logits = generator.standard_normal((SCORED, size), np.float32)
    logits[np.arange(SCORED), labels] += 3
    classes = [f"class {number}" for number in range(size)]
    folder = PLACE / f"classes{size}"
    folder.mkdir(parents=True, exist_ok=True)
    with steps.timed("answers kept"):
        predictions = from_logits(
            logits, labels, classes, examples=[str(row) for row in range(SCORED)],
            dimensions=np.full((SCORED, 2), 16), data="growth", fingerprint="0", split="test",
        )  # fmt: skip
    del logits
    with steps.timed("written and read"):
        write_predictions(predictions, folder / "predictions.parquet")
        predictions = read_predictions(folder / "predictions.parquet")
    with steps.timed("tables written"):
        write_confusion(predictions.confusion, classes, folder / "confusion.csv")
        write_per_class(predictions.confusion, classes, folder / "per_class.csv")
    with steps.timed("confusion matrix drawn"):
        write_figure(draw_confusion(predictions.confusion, classes, "growth"), folder / "a.png")
    with steps.timed("all figures with intervals"):
        measure(predictions)


def _fresh(name: str) -> Path:
    """Makes an empty folder the working directory."""
    place = PLACE / name
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    os.chdir(place)
    return place


def _copies(run_id: str, count: int, changed: Callable[[int], dict[str, dict[str, Any]]]) -> None:
    """Writes copies of a run into the database.

    Args:
        run_id: Of the run.
        count: How many.
        changed: Returns what is another one's in a copy, by table and name.
    """
    tables = ("params", "tags", "latest_metrics", "metrics")
    with contextlib.closing(sqlite3.connect(DATABASE)) as connection, connection:
        columns: dict[str, list[str]] = {}
        rows: dict[str, list[dict[str, Any]]] = {}
        for table in ("runs", *tables):
            found = connection.execute(f"SELECT * FROM {table} WHERE run_uuid = ?", [run_id])
            columns[table] = [column[0] for column in found.description]
            rows[table] = [dict(zip(columns[table], row, strict=True)) for row in found]
        for number in range(1, count + 1):
            new, own = uuid.uuid4().hex, changed(number)
            for table, listed in rows.items():
                values = []
                for row in listed:
                    copy = {**row, "run_uuid": new}
                    if table == "runs":
                        copy |= own["runs"]
                        copy["artifact_uri"] = row["artifact_uri"].replace(run_id, new)
                    elif row["key"] in own.get(table, {}):
                        copy["value"] = own[table][row["key"]]
                    values.append([copy[column] for column in columns[table]])
                marks = ", ".join("?" * len(columns[table]))
                connection.executemany(f"INSERT INTO {table} VALUES ({marks})", values)


def make_runs(size: int) -> None:
    """Makes a store with so many runs."""
    from kerascnn import tracking
    from kerascnn.recipe import load_recipe

    _fresh(f"runs{size}")
    recipe = load_recipe("digits-quick")
    tags = dict.fromkeys(("tensorflow", "keras", "numpy", "hardware", "git_commit"), "1.0")
    with tracking.start_run(recipe, "run-0", tags, {"parameters": 61706, "device": "cpu"}) as run:
        for epoch in range(5):
            figures = dict.fromkeys(("loss", "accuracy", "val_loss", "val_accuracy"), 0.5)
            run.log_epoch(figures | {"epoch_seconds": 1.0, "learning_rate": 0.1}, epoch)
        names = ("accuracy", "accuracy_low", "accuracy_high", "loss", "count", "top5_accuracy")
        splits = ("train", "validation", "test")
        run.log_metrics({f"{split}_{name}": 0.9 for split in splits for name in names}, 5)
        run.log_metrics({"train_seconds": 10.0}, 5)
    started = int(tracking.load_run("run-0").started * 1000)

    def changed(number: int) -> dict[str, dict[str, Any]]:
        return {
            "runs": {"name": f"run-{number}", "start_time": started + 1000 * number},
            "tags": {"mlflow.runName": f"run-{number}"},
            "latest_metrics": {"test_accuracy": random.random()},
        }

    _copies(run.id, size - 1, changed)


def measure_runs(size: int, steps: Steps) -> None:
    """Lists runs and finds one of them, by whole commands."""
    _only("runs", size, "make")
    os.chdir(PLACE / f"runs{size}")
    find = "import sys, kerascnn; kerascnn.load_run(sys.argv[1])"
    steps.commands(
        {
            "`kerascnn runs`": kerascnn("runs"),
            "`runs --sort test_accuracy`": kerascnn("runs", "--sort", "test_accuracy"),
            "`runs --filter hardware=1.0`": kerascnn("runs", "--filter", "hardware=1.0"),
            "latest": ["-c", find, "latest"],
            "a run by its name": ["-c", find, f"run-{size // 2}"],
            "`compare` of two": kerascnn("compare", "run-0", f"run-{size // 2}"),
        }
    )


def _plan(tuner: str) -> Any:
    from kerascnn.recipe import load_recipe
    from kerascnn.tuning.builtin import builtin_space
    from kerascnn.tuning.plan import Plan
    from kerascnn.tuning.spec import SweepSpec

    recipe = load_recipe({"model": {"name": "convnet"}, "data": {"name": "digits"}})
    spec = SweepSpec(tuner=tuner, trials=5_000, max_epochs=6)
    return Plan(recipe, builtin_space("convnet"), spec)


def make_trials(size: int) -> None:
    """Makes a store with a sweep of so many trials."""
    from kerascnn import tracking

    _fresh(f"trials{size}")
    plan = _plan("random")
    recipe = plan.recipe
    sweep = tracking.create_sweep("sweep", recipe, plan.to_values(), {})
    trial = sweep.start_trial(1, recipe, {"tensorflow": "1.0", "hardware": "1.0"}, {})
    for epoch in range(6):
        trial.log_epoch({"loss": 0.5, "accuracy": 0.5, "val_loss": 1.0, "val_accuracy": 0.5}, epoch)
    figures = {"parameters": 1e4, "macs": 1e6, "trial_seconds": 3.0, "objective": 0.5}
    trial.log_metrics(figures | {"validation_accuracy": 0.5}, 6)
    sweep.end_trial(trial)
    started = int(tracking.trials_of(tracking.load_sweep("sweep"))[0].started * 1000)

    def changed(number: int) -> dict[str, dict[str, Any]]:
        name, rate = f"sweep-{number + 1}", 10 ** random.uniform(-4, -2)
        filters = random.choice((8, 16, 32))
        return {
            "runs": {"name": name, "start_time": started + 1000 * number},
            "tags": {"mlflow.runName": name, "trial": str(number + 1)},
            "params": {
                "trial": str(number + 1),
                "optimizer.learning_rate": str(rate),
                "model.filters": str(filters),
            },
            "latest_metrics": {"objective": random.gauss(0.9, 0.01) - 1 / filters / 10},
        }

    _copies(trial.id, size - 1, changed)


def measure_trials(size: int, steps: Steps) -> None:
    """Shows a sweep, settles its best trial, and asks for the next one."""
    _only("trials", size, "make")
    os.chdir(PLACE / f"trials{size}")
    steps.commands({"`sweeps show`": kerascnn("sweeps", "show", "sweep")})
    from kerascnn import tracking

    sweep = tracking.ActiveSweep(tracking.load_sweep("sweep").id, "sweep")
    with steps.timed("the best settled, when a better one ends"):
        sweep.settle_best(maximize=True)
    for tuner in ("random", "hyperband", "bayesian"):
        _proposed(steps, tuner, size)


def _proposed(steps: Steps, tuner: str, size: int) -> None:
    """Measures what the oracle takes for a trial, after so many."""
    from kerascnn.tuning.oracles import BayesianOracle, make_oracle

    folder = PLACE / f"trials{size}" / tuner
    folder.mkdir()
    oracle = make_oracle(_plan(tuner), folder)
    if isinstance(oracle, BayesianOracle):
        oracle.num_initial_points = size + 1  # that it does not fit for each of them

    def one() -> None:
        trial = oracle.create_trial("worker")
        oracle.update_trial(trial.trial_id, {"objective": random.random()})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)

    for _ in range(size):
        one()
    if isinstance(oracle, BayesianOracle):
        oracle.num_initial_points = 4
    with steps.timed(f"the next trial, {tuner}", times=3):
        for _ in range(3):
            one()


MAKE = {"images": make_images, "runs": make_runs, "trials": make_trials}
MEASURE = {
    "images": measure_images,
    "folders": measure_folders,
    "classes": measure_classes,
    "runs": measure_runs,
    "trials": measure_trials,
}


def measure_all(part: str, sizes: Sequence[int]) -> None:
    """Measures sizes one by one, each in a process, and keeps their rows."""
    from kerascnn.hardware import hardware

    for size in sizes:
        load = os.getloadavg()[0]
        print(f"{part} {size:,}", flush=True)
        found = _only(part, size, "all")
        rows: list[dict[str, Any]] = [
            row for row in read_rows(TABLE) if (row["part"], row["size"]) != (part, str(size))
        ]
        for step in found:
            step["seconds"] = float(f"{step['seconds']:.3g}")
            about = {"load_before": round(load, 2), "hardware": hardware()}
            rows.append({"part": part, "size": str(size), **step, **about})
        rows.sort(key=lambda row: (list(SIZES).index(row["part"]), int(row["size"])))
        write_rows(TABLE, FIELDS, rows)


def _memory(row: Mapping[str, str]) -> str:
    return f", {int(row['peak_mib']):,} MiB" if row["peak_mib"] else ""


def rendered() -> str:
    """Returns a table for each part in Markdown: a row for each step, a column for each size."""
    tables = []
    rows = read_rows(TABLE)
    for part, title in TITLES.items():
        own = [row for row in rows if row["part"] == part]
        sizes = sorted({int(row["size"]) for row in own})
        cells = {
            (row["step"], int(row["size"])): f"{float(row['seconds']):.2g} s{_memory(row)}"
            for row in own
        }
        names = dict.fromkeys(row["step"] for row in own)
        lines = [[name, *(cells.get((name, size), "") for size in sizes)] for name in names]
        if own:
            tables.append(markdown([title, *(f"{size:,}" for size in sizes)], lines))
    return "\n\n".join(tables)


def main() -> None:
    """Measures, or renders."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=[*SIZES, "render"])
    parser.add_argument("sizes", nargs="*", type=int)
    parser.add_argument("--only", nargs=2, help=argparse.SUPPRESS)  # in a process of its own
    given = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # as where packages are installed
    if given.part == "render":
        write_between(PAGE, BEGIN, END, rendered())
    elif given.only is None:
        measure_all(given.part, given.sizes or SIZES[given.part])
    else:
        steps, (what, name) = Steps(), given.only
        if what == "all":
            MEASURE[given.part](given.sizes[0], steps)
        elif what == "make":
            MAKE[given.part](given.sizes[0])
        else:
            open_set(what, name, steps)
        print(json.dumps(steps.found))


if __name__ == "__main__":
    main()
