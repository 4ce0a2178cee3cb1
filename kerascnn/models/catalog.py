"""Parameters and MACs of every network at its own input size, kept in catalog.csv.

Counting them live takes minutes; `python -m kerascnn.models.catalog` does so and writes the file.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from kerascnn.errors import unknown
from kerascnn.models import backbones, kerashub
from kerascnn.models.registry import ModelEntry
from kerascnn.models.spec import entry_of, known_names

FILE = Path(__file__).with_suffix(".csv")


@dataclass(frozen=True)
class Size:
    """What a network costs at its paper's input size and number of classes.

    Attributes:
        parameters: Trainable numbers.
        macs: Multiply-adds for one image; None of a preset of KerasHub, which nobody has built.
    """

    parameters: int
    macs: int | None


def sizes() -> dict[str, Size]:
    """Reads the counts by name of the network; no TensorFlow."""
    with FILE.open(encoding="utf-8", newline="") as file:
        counted = {
            row["name"]: Size(int(row["parameters"]), int(row["macs"]))
            for row in csv.DictReader(file)
        }
    published = kerashub.presets().values()
    return counted | {
        f"{kerashub.PREFIX}{preset.name}": Size(preset.parameters, None) for preset in published
    }


def count(name: str) -> Size:
    """Builds a network without weights and counts it."""
    from kerascnn.models.summary import summarize

    analysis = summarize(name)
    return Size(analysis.parameters, analysis.macs)


def matching(family: str | None = None, search: str = "") -> list[ModelEntry]:
    """The networks of a family whose name, paper or year holds some words, by family.

    Args:
        family: All if None.
        search: Words that must all occur, in upper or lower case.

    Raises:
        UserError: For an unknown family.
    """
    since: dict[str, int] = {}
    entries = [entry_of(name) for name in known_names()]
    for entry in entries:
        since[entry.family] = min(since.get(entry.family, entry.year), entry.year)
    if family is not None and family not in since:
        raise unknown("family", family, since)
    words = search.lower().split()
    found = [
        entry
        for entry in entries
        if family in (None, entry.family)
        and all(
            word in f"{entry.name} {entry.family} {entry.paper} {entry.year}".lower()
            for word in words
        )
    ]
    # What others have comes after what is ours.
    others = ("", backbones.FAMILY, kerashub.FAMILY)
    place = {family: number for number, family in enumerate(others)}
    return sorted(found, key=lambda e: (place.get(e.family, 0), since[e.family], e.family))


def list_models(family: str | None = None, search: str = "") -> list[str]:
    """Returns the names of the networks, by family; those of keras.applications and KerasHub last.

    Args:
        family: All if None.
        search: Words that must all occur in the name, paper or year.

    Raises:
        UserError: For an unknown family.
    """
    return [entry.name for entry in matching(family, search)]


def write() -> None:
    """Counts every network and writes the file."""
    with FILE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["name", "parameters", "macs"])
        for name in known_names():
            if kerashub.is_preset(name):
                continue
            size = count(name)
            writer.writerow([name, size.parameters, size.macs])


if __name__ == "__main__":
    write()
