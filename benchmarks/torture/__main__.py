"""What may go wrong, tried on the installed command line; `docs/reliability.md` has the counts.

python -m benchmarks.torture [PART...]   # kills, sweeps, writers, images, models, port; all of them

Everything happens in temporary folders. Only a run of all parts writes the page.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.tables import write_between
from benchmarks.torture import images, kills, models, port
from benchmarks.torture.command_line import Place
from benchmarks.torture.count import Count, table

PAGE = Path(__file__).parent.parent.parent / "docs" / "reliability.md"
BEGIN, END = "<!-- counts: made by make torture -->", "<!-- end of counts -->"
SEED = 10
MOST_MINUTES = 30


def _trained(folder: Path) -> Path:
    """Returns the model file of a run, to be damaged and to be asked."""
    place = Place(folder)
    done = place.run("train", "mlp", "digits", "--epochs", 1, "--set", "model.hidden=[32]")
    assert done.code == 0, done.err
    return kills.model_of(place)


def parts(folder: Path) -> dict[str, Callable[[], Count]]:
    """Returns what can be tried, by its name."""

    def chance(name: str) -> random.Random:
        return random.Random(f"{SEED} {name}")

    def model(name: str) -> Path:
        return _trained(folder / f"{name}-model")

    return {
        "kills": lambda: kills.trains(folder / "kills", 50, chance("kills")),
        "sweeps": lambda: kills.sweeps(folder / "sweeps", 20, chance("sweeps")),
        "writers": lambda: kills.writers(folder / "writers"),
        "images": lambda: images.fuzz(folder / "images", 300, chance("images"), model("images")),
        "models": lambda: models.foreign(folder / "models", 50, chance("models"), model("models")),
        "port": lambda: port.garbage(folder / "port", chance("port")),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="ascii").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def report(counts: list[Count], seconds: float, load: tuple[float, float]) -> str:
    """Returns what stands between the two marks of the page."""
    cores = len(os.sched_getaffinity(0))
    today = datetime.datetime.now(datetime.UTC).date()
    lines = [
        f"{today}, {cores} cores of {_processor()}, Python {platform.python_version()}, "
        f"{seconds / 60:.0f} minutes; the machine's load was {load[0]:.1f} at the start and "
        f"{load[1]:.1f} at the end.",
        "",
        table(counts),
        "",
        *(note for count in counts for note in count.notes),
    ]
    failures = [f"- {count.what}: {line}" for count in counts for line in count.failures]
    return "\n".join([*lines, "", "What did not hold:", "", *(failures or ["- nothing"])])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("part", nargs="*")
    chosen = parser.parse_args().part
    began, load = time.perf_counter(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        known = parts(Path(folder))
        if unknown := set(chosen) - set(known):
            parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(known)}")
        counts = [known[name]() for name in known if not chosen or name in chosen]
    seconds = time.perf_counter() - began
    text = report(counts, seconds, (load, os.getloadavg()[0]))
    print(f"\n{text}")
    if not chosen:
        write_between(PAGE, BEGIN, END, text)
    if seconds > 60 * MOST_MINUTES:
        print(f"it took more than the {MOST_MINUTES} minutes that are wanted")
    sys.exit(1 if any(count.failures for count in counts) else 0)


if __name__ == "__main__":
    main()
