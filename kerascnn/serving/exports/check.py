"""An exported file beside the model it was made of: every image of a split, in a fresh process.

The process knows the file's own runtime and reads the images as they are stored. It is given a job
as JSON on its standard input, and writes an .npz file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kerascnn.errors import UserError
from kerascnn.evaluation.measures import wilson
from kerascnn.scratch import scratch_folder

if TYPE_CHECKING:
    from kerascnn.evaluation.measures import Estimate
    from kerascnn.serving.exports.format import Format


@dataclass(frozen=True)
class Check:
    """How an exported file does beside its model.

    Attributes:
        split: Name of the split.
        count: Images.
        agreement: Share of images with the same answer: the likeliest class; of several labels, all
            that reach their thresholds.
        difference: Largest difference of a probability.
        accuracy: Of the file, with its 95% Wilson interval.
        original: Of the model.
        size: Of the file or folder, in bytes.
        milliseconds: Median time of one image on one core, resizing included.
    """

    split: str
    count: int
    agreement: float
    difference: float
    accuracy: Estimate
    original: Estimate
    size: int
    milliseconds: float


def answers(
    form: Format,
    path: Path,
    data: str,
    examples: Sequence[str],
    advance: Callable[[int], None] = lambda count: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns what a file says of images, and how long each takes, in a fresh process.

    Args:
        form: The format of the file.
        path: The path of the file.
        data: Name of the data set.
        examples: What the images are called, from `identities`.
        advance: Called with the number of images done since the last call.

    Returns:
        float32 (N, classes), 0..1, and float64 (N,), in seconds.

    Raises:
        UserError: If the runtime cannot run it.
    """
    with tempfile.TemporaryDirectory(dir=scratch_folder()) as folder:
        out = Path(folder) / "answers.npz"
        job = {
            "format": form.name,
            "path": str(path),
            "data": data,
            "examples": list(examples),
            "out": str(out),
        }
        said = Path(folder) / "said.txt"
        with (
            said.open("wb") as errors,
            subprocess.Popen(
                [sys.executable, "-m", "kerascnn.serving.exports.check"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "PYTHONSAFEPATH": "1"},  # a random.py here is not Python's
                text=True,
            ) as process,
        ):
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(json.dumps(job))
                process.stdin.close()
                for line in process.stdout:
                    advance(int(line))
                code = process.wait()
            finally:
                process.kill()
        if code != 0:
            last = said.read_text(errors="replace").strip().rpartition("\n")[2]
            raise UserError(f"format {form.name}: its file cannot be checked: {last}")
        with np.load(out) as found:
            return found["probabilities"], found["seconds"]


def compare(
    said: np.ndarray,
    original: np.ndarray,
    labels: np.ndarray,
    thresholds: Sequence[float] | None,
) -> tuple[float, float, Estimate, Estimate]:
    """Returns agreement, largest difference, and the accuracies of the file and of its model.

    Args:
        said: Probabilities by the file, (N, classes).
        original: By the model.
        labels: True classes, (N,); float32 (N, classes) where an image may have several.
        thresholds: Of the labels, where an image may have several: right is what has exactly its
            own.
    """
    if thresholds is None:
        answer, before, truth = said.argmax(axis=1), original.argmax(axis=1), labels
        same, right, right_before = answer == before, answer == truth, before == truth
    else:
        answer, before, truth = said >= thresholds, original >= thresholds, labels == 1
        same, right, right_before = (
            (one == other).all(axis=1)
            for one, other in ((answer, before), (answer, truth), (before, truth))
        )
    return (
        float(same.mean()),
        float(np.abs(said - original).max()),
        wilson(int(right.sum()), len(labels)),
        wilson(int(right_before.sum()), len(labels)),
    )


def _images(data: str, examples: Sequence[str]) -> Iterator[np.ndarray]:
    """Yields images as they are stored, uint8 RGB (h, w, 3)."""
    from kerascnn.data.examples import read_rgb

    for example, image in zip(examples, read_rgb(data, examples), strict=True):
        if image is None:
            raise UserError(f"{data}: {example} cannot be read any more")
        yield image


def _main() -> None:
    from kerascnn.serving.exports.format import format_of

    job = json.load(sys.stdin)
    classify = format_of(job["format"]).open(Path(job["path"]))
    probabilities, seconds = [], []
    for number, image in enumerate(_images(job["data"], job["examples"])):
        if number == 0:
            classify(image)  # the first takes longer: what it needs is made
        start = time.perf_counter()
        probabilities.append(classify(image))
        seconds.append(time.perf_counter() - start)
        if number % 100 == 99:
            sys.stdout.write("100\n")
            sys.stdout.flush()
    np.savez(job["out"], probabilities=np.stack(probabilities), seconds=np.array(seconds))


if __name__ == "__main__":
    try:
        _main()
    except UserError as error:
        sys.exit(str(error))
