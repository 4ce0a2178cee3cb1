"""What is wrong with a folder of images: broken files, duplicates, leaks, imbalance."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerascnn.data.fix_list import Fix, write_fixes
from kerascnn.data.folders import Listing
from kerascnn.data.inventory import ImageFacts, inspect_all
from kerascnn.data.near_duplicates import near_pairs
from kerascnn.table_files import write_csv

# By content -> the endings that fit; formats not named here are not judged by their ending.
_ENDINGS = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "MPO": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "PNG": (".png",),
    "GIF": (".gif",),
    "BMP": (".bmp", ".dib"),
    "DIB": (".bmp", ".dib"),
    "TIFF": (".tif", ".tiff"),
    "WEBP": (".webp",),
}


@dataclass(frozen=True)
class CheckedFile:
    """One image file: its split, path below the root, class and facts."""

    split: str
    path: str
    label: str
    facts: ImageFacts


@dataclass(frozen=True)
class NearPair:
    """Two files that show nearly the same.

    Attributes:
        first: One of them.
        second: The other one.
        distance: Bits in which their perceptual hashes differ, of 64.
    """

    first: CheckedFile
    second: CheckedFile
    distance: int

    @property
    def kind(self) -> str:
        """ "leak" where they are in two splits, "conflict" in two classes, or "duplicate"."""
        if self.first.split != self.second.split:
            return "leak"
        return "conflict" if self.first.label != self.second.label else "duplicate"


@dataclass(frozen=True)
class Report:
    """What was found in a folder.

    Attributes:
        files: Every image file.
        classes: Names.
        duplicates: Groups of files that show the same pixels, however stored, within one split and
            class.
        leaks: Groups that reach over several splits.
        conflicts: Groups within one split, but in several classes.
        near: Pairs of files that show nearly, but not exactly the same, the closest first; None
            where the images are so much alike that it tells nothing.
    """

    files: list[CheckedFile]
    classes: tuple[str, ...]
    duplicates: list[list[CheckedFile]]
    leaks: list[list[CheckedFile]]
    conflicts: list[list[CheckedFile]]
    near: list[NearPair] | None

    @property
    def broken(self) -> list[CheckedFile]:
        """Files that cannot be read."""
        return [file for file in self.files if file.facts.fault]

    @property
    def wrong_endings(self) -> list[CheckedFile]:
        """Readable files whose name promises another format; they are read by content."""
        return [
            file
            for file in self.files
            if file.facts.format in _ENDINGS
            and Path(file.path).suffix
            and Path(file.path).suffix.lower() not in _ENDINGS[file.facts.format]
        ]

    def counts(self) -> dict[str, Counter[str]]:
        """Returns readable images by split and class."""
        table: dict[str, Counter[str]] = defaultdict(Counter)
        for file in self.files:
            if not file.facts.fault:
                table[file.split][file.label] += 1
        return dict(table)

    @property
    def imbalance(self) -> float:
        """The largest class of the training images over the smallest."""
        counts = [self.counts().get("train", Counter())[name] for name in self.classes]
        return max(counts) / min(counts) if min(counts) else float("inf")

    def sizes(self) -> dict[str, tuple[int, int, int]]:
        """Returns the smallest, median and largest height and width in pixels."""
        facts = [file.facts for file in self.files if not file.facts.fault]
        table = {}
        for name in ("height", "width"):
            values = np.array([getattr(fact, name) for fact in facts])
            if len(values):
                table[name] = (int(values.min()), int(np.median(values)), int(values.max()))
        return table

    def kinds(self) -> Counter[str]:
        """Returns how many images there are of each format and mode, such as 'JPEG RGB'."""
        facts = [file.facts for file in self.files if not file.facts.fault]
        return Counter(f"{fact.format} {fact.mode}" for fact in facts)

    def exclude(self) -> list[tuple[str, str]]:
        """Returns (path, reason) of the files to leave out.

        Broken files; all copies but one of a duplicate, and of a leak the copies outside the test
        (or else the validation) split; every file of a conflict, as its class is not known.
        Near-duplicates are not among them: two photographs of one scene may be wanted.
        """
        reasons = {file.path: f"broken: {file.facts.fault}" for file in self.broken}
        for group in self.duplicates:
            for file in group[1:]:
                reasons.setdefault(file.path, f"duplicate of {group[0].path}")
        for group in self.leaks:
            rank = {"test": 0, "validation": 1, "train": 2}
            first, *others = sorted(group, key=lambda file: (rank[file.split], file.path))
            for file in others:
                reasons.setdefault(file.path, f"also in {first.split}: {first.path}")
        for group in self.conflicts:
            for file in group:
                labels = " and ".join(sorted({other.label for other in group}))
                reasons.setdefault(file.path, f"in classes {labels}")
        return sorted(reasons.items())


def check(listing: Listing, advance: Callable[[int], None] | None = None) -> Report:
    """Reads every file of a listing, in parallel.

    Args:
        listing: What is in a folder or a CSV file.
        advance: Called with the number of files done since the last call.
    """
    files: list[CheckedFile] = []
    for split, (paths, labels) in listing.splits.items():
        facts = inspect_all([listing.root / path for path in paths], advance, hashed=True)
        files += [
            CheckedFile(split, path, listing.classes[label], fact)
            for path, label, fact in zip(paths, labels, facts, strict=True)
        ]
    same: dict[str, list[CheckedFile]] = defaultdict(list)
    for file in files:
        if not file.facts.fault:
            same[file.facts.pixels].append(file)
    groups = [group for group in same.values() if len(group) > 1]
    leaks = [group for group in groups if len({file.split for file in group}) > 1]
    rest = [group for group in groups if len({file.split for file in group}) == 1]
    conflicts = [group for group in rest if len({file.label for file in group}) > 1]
    duplicates = [group for group in rest if len({file.label for file in group}) == 1]
    return Report(files, listing.classes, duplicates, leaks, conflicts, _near(files))


def _near(files: list[CheckedFile]) -> list[NearPair] | None:
    sound = [file for file in files if not file.facts.fault]
    pairs = near_pairs([file.facts.hash for file in sound])
    if pairs is None:
        return None
    return [
        NearPair(sound[first], sound[second], distance)
        for first, second, distance in pairs.tolist()
        if sound[first].facts.pixels != sound[second].facts.pixels
    ]


def write_near_duplicates(pairs: Iterable[NearPair], path: Path) -> int:
    """Writes pairs as CSV: kind, distance, and path, split and class of both; returns how many.

    Raises:
        UserError: If the file cannot be written.
    """
    rows = [
        (pair.kind, pair.distance, *(
            value
            for file in (pair.first, pair.second)
            for value in (file.path, file.split, file.label)
        ))
        for pair in pairs
    ]  # fmt: skip
    headings = ["kind", "distance"]
    headings += [f"{name}_{which}" for which in (1, 2) for name in ("path", "split", "class")]
    write_csv(path, headings, rows)
    return len(rows)


def write_fix_list(report: Report, path: Path) -> int:
    """Writes the files to leave out, as `data.fix_list` reads them; returns how many.

    Raises:
        UserError: If the file cannot be written, or the name of one holds a tab or a line break.
    """
    return write_fixes((Fix(name, reason) for name, reason in report.exclude()), path)
