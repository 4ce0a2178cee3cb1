"""Which of several runs are scored on the same examples, and which of those can be told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from kerascnn.errors import UserError
from kerascnn.evaluation.pairing import DifferentExamplesError, Pairing, holm, pair
from kerascnn.evaluation.predictions import Predictions, file_of
from kerascnn.text import first_names
from kerascnn.tracking import Run
from kerascnn.tracking.runs import KIND

_SPLIT = "test"


@dataclass(frozen=True)
class Pair:
    """Two runs on the same test images.

    Attributes:
        first: The better of the two, by what it has right.
        second: The other.
        pairing: What both said.
        p_value: Of McNemar's test of these two alone.
        p_corrected: The same, corrected for all pairs that were tested (Holm 1979).
    """

    first: Run
    second: Run
    pairing: Pairing
    p_value: float
    p_corrected: float


@dataclass(frozen=True)
class Pairs:
    """What the paired tests of some runs came to.

    Attributes:
        tested: Every two of the runs that have the same examples, the best runs first.
        best: The run that has most of them right; None where nothing was tested.
        lacking: Lines on runs that have no predictions: what makes them.
        refused: Lines on runs that were scored on other examples: how many they share.
    """

    tested: Sequence[Pair]
    best: Run | None
    lacking: Sequence[str]
    refused: Sequence[str]


def paired_tests(runs: Sequence[Run]) -> Pairs:
    """Tests every two of some runs on the examples of the test split.

    Where not all are of the same examples, the largest part that is, is tested.

    Args:
        runs: Each once.
    """
    found, lacking = _read(runs)
    parts: list[dict[str, Pairing]] = []  # by id, each with the first of its part
    for id_, predictions in found.items():
        for part in parts:
            try:
                part[id_] = pair(next(iter(part.values())).first, predictions)
                break
            except DifferentExamplesError:
                continue
        else:
            parts.append({id_: pair(predictions, predictions)})
    largest = max(parts, key=len, default={})
    known = {run.id: run for run in runs}
    refused = [
        _refusal(known, largest, other, found) for part in parts if part is not largest
        for other in part
    ]  # fmt: skip
    if len(largest) < 2:
        return Pairs([], None, lacking, refused)
    scores = {id_: int(pairing.second.correct.sum()) for id_, pairing in largest.items()}
    order = sorted(scores, key=lambda id_: -scores[id_])
    pairings = [
        (one, other, Pairing(largest[one].second, largest[other].second))
        for one, other in combinations(order, 2)
    ]
    corrected = holm([pairing.p_value for _, _, pairing in pairings])
    tested = [
        Pair(known[one], known[other], pairing, pairing.p_value, value)
        for (one, other, pairing), value in zip(pairings, corrected, strict=True)
    ]
    return Pairs(tested, known[order[0]], lacking, refused)


def _refusal(
    runs: Mapping[str, Run],
    largest: Mapping[str, Pairing],
    other: str,
    found: Mapping[str, Predictions],
) -> str:
    """Returns why a run cannot be tested against those of the largest part."""
    one = next(iter(largest))
    try:
        pair(found[one], found[other])
    except DifferentExamplesError as error:
        return f"runs {runs[one].name} and {runs[other].name} are of different examples: {error}"
    raise AssertionError("they are of the same examples")


def _is_trial(run: Run) -> bool:
    return run.tags.get(KIND) == "trial"


def _read(runs: Sequence[Run]) -> tuple[dict[str, Predictions], list[str]]:
    """Returns the predictions of the runs that have them, by id, and lines on the others."""
    found, lines = {}, []
    if any(_is_trial(run) for run in runs):
        lines.append(
            "trials of a sweep are not scored on test images: 'kerascnn sweep --resume SWEEP "
            "--retrain 3' makes three runs of its best one that are"
        )
    without: dict[str, list[Run]] = {}
    for run in runs:
        if _is_trial(run):
            continue
        if run.several_labels:
            lines.append(f"run {run.name}: its images may have several labels each")
            continue
        if not run.has(file_of(_SPLIT)):
            command = "evaluate" if run.status == "FINISHED" else "train --resume"
            without.setdefault(command, []).append(run)
            continue
        try:
            found[run.id] = run.predictions(_SPLIT)
        except UserError as error:  # damaged, or of a later version
            lines.append(f"run {run.name}: {error}")
    for command, missing in without.items():
        if len(missing) == 1:
            name = missing[0].name
            lines.append(
                f"run {name} ({missing[0].status}) has no predictions of its test images: "
                f"'kerascnn {command} {name}' makes them"
            )
        else:
            lines.append(
                f"{len(missing)} runs have no predictions of their test images "
                f"({first_names([run.name for run in missing])}): 'kerascnn {command} RUN' makes "
                "them, for each"
            )
    return found, lines
