"""How fast images are read and augmented, as TensorFlow does it beside the training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerascnn.backend import tf
from kerascnn.data.decoding import CORES


class Stopwatch:
    """Counts the seconds and the images of one stage of the input.

    TensorFlow reads the clock itself, before and after the stage, in whichever thread it runs.
    """

    def __init__(self) -> None:
        with tf.device("CPU"):
            self._sums = tf.Variable([0.0, 0.0], dtype=tf.float64, trainable=False)

    def timed(self, stage: Callable[..., Any], images: Callable[[Any], Any]) -> Callable[..., Any]:
        """Returns a stage that is timed.

        Args:
            stage: Builds operations, whose results are tensors.
            images: Tells of the results how many images they are.
        """

        def watched(*arguments: Any) -> Any:
            start = tf.timestamp()
            with tf.control_dependencies([start]):
                results = stage(*arguments)
            with tf.control_dependencies(tf.nest.flatten(results)):
                passed = tf.timestamp() - start
                counted = self._sums.assign_add([passed, tf.cast(images(results), tf.float64)])
            with tf.control_dependencies([counted]):
                return tf.nest.map_structure(tf.identity, results)

        return watched

    def add(self, seconds: float, images: int) -> None:
        """Counts what all threads have done together in so many seconds."""
        self._sums.assign_add([seconds * CORES, images])

    def rate(self) -> float | None:
        """Returns images per second of as many threads as there are; None where none was timed."""
        seconds, images = self._sums.numpy().tolist()
        return images / seconds * CORES if seconds > 0 else None


class Stages:
    """The stopwatches of what comes before training.

    Attributes:
        reading: Files read, decoded and brought to the model's size, with a random crop that comes
            first.
        augmenting: All other augmentation.
    """

    def __init__(self) -> None:
        self.reading, self.augmenting = Stopwatch(), Stopwatch()

    def rates(self) -> dict[str, float]:
        """Returns images per second of the stages that were timed, by name."""
        found = {"reading": self.reading.rate(), "augmenting": self.augmenting.rate()}
        return {name: rate for name, rate in found.items() if rate is not None}
