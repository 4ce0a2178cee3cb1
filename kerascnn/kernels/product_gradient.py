"""Convolution whose kernel's gradient is matrix products, where those are quicker."""

from __future__ import annotations

from typing import Any

from kerascnn.backend import keras, tf

NARROW = 64  # fewer channels, in or out: the copies take longer than the products


def kernel_gradient(maps: tf.Tensor, upstream: tf.Tensor, side: int) -> tf.Tensor:
    """Returns the gradient of a kernel at stride 1 with padding "same".

    Rows of images come first, (H, B, W, C), so that a shift by a row is a part of the tensor, not a
    copy. Each row of the kernel is then one product: of the maps at its columns, side by side, and
    what came back.

    Args:
        maps: What the convolution was of, (B, H, W, C), float.
        upstream: The gradient of what it gave, (B, H, W, filters), float.
        side: Of the kernel; odd.

    Returns:
        (side, side, C, filters).
    """
    edge = side // 2
    _, height, width, channels = maps.shape
    filters = upstream.shape[3]
    rows = tf.pad(tf.transpose(maps, [1, 0, 2, 3]), [[edge, edge], [0, 0], [edge, edge], [0, 0]])
    columns = tf.concat([rows[:, :, shift : shift + width] for shift in range(side)], axis=-1)
    upstream = tf.reshape(tf.transpose(upstream, [1, 0, 2, 3]), [-1, filters])
    products = [
        tf.matmul(
            tf.reshape(columns[shift : shift + height], [-1, side * channels]),
            upstream,
            transpose_a=True,
        )
        for shift in range(side)
    ]
    return tf.reshape(tf.stack(products), (side, side, channels, filters))


def takes_products(layer: keras.layers.Layer) -> bool:
    """Returns whether a model's layer is a convolution that `ProductGradientConv2D` can compute.

    One in float32, of an odd square kernel at stride 1 with padding "same", with 64 channels or
    more on both sides, of maps whose size is known.
    """
    if type(layer) not in (keras.layers.Conv2D, ProductGradientConv2D):
        return False
    side = layer.kernel_size[0]
    return (
        layer.compute_dtype == "float32"
        and layer.data_format == "channels_last"
        and layer.padding == "same"
        and layer.kernel_size == (side, side)
        and side % 2 == 1
        and side > 1
        and {*layer.strides, *layer.dilation_rate, layer.groups} == {1}
        and min(layer.input.shape[3], layer.filters) >= NARROW
        and None not in layer.input.shape[1:3]
    )


class ProductGradientConv2D(keras.layers.Conv2D):
    """`Conv2D` whose kernel's gradient is the sum of matrix products.

    The same weights and results, but for the last bits of the gradient. On processors with AVX2 and
    nothing newer, oneDNN takes up to three times as long for the kernel's gradient as for the
    convolution itself. A network is given these where all its steps were measured to be faster
    with them (`kerascnn.training.measured_computation`).
    """

    def convolution_op(self, inputs: Any, kernel: Any) -> Any:
        """Convolves maps (B, H, W, C)."""
        same = {"strides": [1, 1, 1, 1], "padding": "SAME"}

        @tf.custom_gradient
        def convolve(maps: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Any]:
            def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
                of_maps = tf.raw_ops.Conv2DBackpropInput(
                    input_sizes=tf.shape(maps), filter=kernel, out_backprop=upstream, **same
                )
                return of_maps, kernel_gradient(maps, upstream, kernel.shape[0])

            return tf.nn.conv2d(maps, kernel, strides=1, padding="SAME"), gradient

        return convolve(tf.convert_to_tensor(inputs), tf.convert_to_tensor(kernel))
