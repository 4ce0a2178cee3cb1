"""How far a network's answers, and what its layers compute, stay the same under distortions.

After Zeiler and Fergus 2014, section 4.1 and figure 5: accuracy against the strength of a
distortion, and the distance of a layer's activations from those of the untouched image.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kerascnn.backend import keras, tf
from kerascnn.data.dataset import ImageData
from kerascnn.data.failure import named_failures
from kerascnn.data.pipeline import pictures
from kerascnn.errors import UserError, unknown
from kerascnn.evaluation.distortions import DISTORTIONS, check_kinds
from kerascnn.evaluation.measures import Estimate, wilson
from kerascnn.inspection.layers import followed, stages
from kerascnn.table_files import write_csv

IMAGES = 2000
_BATCH = 100  # images at most
_ACTIVATIONS = 2**26  # numbers of a batch's layers that are in memory
_BLOCK = 2**28  # bytes of images that are in memory


@dataclass(frozen=True)
class Point:
    """What is left at one strength of a distortion.

    Attributes:
        kind: Name of the distortion.
        strength: In its measure.
        accuracy: With Wilson's interval.
        distances: By layer: the mean Euclidean distance of an image's activations from those of the
            untouched image, over the mean distance between two different untouched images. 0 is
            invariant; at 1 the image is as far from itself as another one is.
    """

    kind: str
    strength: float
    accuracy: Estimate
    distances: tuple[float, ...]


@dataclass(frozen=True)
class StressTest:
    """A network under distortions.

    Attributes:
        split: That the images are of.
        count: Images.
        plain: The accuracy on them untouched.
        layers: Names of the layers that are followed, from the input on.
        points: Kind by kind, the mildest strength first.
    """

    split: str
    count: int
    plain: Estimate
    layers: tuple[str, ...]
    points: tuple[Point, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """Names of the distortions."""
        return tuple(dict.fromkeys(point.kind for point in self.points))


def stress_test(
    model: keras.Model,
    data: ImageData,
    split: str,
    *,
    kinds: Sequence[str] = (),
    images: int = IMAGES,
    seed: int = 0,
    advance: Callable[[int], None] | None = None,
) -> StressTest:
    """Scores a model on distorted images, one view of each, and compares what its layers compute.

    Args:
        model: From uint8 images to logits.
        data: From `load`.
        split: Name of the split.
        kinds: Names of distortions; all if there are none.
        images: How many at most: a random sample, where the split has more.
        seed: The seed of the sample.
        advance: Called with the number of images done since the last call, of `images` times the
            strengths.

    Raises:
        UserError: For an unknown split or distortion, or fewer than two images.
    """
    kinds = check_kinds(kinds)
    if split not in data.splits:
        raise unknown("split", split, data.splits)
    if images < 2:
        raise UserError(f"images: got {images}, must be at least 2")
    size = data.splits[split].size
    chosen = np.arange(size)
    if size > images:
        chosen = np.sort(np.random.default_rng(seed).choice(size, images, replace=False))
    names = stages(model)
    counter = _Counter(model, names)
    per_image = sum(math.prod(model.get_layer(name).output.shape[1:]) for name in names)
    batch = max(2, min(_BATCH, _ACTIVATIONS // (2 * per_image)))
    block = max(batch, _BLOCK // math.prod(data.image_shape) // batch * batch)
    labels = data.splits[split].labels
    for start in range(0, len(chosen), block):
        rows = chosen[start : start + block]
        with named_failures(data):
            pixels = pictures(data, split, rows)
        # Neighbours in a folder are of one class; those that are compared must not be.
        order = np.random.default_rng(seed).permutation(len(rows))
        for first in range(0, len(rows), batch):
            part = order[first : first + batch]
            counter.add(pixels[part], labels[rows[part]], start + part, kinds)
            if advance:
                advance(len(part))
    return StressTest(
        split=split,
        count=len(chosen),
        plain=wilson(counter.right[None], len(chosen)),
        layers=tuple(names),
        points=tuple(
            Point(
                kind,
                strength,
                wilson(counter.right[kind, strength], len(chosen)),
                counter.distances(kind, strength),
            )
            for kind in kinds
            for strength in DISTORTIONS[kind].strengths
        ),
    )


class _Counter:
    """Counts right answers and sums distances, batch by batch."""

    def __init__(self, model: keras.Model, names: Sequence[str]):
        network = followed(model, names)
        shape = tf.TensorSpec((None, *model.input_shape[1:]), tf.uint8)

        def compute(images: tf.Tensor) -> list[tf.Tensor]:
            *activations, logits = network(images, training=False)
            return [*(tf.cast(values, tf.float32) for values in activations), logits]

        def apart(first: list[tf.Tensor], second: list[tf.Tensor]) -> tf.Tensor:
            squares = [
                tf.reduce_sum(tf.math.squared_difference(a, b), axis=list(range(1, len(a.shape))))
                for a, b in zip(first, second, strict=True)
            ]
            return tf.reduce_sum(tf.sqrt(tf.stack(squares)), axis=1)

        self._compute = tf.function(compute, input_signature=[shape], autograph=False)
        self._apart = tf.function(apart, autograph=False, reduce_retracing=True)
        scalar, numbers = tf.TensorSpec((), tf.float32), tf.TensorSpec((None,), tf.int64)
        self._distort = {
            kind: tf.function(
                distortion.apply, input_signature=[shape, scalar, numbers], autograph=False
            )
            for kind, distortion in DISTORTIONS.items()
        }
        self.right: dict[tuple[str, float] | None, int] = defaultdict(int)
        self._moved: dict[tuple[str, float], np.ndarray] = defaultdict(lambda: np.zeros(len(names)))
        self._others = np.zeros(len(names))
        self._images = self._pairs = 0

    def add(
        self, pixels: np.ndarray, labels: np.ndarray, places: np.ndarray, kinds: Sequence[str]
    ) -> None:
        """Adds a batch; `places` are the numbers of its images in the sample."""
        images = tf.constant(pixels)
        numbers = tf.constant(places, tf.int64)
        *plain, logits = self._compute(images)
        self.right[None] += int((logits.numpy().argmax(axis=1) == labels).sum())
        self._images += len(labels)
        if len(labels) > 1:
            others = [tf.roll(values, 1, axis=0) for values in plain]
            self._others += self._apart(plain, others).numpy()
            self._pairs += len(labels)
        for kind in kinds:
            for strength in DISTORTIONS[kind].strengths:
                distorted = self._distort[kind](images, tf.constant(strength, tf.float32), numbers)
                *activations, logits = self._compute(distorted)
                right = logits.numpy().argmax(axis=1) == labels
                self.right[kind, strength] += int(right.sum())
                self._moved[kind, strength] += self._apart(plain, activations).numpy()

    def distances(self, kind: str, strength: float) -> tuple[float, ...]:
        """Returns the normalised distance of each layer; 0 where nothing ever changes."""
        moved = self._moved[kind, strength] / self._images
        others = self._others / max(1, self._pairs)
        found = np.divide(moved, others, out=np.zeros_like(moved), where=others > 0)
        return tuple(found.tolist())


def write_stress(test: StressTest, path: Path) -> None:
    """Writes a CSV file with a row for each strength, the untouched images first."""
    rows = []
    for point in (Point("none", math.nan, test.plain, (0.0,) * len(test.layers)), *test.points):
        found = point.accuracy
        figures = (found.value, found.low, found.high, *point.distances)
        rows.append([point.kind, point.strength, test.count, *(f"{f:.6f}" for f in figures)])
    head = ["kind", "strength", "count", "accuracy", "low", "high", *test.layers]
    write_csv(path, head, rows)
