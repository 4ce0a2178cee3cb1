"""Random numbers that depend on (seed, epoch, position) only.

A counter-based generator: SplitMix64's finalizer (Steele, Lea, Flood 2014) over keys and counters,
vectorised over the batch. The split into batches and the number of parallel calls do not matter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kerascnn.backend import tf

LANES = 8  # numbers drawn per image and operation; lane 0 decides whether the operation applies
_GOLDEN = 0x9E3779B97F4A7C15


def _u64(value: int) -> tf.Tensor:
    return tf.constant(value, tf.uint64)


def _mix(z: tf.Tensor) -> tf.Tensor:
    shift, xor = tf.bitwise.right_shift, tf.bitwise.bitwise_xor
    z = xor(z, shift(z, _u64(30))) * _u64(0xBF58476D1CE4E5B9)
    z = xor(z, shift(z, _u64(27))) * _u64(0x94D049BB133111EB)
    return xor(z, shift(z, _u64(31)))


def _uniform(keys: tf.Tensor, counters: tf.Tensor) -> tf.Tensor:
    """Returns float32 in [0, 1), one for each key and counter (both uint64, broadcast)."""
    bits = tf.bitwise.right_shift(_mix(keys + (counters + _u64(1)) * _u64(_GOLDEN)), _u64(40))
    return tf.cast(tf.cast(bits, tf.int32), tf.float32) * 2.0**-24


def position_keys(seed: tf.Tensor, epoch: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
    """Returns one key (B,) uint64 for each position of an epoch's order.

    Args:
        seed: int64 scalar.
        epoch: int64 scalar.
        positions: int64 (B,).
    """
    key = _mix(tf.cast(seed, tf.uint64) + _u64(_GOLDEN))
    key = _mix(key + (tf.cast(epoch, tf.uint64) + _u64(1)) * _u64(_GOLDEN))
    return _mix(key + (tf.cast(positions, tf.uint64) + _u64(1)) * _u64(_GOLDEN))


@dataclass(frozen=True)
class Draws:
    """The random numbers of one operation.

    Attributes:
        lanes: float32 (B, LANES) in [0, 1).
        keys: uint64 (B,), for numbers per pixel; None where there are no such.
        probability: The probability of the operation.
    """

    lanes: tf.Tensor
    keys: tf.Tensor | None
    probability: float

    @property
    def applied(self) -> tf.Tensor:
        """Which images undergo the operation, bool (B,)."""
        return self.lanes[:, 0] < self.probability

    def alternated(self, images: tf.Tensor, epoch: tf.Tensor) -> Draws:
        """Returns the same numbers, but applied to each image in every other epoch.

        Args:
            images: uint8 (B, H, W, C), the same in every epoch.
            epoch: int64 scalar.
        """
        total = tf.reduce_sum(tf.cast(images, tf.int32), axis=(1, 2, 3))
        odd = (total + tf.cast(epoch, tf.int32)) % 2  # half of the images start with either
        lanes = tf.concat([tf.cast(odd, tf.float32)[:, None], self.lanes[:, 1:]], axis=1)
        return Draws(lanes, self.keys, self.probability)

    def unit(self, lane: int) -> tf.Tensor:
        """Returns float32 (B,) in [0, 1); lanes count from 1."""
        return self.lanes[:, lane]

    def between(self, lane: int, interval: tuple[float, float], otherwise: float) -> tf.Tensor:
        """Returns float32 (B,), uniform in the interval; `otherwise` where not applied."""
        low, high = interval
        value = low + (high - low) * self.unit(lane)
        return value if self.probability == 1 else tf.where(self.applied, value, otherwise)

    def log_between(self, lane: int, interval: tuple[float, float]) -> tf.Tensor:
        """Returns float32 (B,), whose logarithm is uniform in the interval's."""
        low, high = (tf.math.log(tf.constant(value, tf.float32)) for value in interval)
        return tf.exp(low + (high - low) * self.unit(lane))

    def normal(self, lane: int) -> tf.Tensor:
        """Returns float32 (B,), standard normal; uses lanes `lane` and `lane + 1`."""
        return _box_muller(self.unit(lane), self.unit(lane + 1))

    def field(self, size: int, stream: int = 0) -> tf.Tensor:
        """Returns float32 (B, size) in [0, 1), a number for each pixel.

        Args:
            size: Numbers per image.
            stream: Which of the operation's independent fields.
        """
        counters = tf.cast(tf.range(size), tf.uint64)[None]
        return _uniform(_mix(self.keys + _u64(stream))[:, None], counters)

    def normal_field(self, size: int) -> tf.Tensor:
        """Returns float32 (B, size), standard normal."""
        half = (size + 1) // 2
        radius, angle = self.field(half), self.field(half, stream=1)
        both = [_box_muller(radius, angle), _box_muller(radius, angle, tf.sin)]
        return tf.concat(both, axis=1)[:, :size]


def _box_muller(
    radius: tf.Tensor, angle: tf.Tensor, wave: Callable[[tf.Tensor], tf.Tensor] | None = None
) -> tf.Tensor:
    scale = tf.sqrt(-2.0 * tf.math.log(1.0 - radius))
    return scale * (wave or tf.cos)(6.283185307179586 * angle)


def lanes(keys: tf.Tensor, operations: int) -> tf.Tensor:
    """Returns the lanes of that many operations, float32 (B, operations * LANES) in [0, 1).

    Args:
        keys: `position_keys`, uint64 (B,).
        operations: The first ones of a spec.
    """
    return _uniform(keys[:, None], tf.cast(tf.range(operations * LANES), tf.uint64)[None])


def draws(keys: tf.Tensor, probabilities: list[float]) -> list[Draws]:
    """Draws the numbers of every operation of a spec in one go.

    Args:
        keys: `position_keys`, uint64 (B,).
        probabilities: One for each operation.
    """
    drawn = lanes(keys, len(probabilities))
    return [
        Draws(
            drawn[:, LANES * i : LANES * (i + 1)],
            # Keys of a pixel field must not meet the counters above: another finalizer round.
            _mix(keys + _u64((i + 1) << 32)),
            probability,
        )
        for i, probability in enumerate(probabilities)
    ]
