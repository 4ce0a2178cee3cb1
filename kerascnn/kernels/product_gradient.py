"""Convolution whose kernel's gradient is matrix products, where those are quicker."""

from __future__ import annotations

from typing import Any

from kerascnn.backend import keras, tf
from kerascnn.kernels.convolution import convolve, is_square

SMALL = 4  # sides of maps that products are quicker for in any case
NARROW = 64  # fewer channels, in or out, of larger maps: the copies take longer than the products


def by_cells(maps: tf.Tensor, upstream: tf.Tensor, sides: tuple[int, ...]) -> tf.Tensor:
    """Returns the gradient of a kernel at stride 1 with padding "same": a product for each cell.

    Args:
        maps: What the convolution was of, (B, H, W, C), float.
        upstream: The gradient of what it gave, (B, H, W, filters), float.
        sides: Of the kernel; odd, and no cell sees only padding.

    Returns:
        (*sides, C, filters).
    """
    height, width, channels = maps.shape[1:]
    filters = upstream.shape[3]

    def seen(size: int, offset: int) -> slice:
        return slice(max(offset, 0), size + min(offset, 0))

    products = [
        tf.matmul(
            tf.reshape(maps[:, seen(height, y), seen(width, x)], [-1, channels]),
            tf.reshape(upstream[:, seen(height, -y), seen(width, -x)], [-1, filters]),
            transpose_a=True,
        )
        for y in range(-(sides[0] // 2), sides[0] // 2 + 1)
        for x in range(-(sides[1] // 2), sides[1] // 2 + 1)
    ]
    return tf.reshape(tf.stack(products), (*sides, channels, filters))


def by_rows(maps: tf.Tensor, upstream: tf.Tensor, sides: tuple[int, ...]) -> tf.Tensor:
    """Returns the same as `by_cells`: a product for each row of the kernel.

    Rows of the images come first, (H, B, W, C), so that a shift by a row is a part of the tensor,
    not a copy. A product is of the maps at the kernel's columns, side by side, and of what came
    back.
    """
    _, height, width, channels = maps.shape
    filters = upstream.shape[3]
    edges = [[sides[0] // 2] * 2, [0, 0], [sides[1] // 2] * 2, [0, 0]]
    rows = tf.pad(tf.transpose(maps, [1, 0, 2, 3]), edges)
    columns = tf.concat([rows[:, :, shift : shift + width] for shift in range(sides[1])], axis=-1)
    upstream = tf.reshape(tf.transpose(upstream, [1, 0, 2, 3]), [-1, filters])
    products = [
        tf.matmul(
            tf.reshape(columns[shift : shift + height], [-1, sides[1] * channels]),
            upstream,
            transpose_a=True,
        )
        for shift in range(sides[0])
    ]
    return tf.reshape(tf.stack(products), (*sides, channels, filters))


def _suits(layer: keras.layers.Layer) -> bool:
    """Whether a layer of a model is what `ProductGradientConv2D` can compute."""
    if type(layer) not in (keras.layers.Conv2D, ProductGradientConv2D):
        return False
    return (
        layer.compute_dtype == "float32"
        and layer.data_format == "channels_last"
        and is_square(layer)
        and layer.kernel_size[0] > 1
        and None not in layer.input.shape[1:3]
    )


def has_small_maps(layer: keras.layers.Layer) -> bool:
    """Returns whether a model's layer is a convolution of maps of up to 4 by 4 cells.

    One in float32, of an odd square kernel at stride 1 with padding "same", of a known size.
    """
    return _suits(layer) and max(layer.input.shape[1:3]) <= SMALL


def is_wide(layer: keras.layers.Layer) -> bool:
    """Returns whether it is one of larger maps, with 64 channels or more, in and out."""
    return (
        _suits(layer)
        and max(layer.input.shape[1:3]) > SMALL
        and min(layer.input.shape[3], layer.filters) >= NARROW
    )


class ProductGradientConv2D(keras.layers.Conv2D):
    """`Conv2D` whose kernel's gradient is matrix products.

    The same weights and results, but for the last bits of the gradient. On processors with AVX2 and
    nothing newer, oneDNN takes up to three times as long for the kernel's gradient as for the
    convolution itself: by products, that of 16 maps of 7 by 7 with 512 channels takes half the
    time. It leaves small maps to a slow way, and convolves those of one cell with cells that see
    only padding: by products, 512 maps of 2 by 2 take a sixth of the time.
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Convolves maps (B, H, W, C)."""
        maps = tf.convert_to_tensor(inputs)
        size = maps.shape[1:3]
        of_kernel = by_cells if max(size) <= SMALL else by_rows
        kernel = _reached(tf.convert_to_tensor(kernel), *size)
        return convolve(maps, kernel, lambda x, upstream, shape: of_kernel(x, upstream, shape[:2]))


def _reached(kernel: tf.Tensor, height: int, width: int) -> tf.Tensor:
    """Returns the cells of an odd kernel that see more than padding on maps of that size."""
    middle = kernel.shape[0] // 2
    if min(height, width) > middle:
        return kernel
    rows, columns = (min(middle, size - 1) for size in (height, width))
    return kernel[middle - rows : middle + rows + 1, middle - columns : middle + columns + 1]
