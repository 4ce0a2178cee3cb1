"""Normalisation over neighbouring maps (LRN) and over neighbouring positions (LCN)."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerascnn.backend import keras
from kerascnn.errors import UserError

ops = keras.ops


@keras.saving.register_keras_serializable(package="kerascnn")
class LRN(keras.layers.Layer):
    """Local response normalisation across maps, in the formula of the paper.

    b_i = a_i / (k + alpha * sum of a_j^2 over the `size` maps around i, cut at the ends)^beta.
    alpha multiplies the sum: Caffe and cuda-convnet divide theirs by `size` first.
    Krizhevsky et al. 2012, section 3.3, gives the defaults. Computed in float32.

    Args:
        size: n, the number of maps in the sum; odd.
        alpha: Weight of the sum of squares.
        beta: Exponent.
        k: Added to the weighted sum.

    Raises:
        UserError: If `size` is even or less than 1.
    """

    def __init__(
        self,
        size: int = 5,
        alpha: float = 1e-4,
        beta: float = 0.75,
        k: float = 2.0,
        **arguments: Any,
    ):
        super().__init__(**arguments)
        if size < 1 or size % 2 == 0:
            raise UserError(f"LRN size: got {size}, must be odd and at least 1")
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def call(self, inputs: Any) -> Any:
        """Normalises feature maps (..., C)."""
        x = ops.cast(inputs, "float32")
        channel = np.arange(x.shape[-1])
        near = abs(channel[:, None] - channel) <= self.size // 2
        # As a product with a band of ones: several times faster than adding shifted slices.
        scale = self.k + self.alpha * ops.matmul(ops.square(x), near.astype("float32"))
        if self.beta == 0.75:  # two square roots are four times faster than a power
            factor = ops.rsqrt(scale) * ops.sqrt(ops.rsqrt(scale))
        else:
            factor = scale**-self.beta
        return ops.cast(x * factor, self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The input's."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Everything that `__init__` takes."""
        own = {"size": self.size, "alpha": self.alpha, "beta": self.beta, "k": self.k}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable(package="kerascnn")
class LCN(keras.layers.Layer):
    """Local contrast normalisation over space (Jarrett et al. 2009, section 2.1).

    v = x - the weighted mean over all maps and a window; y = v / max(c, sigma), with sigma the
    weighted root mean square of v over all maps and the window, and c the mean of sigma over the
    image. The window is Gaussian with weights that add up to 1; at the borders only cells inside
    the image count, so that a flat image gives zeros everywhere. Computed in float32.

    Args:
        size: Side of the window in cells; odd.
        sigma: Standard deviation of the Gaussian in cells (the paper does not give it).
        epsilon: Smallest divisor, for images without any contrast.

    Raises:
        UserError: If `size` is even or less than 1, or `sigma` or `epsilon` not positive.
    """

    def __init__(self, size: int = 9, sigma: float = 2.0, epsilon: float = 1e-4, **arguments: Any):
        super().__init__(**arguments)
        if size < 1 or size % 2 == 0:
            raise UserError(f"LCN size: got {size}, must be odd and at least 1")
        if sigma <= 0 or epsilon <= 0:
            raise UserError(f"LCN: got sigma {sigma} and epsilon {epsilon}, must be positive")
        self.size, self.sigma, self.epsilon = size, sigma, epsilon

    def _local_mean(self, x: Any) -> Any:
        """Returns the weighted mean (B, H, W, 1) over all maps and the window."""
        offsets = np.arange(self.size) - self.size // 2
        line = np.exp(-(offsets**2) / (2 * self.sigma**2)).astype("float32")
        # A Gaussian is a product: one column, then one row.
        column, row = line.reshape(-1, 1, 1, 1), line.reshape(1, -1, 1, 1)

        def blur(maps: Any) -> Any:
            return ops.conv(ops.conv(maps, column, padding="same"), row, padding="same")

        return blur(ops.mean(x, axis=-1, keepdims=True)) / blur(ops.ones_like(x[:1, ..., :1]))

    def call(self, inputs: Any) -> Any:
        """Normalises feature maps (B, H, W, C)."""
        x = ops.cast(inputs, "float32")
        v = x - self._local_mean(x)
        # The root's slope at 0 is infinite: stay above it.
        sigma = ops.sqrt(ops.maximum(self._local_mean(ops.square(v)), self.epsilon**2))
        c = ops.mean(sigma, axis=(1, 2), keepdims=True)
        return ops.cast(v / ops.maximum(c, sigma), self.compute_dtype)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The input's."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Everything that `__init__` takes."""
        own = {"size": self.size, "sigma": self.sigma, "epsilon": self.epsilon}
        return {**super().get_config(), **own}
