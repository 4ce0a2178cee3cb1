"""The seconds around a training: whole commands, beside `import tensorflow` and the training.

    KERASCNN_TEST_DATA=FOLDER python -m benchmarks.start_up [--before CHECKOUT] [--only WORDS]
    python -m benchmarks.start_up --render    # writes the table of docs/performance.md

Each command runs in a process and on a terminal of its own, in a folder that has a store, with
what is kept of the data sets and, as where packages are installed, of Python's bytecode. In turn
with `python -c "import tensorflow"`, and with another checkout where one is given; the first round
is left out; medians. For each command:

- `seconds`: from its start to its end
- `first_seconds`: until something is printed
- `after_seconds`: from the line of the last epoch to the end
- `import_seconds`: of the import of TensorFlow alone
- `training_seconds`: of the training itself, validation included, as the run is tracked with it
- `ratio`: `seconds` over the sum of both

Rows of start_up.csv are replaced by those of the same command, checkout and machine, with the load
of the machine before the first round: above 0.5, something else was running just before. The table
has the line of sweep_overhead.csv, too.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pty
import shlex
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tables import markdown, read_rows, replace_rows, write_between

TABLE = Path(__file__).with_name("start_up.csv")
SWEEPS = Path(__file__).with_name("sweep_overhead.csv")
HERE = Path(__file__).parents[1]
PAGE = HERE / "docs" / "performance.md"
BEGIN = "<!-- start-up: made by benchmarks/start_up.py --render -->"
END = "<!-- end of start-up -->"
FIELDS = (
    "command", "checkout", "rounds", "seconds", "first_seconds", "after_seconds",
    "import_seconds", "training_seconds", "ratio", "load_before", "hardware",
)  # fmt: skip

COMMANDS = (
    "train linear mnist --epochs 1",
    "train lenet5 digits --epochs 5",
    "evaluate latest",
    "predict latest digit.png",
    "runs",
    "compare first second",
)
_BEFORE_OTHERS = ("train mlp digits --name second", "train lenet5 digits --epochs 5 --name first")
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
_TRAINED = "SELECT value FROM metrics WHERE key = 'train_seconds' ORDER BY timestamp DESC LIMIT 1"


@dataclass
class Turn:
    """The seconds of one command."""

    seconds: float
    first: float
    after: float
    training: float = 0.0


class Checkout:
    """A checkout, with a folder to work in.

    Args:
        name: In the table.
        root: Where it is.
        place: An empty folder.
    """

    def __init__(self, name: str, root: Path, place: Path):
        self.name, self._work = name, place / "work"
        self._work.mkdir()
        (place / "path").mkdir()
        (place / "path" / "kerascnn_pipelines").symlink_to(root / "pipelines")
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != _NO_BYTECODE},
            "PYTHONPATH": f"{root}{os.pathsep}{place / 'path'}",
            "KERASCNN_CACHE": str(place / "cache"),
            "TERM": "xterm",
            "COLUMNS": "160",
        }
        _write_digit(self._work / "digit.png")

    def run(self, command: str) -> Turn:
        """Runs a command on a terminal."""
        arguments = ["-m", "kerascnn_pipelines.cli", *shlex.split(command)]
        turn = _on_terminal(arguments, self._work, self._environment)
        if command.startswith("train"):
            store = self._work / "mlruns" / "mlflow.db"
            with contextlib.closing(sqlite3.connect(store)) as database:
                (turn.training,) = database.execute(_TRAINED).fetchone()
        print(self.name, command, turn, flush=True)
        return turn

    def import_seconds(self) -> float:
        """Imports TensorFlow in a process of its own."""
        started = time.perf_counter()
        code = [sys.executable, "-c", "import tensorflow"]
        subprocess.run(code, cwd=self._work, stderr=subprocess.DEVNULL, check=True)
        return time.perf_counter() - started


def _on_terminal(arguments: list[str], folder: Path, environment: dict[str, str]) -> Turn:
    master, slave = pty.openpty()
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    first, epoch, seen = 0.0, 0.0, b""
    while True:
        try:
            read = os.read(master, 65536)
        except OSError:  # the other end is closed
            break
        now = time.perf_counter() - started
        first = first or now
        if b"| validation" in read:
            epoch = now
        seen += read
    code = process.wait()
    ended = time.perf_counter() - started
    os.close(master)
    if code:
        sys.exit(f"{shlex.join(arguments)} ended with {code}:\n{seen.decode(errors='replace')}")
    return Turn(ended, first, ended - epoch if epoch else 0.0)


def _write_digit(path: Path) -> None:
    from PIL import Image

    from kerascnn.data.digits import read

    Image.fromarray(read()[0][0, :, :, 0]).save(path)


def _row(
    command: str, checkout: Checkout, turns: list[Turn], imports: list[float]
) -> dict[str, object]:
    from kerascnn.hardware import hardware

    def median(name: str) -> float:
        return float(statistics.median(getattr(turn, name) for turn in turns))

    seconds, training = median("seconds"), median("training")
    imported = statistics.median(imports)
    return {
        "command": command,
        "checkout": checkout.name,
        "rounds": len(turns),
        "seconds": round(seconds, 2),
        "first_seconds": round(median("first"), 2),
        "after_seconds": round(median("after"), 2) if training else "",
        "import_seconds": round(imported, 2),
        "training_seconds": round(training, 2) if training else "",
        "ratio": round(seconds / (imported + training), 2),
        "hardware": hardware(),
    }


def _cell(row: dict[str, str], field: str) -> str:
    return f"{float(row[field]):.1f} s" if row[field] else ""


def _sweeps() -> str:
    """Returns the table of sweep_overhead.csv, in Markdown."""
    head = ["A trial of a sweep", "On", "Training", "Beside it", "Beside it, `kerascnn train`"]
    lines = [
        [
            f"convnet on {row['data']}, median of {row['trials']} of {row['epochs']} epochs",
            row["hardware"],
            *(
                f"{float(row[name]):.1f} s"
                for name in ("training_seconds", "beside_seconds", "process_seconds")
            ),
        ]
        for row in read_rows(SWEEPS)
    ]
    return markdown(head, lines)


def rendered() -> str:
    """Returns the tables in Markdown."""
    head = ["On", "In all", "First line", "After the last epoch", "TensorFlow's import", "Training"]
    lines = [
        [
            f"`{row['command']}`" + (", before" if row["checkout"] == "before" else ""),
            f"{row['hardware']}, {row['rounds']} rounds",
            _cell(row, "seconds"),
            f"{float(row['first_seconds']):.2f} s",
            *(_cell(row, name) for name in ("after_seconds", "import_seconds", "training_seconds")),
            row["ratio"] if row["training_seconds"] else "",
        ]
        for row in sorted(read_rows(TABLE), key=lambda row: COMMANDS.index(row["command"]))
    ]
    tables = [markdown(["Command", *head, "Ratio"], lines)]
    if SWEEPS.exists():
        tables.append(_sweeps())
    return "\n\n".join(tables)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, help="another checkout, to be measured in turn")
    parser.add_argument("--only", nargs="*", default=[""], help="commands that hold these words")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dry", action="store_true", help="add nothing to the table")
    parser.add_argument("--render", action="store_true", help="write the table, measure nothing")
    given = parser.parse_args()
    if given.render:
        write_between(PAGE, BEGIN, END, rendered())
        return
    commands = [c for c in COMMANDS if any(word in c for word in given.only)]
    os.environ["TFDS_DATA_DIR"] = str(Path(os.environ["KERASCNN_TEST_DATA"]).resolve() / "tfds")
    load = round(os.getloadavg()[0], 2)
    with tempfile.TemporaryDirectory() as temporary:
        checkouts = []
        for name, root in (("before", given.before), ("after", HERE)):
            if root is not None:
                (Path(temporary) / name).mkdir()
                checkouts.append(Checkout(name, root.resolve(), Path(temporary) / name))
        if not all(command.startswith("train") for command in commands):
            for checkout in checkouts:
                for command in _BEFORE_OTHERS:
                    checkout.run(command)
        turns: dict[tuple[str, str], list[Turn]] = {}
        imports = []
        for _ in range(given.rounds + 1):
            imports.append(checkouts[0].import_seconds())
            for command in commands:
                for checkout in checkouts:
                    turns.setdefault((command, checkout.name), []).append(checkout.run(command))
    rows = [
        _row(command, checkout, turns[command, checkout.name][1:], imports[1:])
        | {"load_before": load}
        for command in commands
        for checkout in checkouts
    ]
    for row in rows:
        print(row, flush=True)
    if given.dry:
        return
    replace_rows(TABLE, FIELDS, ("command", "checkout", "hardware"), rows)


if __name__ == "__main__":
    main()
