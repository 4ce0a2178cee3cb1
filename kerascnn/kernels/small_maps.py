"""Convolution of small maps whose gradient is fast on processors with bfloat16 matrix units."""

from __future__ import annotations

from typing import Any

from kerascnn.backend import keras, tf
from kerascnn.kernels.convolution import SAME, convolve, is_square

_WIDTH = 32  # of a row that fills the matrix unit


def beside_one_another(maps: tf.Tensor, count: int, gap: int) -> tf.Tensor:
    """Lays images side by side, with columns of zeros between them.

    Args:
        maps: (B, H, W, C).
        count: Images in a row; where it does not divide B, the last ones are zeros.
        gap: Columns of zeros between two.

    Returns:
        (ceil(B / count), H, count * (W + gap) - gap, C).
    """
    size = tf.shape(maps)[0]
    rows = (size + count - 1) // count
    maps = tf.pad(maps, [[0, rows * count - size], [0, 0], [0, 0], [0, 0]])
    between = tf.zeros((rows, maps.shape[1], gap, maps.shape[3]), maps.dtype)
    parts = [maps[rows * i : rows * (i + 1)] for i in range(count)]
    return tf.concat([part for images in parts for part in (images, between)][:-1], axis=2)


class SmallMapConv2D(keras.layers.Conv2D):
    """`Conv2D` whose kernel's gradient sees several images side by side.

    The same weights and results. In bfloat16 on a CPU, oneDNN sums the gradient row by row, and a
    row of 7 or 3 cells leaves most of its matrix unit empty: with a row of some 30 cells, of
    images next to one another, it takes half to a quarter of the time. Only for odd square kernels
    at stride 1 with padding "same"; everything else goes Keras's way.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Convolves maps (B, H, W, C)."""
        gap = self.kernel_size[0] // 2
        count = _WIDTH // (inputs.shape[2] + gap) if inputs.shape[2] else 1
        if count <= 2 or not is_square(self):
            return super().convolution_op(inputs, kernel)

        def of_kernel(maps: tf.Tensor, upstream: tf.Tensor, shape: tuple[int, ...]) -> tf.Tensor:
            return tf.raw_ops.Conv2DBackpropFilter(
                input=beside_one_another(maps, count, gap),
                filter_sizes=shape,
                out_backprop=beside_one_another(upstream, count, gap),
                **SAME,
            )

        return convolve(tf.convert_to_tensor(inputs), tf.convert_to_tensor(kernel), of_kernel)
