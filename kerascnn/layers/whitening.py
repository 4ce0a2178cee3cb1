"""A fixed first layer, computed from the training images, and a start that lets maps through."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerascnn.backend import keras

ops = keras.ops


@keras.saving.register_keras_serializable(package="kerascnn")
class Whitening(keras.layers.Conv2D):
    """A convolution that is not trained, whose outputs over the training images are uncorrelated.

    Its filters are the principal components of the training images' patches, divided by the
    square root of their variances, each with either sign, so that a rectifier loses nothing
    (Jordan 2024, section 3.2, after Page 2019). Random until `adapt` has been called.

    Args:
        size: Side of a patch.
        epsilon: Added to the variances.
    """

    def __init__(self, size: int = 2, epsilon: float = 5e-4, **arguments: Any):
        arguments["trainable"] = False
        # The number of filters follows from the input's channels.
        for given in ("filters", "kernel_size", "use_bias", "padding"):
            arguments.pop(given, None)
        super().__init__(1, size, use_bias=False, **arguments)
        self.size, self.epsilon = size, epsilon

    def build(self, input_shape: tuple[Any, ...]) -> None:
        """Makes the filters (size, size, C, 2 size^2 C)."""
        self.filters = 2 * self.size**2 * int(input_shape[-1] or 0)
        super().build(input_shape)

    def compute_output_shape(self, input_shape: tuple[Any, ...]) -> tuple[Any, ...]:
        """(B, H - size + 1, W - size + 1, 2 size^2 C)."""
        self.filters = 2 * self.size**2 * int(input_shape[-1] or 0)
        return tuple(super().compute_output_shape(input_shape))

    def adapt(self, maps: np.ndarray) -> None:
        """Computes the filters.

        Args:
            maps: What the layer would get for some thousand training images, float (N, H, W, C).
        """
        windows = np.lib.stride_tricks.sliding_window_view(
            maps, (self.size, self.size), axis=(1, 2)
        )  # (N, H', W', C, size, size)
        patches = windows.transpose(0, 1, 2, 4, 5, 3).reshape(-1, self.filters // 2)
        covariance = patches.T.astype(np.float64) @ patches / len(patches)
        variances, directions = np.linalg.eigh(covariance)
        half = (directions / np.sqrt(variances + self.epsilon))[:, ::-1]  # the strongest first
        both = np.concatenate([half, -half], axis=1)
        self.kernel.assign(both.reshape(self.size, self.size, maps.shape[-1], -1))

    def get_config(self) -> dict[str, Any]:
        """Everything that `__init__` takes."""
        return {**super().get_config(), "size": self.size, "epsilon": self.epsilon}


@keras.saving.register_keras_serializable(package="kerascnn")
class PartialIdentity(keras.initializers.Initializer):
    """Kernels (h, w, C, filters) of which the first C hand one map each through unchanged.

    The others are uniform in +-1 / sqrt(h w C). Zagoruyko and Komodakis 2017 (Dirac), as used by
    Jordan 2024, section 3.3.
    """

    def __call__(self, shape: tuple[int, ...], dtype: str | None = None) -> Any:
        """Returns the kernel."""
        high, wide, channels, filters = shape
        bound = 1 / np.sqrt(high * wide * channels)
        kernel = keras.random.uniform(shape, -bound, bound, dtype=dtype)
        through = np.zeros(shape, "float32")
        same = np.arange(min(channels, filters))
        through[high // 2, wide // 2, same, same] = 1
        chosen = np.arange(filters) < channels
        return ops.where(chosen, ops.cast(through, kernel.dtype), kernel)
