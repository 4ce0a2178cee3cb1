"""Residual branches that are left out at random."""

from __future__ import annotations

from typing import Any

from kerascnn.backend import keras
from kerascnn.errors import UserError

ops = keras.ops


@keras.saving.register_keras_serializable(package="kerascnn")
class StochasticDepth(keras.layers.Layer):
    """Leaves a residual branch out in training, and shrinks it to its mean in inference.

    Huang, Sun, Liu, Sedra, Weinberger 2016, section 3: in training the branch survives, unscaled,
    with probability 1 - rate; in inference it is multiplied by that. The paper draws once for a
    whole batch, to save the computation; here each image draws for itself.

    Args:
        rate: Probability of being left out; at least 0, below 1.
        seed: The seed of the draws.

    Raises:
        UserError: If `rate` is not a probability below 1.
    """

    def __init__(self, rate: float, seed: int | None = None, **arguments: Any):
        super().__init__(**arguments)
        if not 0 <= rate < 1:
            raise UserError(f"StochasticDepth rate: got {rate}, must be at least 0 and below 1")
        self.rate, self.seed = rate, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Takes the branch (B, ...) before it is added."""
        if not training:
            return inputs * (1 - self.rate)
        shape = (ops.shape(inputs)[0],) + (1,) * (len(inputs.shape) - 1)
        draws = keras.random.uniform(shape, dtype="float32", seed=self.seed_generator)
        return inputs * ops.cast(draws >= self.rate, inputs.dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The input's."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Everything that `__init__` takes."""
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
