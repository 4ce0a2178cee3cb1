"""Convolution of small maps whose gradient is fast on processors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerascnn.backend import keras, tf

_WIDTH = 32  # of a row that fills the matrix unit
_SAME = {"strides": [1, 1, 1, 1], "padding": "SAME"}
_SMALL = 4  # sides of maps whose gradient is quicker as products of matrices, in float32


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


def kernel_gradient(maps: tf.Tensor, upstream: tf.Tensor, sides: tuple[int, int]) -> tf.Tensor:
    """Returns the gradient of a kernel as a product of matrices for each of its cells.

    Args:
        maps: (B, H, W, C), what is convolved at stride 1 with padding "same".
        upstream: (B, H, W, F), the gradient of the result.
        sides: Of the kernel, odd, with no cell that sees only padding.

    Returns:
        (*sides, C, F).
    """
    height, width, channels = maps.shape[1:]
    filters = upstream.shape[3]

    def seen(size: int, offset: int) -> slice:
        return slice(max(offset, 0), size + min(offset, 0))

    products = [
        tf.matmul(
            tf.reshape(maps[:, seen(height, y), seen(width, x)], (-1, channels)),
            tf.reshape(upstream[:, seen(height, -y), seen(width, -x)], (-1, filters)),
            transpose_a=True,
        )
        for y in range(-(sides[0] // 2), sides[0] // 2 + 1)
        for x in range(-(sides[1] // 2), sides[1] // 2 + 1)
    ]
    return tf.reshape(tf.stack(products), (*sides, channels, filters))


def _reached(kernel: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """Returns the cells of an odd kernel that see more than padding on maps of that size."""
    middle = kernel.shape[0] // 2
    if min(height, width) > middle:
        return kernel
    rows, columns = (min(middle, size - 1) for size in (height, width))
    return kernel[middle - rows : middle + rows + 1, middle - columns : middle + columns + 1]


def _convolve(
    maps: tf.Tensor, kernel: tf.Tensor, of_kernel: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
) -> tf.Tensor:
    """Convolves with a gradient of the kernel of one's own, of maps and the result's gradient."""

    @tf.custom_gradient
    def convolve(maps: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Any]:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            of_maps = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=tf.shape(maps), filter=kernel, out_backprop=upstream, **_SAME
            )
            return of_maps, of_kernel(maps, upstream)

        return tf.nn.conv2d(maps, kernel, strides=1, padding="SAME"), gradient

    return convolve(maps, kernel)


def _convolve_beside(maps: tf.Tensor, kernel: tf.Tensor, count: int) -> tf.Tensor:
    def of_kernel(maps: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
        gap = kernel.shape[0] // 2
        return tf.raw_ops.Conv2DBackpropFilter(
            input=beside_one_another(maps, count, gap),
            filter_sizes=kernel.shape,
            out_backprop=beside_one_another(upstream, count, gap),
            **_SAME,
        )

    return _convolve(maps, kernel, of_kernel)


def _convolve_by_products(maps: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    kernel = _reached(kernel, *maps.shape[1:3])
    sides = kernel.shape[0], kernel.shape[1]
    return _convolve(maps, kernel, lambda x, upstream: kernel_gradient(x, upstream, sides))


class SmallMapConv2D(keras.layers.Conv2D):
    """`Conv2D` whose kernel's gradient does not suffer from small maps on a CPU.

    The same weights and results. In bfloat16 oneDNN sums the gradient row by row, and a row of 7
    or 3 cells leaves most of its matrix unit empty: with a row of some 30 cells, of images next to
    one another, it takes half to a quarter of the time. In float32 maps of up to 4 cells a side are
    left to a slow way, and those of one cell are convolved with cells that see only padding: as a
    product of matrices for each cell of the kernel that sees more, the gradient of 512 maps of 2
    by 2 takes a sixth of the time. Only for odd square kernels at stride 1 with padding "same";
    everything else goes Keras's way.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Convolves maps (B, H, W, C)."""
        side, gap = self.kernel_size[0], self.kernel_size[0] // 2
        height, width = inputs.shape[1:3]
        suits = (
            height is not None
            and width is not None
            and self.padding == "same"
            and side % 2 == 1
            and self.kernel_size == (side, side)
            and {*self.strides, *self.dilation_rate, self.groups} == {1}
        )
        if suits and self.compute_dtype == "float32" and side > 1 and max(height, width) <= _SMALL:
            return _convolve_by_products(tf.convert_to_tensor(inputs), tf.convert_to_tensor(kernel))
        count = _WIDTH // (width + gap) if suits else 1
        if self.compute_dtype == "float32" or count <= 2:
            return super().convolution_op(inputs, kernel)
        return _convolve_beside(tf.convert_to_tensor(inputs), tf.convert_to_tensor(kernel), count)
