"""Pooling that Keras 3 lacks: ceil mode, Lp, stochastic, and spatial pyramids.

Every sliding window here works in ceil mode, as in Caffe and cuda-convnet: a last window that hangs
over the right or bottom edge counts, and pools the cells it has. Sizes become
ceil((size - pool) / stride) + 1.
"""

from __future__ import annotations

import math
from typing import Any

from kerascnn.backend import keras
from kerascnn.errors import UserError

ops = keras.ops

Shape = tuple[int | None, ...]


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else (value[0], value[1])


def shifted_cells(x: Any, window: tuple[int, int], strides: tuple[int, int]) -> list[Any]:
    """Returns, for each cell of a sliding window, row by row, its maps (B, H', W', C).

    The maps (B, H, W, C) are dealt out by their place within a stride first, so that each cell is a
    slice without strides: in training that is five times faster on a CPU than strided slices.
    """
    (high, wide), (down, across) = window, strides
    batch, height, width, channels = ops.shape(x)
    # As many cells as the last window needs, in whole strides.
    rows, columns = (height - high) // down + 1, (width - wide) // across + 1
    blocks_high, blocks_wide = rows + (high - 1) // down, columns + (wide - 1) // across
    x = ops.pad(x, ((0, 0), (0, down - 1), (0, across - 1), (0, 0)))
    x = x[:, : blocks_high * down, : blocks_wide * across]
    x = ops.reshape(x, (-1, blocks_high, down, blocks_wide, across, channels))
    x = ops.transpose(x, (2, 4, 0, 1, 3, 5))
    x = ops.reshape(x, (down * across, -1, blocks_high, blocks_wide, channels))
    places = ops.unstack(x, down * across, axis=0)
    return [
        ops.slice(
            places[i % down * across + j % across],
            (0, i // down, j // across, 0),
            (batch, rows, columns, channels),
        )
        for i in range(high)
        for j in range(wide)
    ]


class _Pooling2D(keras.layers.Layer):
    """Sliding windows over maps (B, H, W, C), in ceil mode."""

    def __init__(
        self,
        pool_size: int | tuple[int, int] = 2,
        strides: int | tuple[int, int] | None = None,
        **arguments: Any,
    ):
        super().__init__(**arguments)
        self.pool_size = _pair(pool_size)
        self.strides = self.pool_size if strides is None else _pair(strides)
        pairs = zip(self.strides, self.pool_size, strict=True)
        if not all(1 <= stride <= pool for stride, pool in pairs):
            raise UserError(
                f"{type(self).__name__}: got pool_size {self.pool_size} and strides "
                f"{self.strides}, strides must be between 1 and pool_size"
            )

    def _hang(self, size: int | None, axis: int) -> int:
        """Returns by how many cells the last window hangs over the edge."""
        stride = self.strides[axis]
        # Unknown sizes get the most that a window can hang over: no further window fits in.
        return stride - 1 if size is None else (self.pool_size[axis] - size) % stride

    def _windows(self, x: Any, beyond: float = 0.0) -> Any:
        """Returns the maps with the cells filled in that the last windows hang over."""
        below, right = self._hang(x.shape[1], 0), self._hang(x.shape[2], 1)
        if not below and not right:
            return x
        return ops.pad(x, ((0, 0), (0, below), (0, right), (0, 0)), constant_values=beyond)

    def _mean(self, x: Any) -> Any:
        """Returns the mean over each window, cells beyond the edge counted as zeros."""
        return ops.average_pool(self._windows(x), self.pool_size, self.strides)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, H', W', C).

        Raises:
            UserError: If the window does not fit.
        """
        sizes = []
        for axis, size in enumerate(input_shape[1:3]):
            if size is not None:
                room = size + self._hang(size, axis) - self.pool_size[axis]
                size = room // self.strides[axis] + 1
                if room < 0:
                    raise UserError(
                        f"{self.name}: a {self.pool_size[0]}x{self.pool_size[1]} window "
                        f"does not fit into maps of shape {tuple(input_shape)}"
                    )
            sizes.append(size)
        return (input_shape[0], *sizes, input_shape[3])

    def get_config(self) -> dict[str, Any]:
        """Everything that `__init__` takes."""
        return {**super().get_config(), "pool_size": self.pool_size, "strides": self.strides}


@keras.saving.register_keras_serializable(package="kerascnn")
class CeilMaxPooling2D(_Pooling2D):
    """Max pooling in ceil mode.

    Args:
        pool_size: Side or (height, width) of the window.
        strides: The strides of the windows, at most `pool_size`; `pool_size` if None.

    Raises:
        UserError: For strides that skip cells, or maps that the window does not fit.
    """

    def call(self, inputs: Any) -> Any:
        """Pools maps (B, H, W, C), of any sign."""
        windows = self._windows(inputs, -math.inf)
        return ops.max_pool(windows, self.pool_size, self.strides)


@keras.saving.register_keras_serializable(package="kerascnn")
class CeilAveragePooling2D(_Pooling2D):
    """Average pooling in ceil mode; a window that hangs over averages the cells it has.

    Args:
        pool_size: Side or (height, width) of the window.
        strides: The strides of the windows, at most `pool_size`; `pool_size` if None.

    Raises:
        UserError: For strides that skip cells, or maps that the window does not fit.
    """

    def call(self, inputs: Any) -> Any:
        """Pools maps (B, H, W, C)."""
        return self._mean(inputs) / self._mean(ops.ones_like(inputs[:1, ..., :1]))


@keras.saving.register_keras_serializable(package="kerascnn")
class LpPooling2D(_Pooling2D):
    """The p-norm of each window: L1 is the sum of |a|, L2 the root of the sum of a^2.

    The convention is the sum, not the mean, over the cells (Torch's LPPooling; Sermanet et al.
    2012, with |a| also for odd p). Computed in float32.

    Args:
        pool_size: Side or (height, width) of the window.
        strides: The strides of the windows, at most `pool_size`; `pool_size` if None.
        order: p, at least 1.

    Raises:
        UserError: For `order` under 1, strides that skip cells, or maps that the window does not
            fit.
    """

    def __init__(
        self,
        pool_size: int | tuple[int, int] = 2,
        strides: int | tuple[int, int] | None = None,
        order: float = 2,
        **arguments: Any,
    ):
        super().__init__(pool_size, strides, **arguments)
        if order < 1:
            raise UserError(f"LpPooling2D order: got {order}, must be at least 1")
        self.order = order

    def call(self, inputs: Any) -> Any:
        """Pools maps (B, H, W, C)."""
        x = ops.cast(inputs, "float32")
        powers = ops.square(x) if self.order == 2 else ops.abs(x) ** self.order
        total = self._mean(powers) * math.prod(self.pool_size)
        if self.order != 1:
            # The root's slope at 0 is infinite: a window of zeros gives zero, with slope zero.
            some = total > 0
            total = ops.where(some, ops.where(some, total, 1.0) ** (1 / self.order), 0.0)
        return ops.cast(total, self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Everything that `__init__` takes."""
        return {**super().get_config(), "order": self.order}


@keras.saving.register_keras_serializable(package="kerascnn")
class StochasticPooling2D(_Pooling2D):
    """Stochastic pooling (Zeiler & Fergus 2013, sections 3.1 and 3.2).

    In training, each window draws one of its cells with probability a_i / sum a, and the gradient
    goes to that cell alone. In inference, the mean under these probabilities: sum a^2 / sum a.
    A window of zeros gives zero; negative cells count as zero. Computed in float32.

    Args:
        pool_size: Side or (height, width) of the window.
        strides: The strides of the windows, at most `pool_size`; `pool_size` if None.
        seed: The seed of the draws, an int for draws that can be repeated.

    Raises:
        UserError: For strides that skip cells, or maps that the window does not fit.
    """

    def __init__(
        self,
        pool_size: int | tuple[int, int] = 3,
        strides: int | tuple[int, int] | None = 2,
        seed: int | None = None,
        **arguments: Any,
    ):
        super().__init__(pool_size, strides, **arguments)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Pools maps (B, H, W, C), none negative."""
        x = ops.relu(ops.cast(inputs, "float32"))
        pooled = self._draw(self._windows(x)) if training else self._expect(x)
        return ops.cast(pooled, self.compute_dtype)

    def _expect(self, x: Any) -> Any:
        total = self._mean(x)
        some = total > 0
        return ops.where(some, self._mean(ops.square(x)) / ops.where(some, total, 1.0), 0.0)

    def _draw(self, x: Any) -> Any:
        cells = shifted_cells(x, self.pool_size, self.strides)  # each (B, H', W', C)
        # Inversion: the drawn cell is the one whose step of the running sum crosses the threshold.
        sums = [ops.stop_gradient(cells[0])]
        for cell in cells[1:]:
            sums.append(sums[-1] + ops.stop_gradient(cell))
        threshold = sums[-1] * keras.random.uniform(ops.shape(sums[-1]), seed=self.seed_generator)
        drawn = ops.zeros_like(cells[0])
        before = drawn
        for cell, upto in zip(cells, sums, strict=True):
            crosses = ops.logical_and(before <= threshold, threshold < upto)
            drawn += ops.where(crosses, cell, 0.0)
            before = upto
        return drawn

    def get_config(self) -> dict[str, Any]:
        """Everything that `__init__` takes."""
        return {**super().get_config(), "seed": self.seed}


@keras.saving.register_keras_serializable(package="kerascnn")
class SPP(keras.layers.Layer):
    """Spatial pyramid pooling: the maximum over n x n bins for each level n, in one vector.

    Along a side of a cells, bin i of n is [floor(i a / n), ceil((i + 1) a / n)): bins overlap where
    n does not divide a, and every cell is in one (He et al. 2014, SPP-net, appendix A). The paper's
    other rule, windows of ceil(a / n) every floor(a / n) cells, is the same at a = 13 but never
    reads the last row of a = 14 at n = 3.

    Args:
        levels: Bins per side of each level; the paper of PReLU has (7, 3, 2, 1).

    Raises:
        UserError: Without levels, for a level under 1, or maps of unknown size.
    """

    def __init__(self, levels: tuple[int, ...] = (7, 3, 2, 1), **arguments: Any):
        super().__init__(**arguments)
        self.levels = tuple(levels)
        if not self.levels or min(self.levels) < 1:
            raise UserError(f"SPP levels: got {self.levels}, must be one or more sizes, at least 1")

    @staticmethod
    def _bins(x: Any, bins: int, axis: int) -> Any:
        size = x.shape[axis]
        before = (slice(None),) * axis
        return ops.stack(
            [
                ops.max(x[(*before, slice(i * size // bins, -((i + 1) * size // -bins)))], axis)
                for i in range(bins)
            ],
            axis,
        )

    def call(self, inputs: Any) -> Any:
        """Pools maps (B, H, W, C) into (B, C * sum of n^2), level by level, row by row."""
        length = self.compute_output_shape(inputs.shape)[1]
        levels = [self._bins(self._bins(inputs, n, 1), n, 2) for n in self.levels]
        flat = [
            ops.reshape(x, (-1, n * n * inputs.shape[3]))
            for n, x in zip(self.levels, levels, strict=True)
        ]
        return ops.reshape(ops.concatenate(flat, axis=1), (-1, length))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, C * sum of n^2)."""
        if None in input_shape[1:]:
            raise UserError(f"{self.name}: SPP needs maps of known size, got {tuple(input_shape)}")
        return (input_shape[0], int(input_shape[3] or 0) * sum(n * n for n in self.levels))

    def get_config(self) -> dict[str, Any]:
        """Everything that `__init__` takes."""
        return {**super().get_config(), "levels": self.levels}
