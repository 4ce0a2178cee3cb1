"""The parts of LeNet-5 that later networks dropped (LeCun et al. 1998, section II)."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerascnn.backend import keras
from kerascnn.errors import UserError

ops = keras.ops

Shape = tuple[int | None, ...]

# "0" to "9" drawn on the paper's 7x12 grid, after its figure 3.
_DIGITS = """
.......  .......  .......  .......  .......  .......  .......  .......  .......  .......
..###..  ...#...  .#####.  .#####.  .....#.  #######  ..####.  #######  .#####.  .#####.
.#...#.  ..##...  #.....#  #.....#  ....##.  #......  .#.....  #.....#  #.....#  #.....#
#.....#  .#.#...  ......#  ......#  ...#.#.  #......  #......  .....#.  #.....#  #.....#
#.....#  ...#...  ......#  ......#  ..#..#.  #......  #......  .....#.  #.....#  #.....#
#.....#  ...#...  .....#.  ..####.  .#...#.  ######.  #.####.  ....#..  .#####.  .######
#.....#  ...#...  ....#..  ......#  #....#.  ......#  ##....#  ....#..  #.....#  ......#
#.....#  ...#...  ...#...  ......#  #######  ......#  #.....#  ...#...  #.....#  ......#
#.....#  ...#...  ..#....  ......#  .....#.  ......#  #.....#  ...#...  #.....#  ......#
.#...#.  ...#...  .#.....  #.....#  .....#.  #.....#  #.....#  ..#....  #.....#  .....#.
..###..  .#####.  #######  .#####.  .....#.  .#####.  .#####.  ..#....  .#####.  .####..
.......  .......  .......  .......  .......  .......  .......  .......  .......  .......
"""


def class_codes(classes: int, features: int = 84, seed: int = 0) -> np.ndarray:
    """Returns the RBF centres of LeNet-5, float32 of -1 and +1 (features, classes).

    The first ten classes are the digits drawn on a 7x12 bitmap where there are 84 features. All
    other codes are drawn at random, which the paper names as the alternative (section II-B).

    Args:
        classes: Number of codes.
        features: Length of a code.
        seed: The seed of the random codes.
    """
    codes = np.random.default_rng(seed).choice(np.array([-1, 1], "float32"), (features, classes))
    if features == 84:
        rows = [line.split() for line in _DIGITS.split("\n") if line]
        drawn = ["".join(row[digit] for row in rows) for digit in range(10)]
        bitmaps = np.array([[1 if cell == "#" else -1 for cell in word] for word in drawn])
        codes[:, :10] = bitmaps.T[:, :classes]
    return codes


@keras.saving.register_keras_serializable(package="kerascnn")
class Subsampling2D(keras.layers.Layer):
    """LeNet's subsampling: c * (sum of the window) + b, with c and b learned for each map.

    The squash that follows is an activation. Windows do not overlap; what is left over at the right
    and the bottom is dropped. c starts uniform within 2.4 / (cells of the window), b at zero.

    Args:
        pool_size: Side of the window, and its stride.

    Raises:
        UserError: If `pool_size` is less than 1.
    """

    def __init__(self, pool_size: int = 2, **arguments: Any):
        super().__init__(**arguments)
        if pool_size < 1:
            raise UserError(f"Subsampling2D pool_size: got {pool_size}, must be at least 1")
        self.pool_size = self.strides = pool_size

    def build(self, input_shape: Shape) -> None:
        """Creates c and b, each (C,)."""
        bound = 2.4 / self.pool_size**2
        uniform = keras.initializers.RandomUniform(-bound, bound)
        shape = (input_shape[-1],)
        self.coefficient = self.add_weight(shape=shape, initializer=uniform, name="coefficient")
        self.bias = self.add_weight(shape=shape, initializer="zeros", name="bias")

    def call(self, inputs: Any) -> Any:
        """Takes maps (B, H, W, C) to (B, H', W', C)."""
        total = ops.average_pool(inputs, self.pool_size) * self.pool_size**2
        return self.coefficient * total + self.bias

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, H', W', C)."""
        height, width = (size and size // self.pool_size for size in input_shape[1:3])
        return (input_shape[0], height, width, input_shape[3])

    def macs(self, input_shape: tuple[int, ...]) -> int:
        """Multiply-adds for one image (H, W, C): one per output, by the coefficient."""
        height, width, channels = input_shape
        return (height // self.pool_size) * (width // self.pool_size) * channels

    def get_config(self) -> dict[str, Any]:
        """Everything that `__init__` takes."""
        return {**super().get_config(), "pool_size": self.pool_size}


@keras.saving.register_keras_serializable(package="kerascnn")
class SparseConv2D(keras.layers.Layer):
    """Convolution without padding in which each output map reads only some of the input maps.

    Has weights (kernel, kernel, links) for the links of its table alone, and one bias per output
    map. Weights start uniform within 2.4 / fan-in of their map, biases at zero.

    Args:
        table: For each output map, the input maps it reads.
        kernel_size: Side of the kernel.
        activation: Keras's name or a function.

    Raises:
        UserError: For an empty table or row, an input map named twice in a row or that does not
            exist, or a kernel under 1.
    """

    def __init__(
        self,
        table: tuple[tuple[int, ...], ...],
        kernel_size: int,
        activation: Any = None,
        **arguments: Any,
    ):
        super().__init__(**arguments)
        self.table = tuple(tuple(row) for row in table)
        if not self.table or not all(row and len(set(row)) == len(row) for row in self.table):
            raise UserError(f"SparseConv2D table: got {table}, each row must name maps, each once")
        if kernel_size < 1:
            raise UserError(f"SparseConv2D kernel_size: got {kernel_size}, must be at least 1")
        self.kernel_size, self.strides, self.padding = kernel_size, 1, "valid"
        self.activation = keras.activations.get(activation)

    def build(self, input_shape: Shape) -> None:
        """Creates the weights and biases."""
        channels = int(input_shape[-1] or 0)
        links = [(source, target) for target, row in enumerate(self.table) for source in row]
        wrong = [source for source, _ in links if not 0 <= source < channels]
        if wrong:
            raise UserError(f"{self.name}: the table names map {wrong[0]}, there are {channels}")
        cells = self.kernel_size**2
        fan_in = np.array([cells * len(self.table[target]) for _, target in links], "float32")

        def initialize(shape: Shape, dtype: Any = None) -> Any:
            return keras.random.uniform(shape, -2.4, 2.4, dtype=dtype) / fan_in

        self.kernel = self.add_weight(
            shape=(self.kernel_size, self.kernel_size, len(links)),
            initializer=initialize,
            name="kernel",
        )
        self.bias = self.add_weight(shape=(len(self.table),), initializer="zeros", name="bias")
        # Spreads the links over a kernel that is zero elsewhere, one row per link.
        self._spread = np.zeros((len(links), channels, len(self.table)), "float32")
        for link, (source, target) in enumerate(links):
            self._spread[link, source, target] = 1

    def call(self, inputs: Any) -> Any:
        """Takes maps (B, H, W, C) to (B, H', W', rows of the table)."""
        spread = ops.cast(self._spread, self.compute_dtype)
        kernel = ops.tensordot(self.kernel, spread, axes=1)
        return self.activation(ops.conv(inputs, kernel, padding="valid") + self.bias)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, H', W', rows of the table)."""
        height, width = (size and size - self.kernel_size + 1 for size in input_shape[1:3])
        return (input_shape[0], height, width, len(self.table))

    def get_config(self) -> dict[str, Any]:
        """Everything that `__init__` takes."""
        return {
            **super().get_config(),
            "table": self.table,
            "kernel_size": self.kernel_size,
            "activation": keras.activations.serialize(self.activation),
        }


@keras.saving.register_keras_serializable(package="kerascnn")
class RBF(keras.layers.Layer):
    """Minus the squared Euclidean distance to each class's code, so that the largest wins.

    The paper's output y_i = sum over j of (x_j - w_ij)^2 is minus this one. The codes are those of
    `class_codes`, weights that are not trained unless `trainable=True`. Distances are differences
    of large numbers: give it `dtype="float32"` in a network of mixed precision.

    Args:
        units: Number of classes.

    Raises:
        UserError: If `units` is less than 1.
    """

    def __init__(self, units: int, trainable: bool = False, **arguments: Any):
        super().__init__(trainable=trainable, **arguments)
        if units < 1:
            raise UserError(f"RBF units: got {units}, must be at least 1")
        self.units = units

    def build(self, input_shape: Shape) -> None:
        """Creates the codes (features, units)."""
        self.codes = self.add_weight(
            shape=(input_shape[-1], self.units),
            initializer=lambda shape, dtype=None: class_codes(shape[1], shape[0]),
            name="codes",
        )

    def call(self, inputs: Any) -> Any:
        """Takes features (B, F) to (B, units)."""
        square = ops.sum(ops.square(inputs), axis=-1, keepdims=True)
        squares = ops.sum(ops.square(self.codes), axis=0)
        return 2 * ops.matmul(inputs, self.codes) - square - squares

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """(B, units)."""
        return (input_shape[0], self.units)

    def macs(self, input_shape: tuple[int, ...]) -> int:
        """Multiply-adds for one image (F,): one per component of each code."""
        return input_shape[-1] * self.units

    def get_config(self) -> dict[str, Any]:
        """Everything that `__init__` takes."""
        return {**super().get_config(), "units": self.units}
