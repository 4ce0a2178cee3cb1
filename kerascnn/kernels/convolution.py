"""Convolution of maps whose kernel's gradient is one's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kerascnn.backend import keras, tf

SAME = {"strides": [1, 1, 1, 1], "padding": "SAME"}

KernelGradient = Callable[[tf.Tensor, tf.Tensor, tuple[int, ...]], tf.Tensor]


def is_square(layer: keras.layers.Conv2D) -> bool:
    """Returns whether a layer's kernel is square and odd, at stride 1 with padding "same"."""
    side = layer.kernel_size[0]
    return (
        layer.padding == "same"
        and layer.kernel_size == (side, side)
        and side % 2 == 1
        and {*layer.strides, *layer.dilation_rate, layer.groups} == {1}
    )


def convolve(maps: tf.Tensor, kernel: tf.Tensor, of_kernel: KernelGradient) -> tf.Tensor:
    """Convolves at stride 1 with padding "same".

    Args:
        maps: (B, H, W, C).
        kernel: (height, width, C, filters).
        of_kernel: Gives the kernel's gradient, of the maps, what came back, (B, H, W, filters), and
            the kernel's shape.
    """

    @tf.custom_gradient
    def convolved(maps: tf.Tensor, kernel: tf.Tensor) -> tuple[tf.Tensor, Any]:
        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            of_maps = tf.raw_ops.Conv2DBackpropInput(
                input_sizes=tf.shape(maps), filter=kernel, out_backprop=upstream, **SAME
            )
            return of_maps, of_kernel(maps, upstream, tuple(kernel.shape))

        return tf.nn.conv2d(maps, kernel, strides=1, padding="SAME"), gradient

    return convolved(maps, kernel)
