"""Smoothing by matrices, and what needs it: Gaussian blur and elastic distortion."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from kerascnn.augment.draws import Draws
from kerascnn.augment.geometry import fold
from kerascnn.augment.operation import ColourOperation, Fill, Interval, PixelOperation, within
from kerascnn.backend import tf


def gaussian_matrices(sigma: tf.Tensor, size: int, *, normalized: bool) -> tf.Tensor:
    """Returns (B, size, size) whose product with a column of pixels blurs it.

    Args:
        sigma: float32 (B,), pixels.
        size: Pixels in the column.
        normalized: Weights inside the image sum to 1; otherwise zeros lie beyond the edge.
    """
    places = tf.range(size, dtype=tf.float32)
    distance = tf.abs(places[:, None] - places[None])
    sigma = sigma[:, None, None]
    weights = tf.exp(-0.5 * tf.square(distance / sigma))
    weights = tf.where(distance <= tf.floor(4.0 * sigma + 0.5), weights, 0.0)  # SciPy's truncation
    if normalized:
        return weights / tf.reduce_sum(weights, axis=2, keepdims=True)
    # The full kernel's sum: the widest that fits the truncation, not only what lies inside.
    taps = tf.range(-4 * size, 4 * size + 1, dtype=tf.float32)
    kernel = tf.exp(-0.5 * tf.square(taps / sigma))
    kernel = tf.where(tf.abs(taps) <= tf.floor(4.0 * sigma + 0.5), kernel, 0.0)
    return weights / tf.reduce_sum(kernel, axis=2, keepdims=True)


def blur(images: tf.Tensor, sigma: tf.Tensor) -> tf.Tensor:
    """Returns float images (B, H, W, C) blurred by Gaussians of width sigma (B,), pixels."""
    height, width, channels = images.shape[1:]
    down = gaussian_matrices(sigma, height, normalized=True)
    across = gaussian_matrices(sigma, width, normalized=True)
    blurred = tf.matmul(down, tf.reshape(images, (-1, height, width * channels)))
    blurred = tf.reshape(blurred, (-1, height, width, channels))
    if channels == 1:
        return tf.matmul(blurred[..., 0], across, transpose_b=True)[..., None]
    return tf.einsum("bhwc,bvw->bhvc", blurred, across)


def displacement(field: tf.Tensor, sigma: float) -> tf.Tensor:
    """Returns a random field (B, H, W) in [-1, 1] smoothed by a Gaussian of width sigma."""
    height, width = field.shape[1:]
    down = gaussian_matrices(tf.constant([sigma]), height, normalized=False)[0]
    across = gaussian_matrices(tf.constant([sigma]), width, normalized=False)[0]
    rows = tf.tensordot(field, across, axes=[[2], [1]])  # (B, H, W)
    return tf.einsum("ih,bhw->biw", down, rows)


def sample(images: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor, fill: Fill) -> tf.Tensor:
    """Returns uint8 images (B, H, W, C) read at places between pixels.

    Args:
        images: uint8 (B, H, W, C).
        rows: float32 (B, H, W), where each pixel comes from.
        columns: float32 (B, H, W).
        fill: Fill mode and interpolation.
    """
    height, width, channels = images.shape[1:]
    batch = tf.shape(images)[0]
    pixels = tf.reshape(images, (-1, channels))
    first = (tf.range(batch) * (height * width))[:, None, None]

    def read(row: tf.Tensor, column: tf.Tensor) -> tf.Tensor:
        index = first + fold(row, height, fill.fill) * width + fold(column, width, fill.fill)
        # gather_nd: for slices as short as a pixel it takes half the time of gather.
        value = tf.cast(tf.gather_nd(pixels, index[..., None]), tf.float32)
        if fill.fill != "constant":
            return value
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        return tf.where(inside[..., None], value, float(fill.fill_value))

    if fill.interpolation == "nearest":
        nearest = [tf.cast(tf.round(value), tf.int32) for value in (rows, columns)]
        return tf.cast(read(*nearest), tf.uint8)
    top, left = tf.floor(rows), tf.floor(columns)
    down, right = (rows - top)[..., None], (columns - left)[..., None]
    top, left = tf.cast(top, tf.int32), tf.cast(left, tf.int32)
    upper = read(top, left) * (1 - right) + read(top, left + 1) * right
    lower = read(top + 1, left) * (1 - right) + read(top + 1, left + 1) * right
    return tf.cast(upper * (1 - down) + lower * down + 0.5, tf.uint8)


class Blur(ColourOperation, name="blur"):
    """Blurs with a Gaussian of this width in pixels."""

    sigma: Annotated[Interval, AfterValidator(within(0.01, 100))] = (0.1, 2.0)

    def apply(self, images: tf.Tensor, random: Draws) -> tf.Tensor:
        """Blurs."""
        return blur(images, random.between(1, self.sigma, 1e-3))  # 1e-3: no neighbour counts


class Elastic(PixelOperation, name="elastic"):
    """Moves each pixel by smoothed noise, `alpha` pixels times a Gaussian blur of width `sigma`.

    Simard, Steinkraus and Platt 2003, section 2.
    """

    alpha: Annotated[Interval, AfterValidator(within(0, 10_000))] = (34.0, 34.0)
    sigma: float = Field(4.0, ge=0.1, le=100)

    def apply(self, images: tf.Tensor, random: Draws, fill: Fill) -> tf.Tensor:
        """Distorts."""
        height, width = images.shape[1:3]
        alpha = random.between(1, self.alpha, 0.0)[:, None, None]

        def moved(stream: int) -> tf.Tensor:
            field = tf.reshape(random.field(height * width, stream), (-1, height, width))
            return alpha * displacement(2.0 * field - 1.0, self.sigma)

        rows = tf.range(height, dtype=tf.float32)[None, :, None] + moved(0)
        columns = tf.range(width, dtype=tf.float32)[None, None, :] + moved(1)
        return sample(images, rows, columns, fill)
