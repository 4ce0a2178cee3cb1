"""Seeds, and repeats that are equal bit by bit."""

from __future__ import annotations

from kerascnn.backend import keras, tf
from kerascnn.training.spec import TrainSpec

# Of this process: what TensorFlow does for one run's determinism stays for those after it.
_ops_are_deterministic = False


def seed_everything(spec: TrainSpec) -> None:
    """Seeds Python, NumPy and TensorFlow; with `deterministic`, repeats become bit-equal.

    Must come before the model is built, as initial weights and dropout draw from these seeds.
    """
    global _ops_are_deterministic
    keras.utils.set_random_seed(spec.seed)
    if spec.deterministic:
        tf.config.experimental.enable_op_determinism()
        _ops_are_deterministic = True


def ops_are_deterministic() -> bool:
    """Whether TensorFlow's operations are deterministic from now on, in this process."""
    return _ops_are_deterministic
