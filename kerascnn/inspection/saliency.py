"""Which pixels an answer depends on: four kinds of derivatives of a logit."""

from __future__ import annotations

import numpy as np

from kerascnn.backend import keras, tf
from kerascnn.inspection.backward import Rule, with_backward
from kerascnn.inspection.layers import images_at_once

_POINTS = 64  # images that are made at once


class PixelGradients:
    """The derivatives of logits with respect to pixels, of a network that is called often.

    Args:
        model: Functional, from uint8 images (B, H, W, C) to logits.
        rule: What a ReLU passes back: "gradient" for derivatives (Simonyan et al. 2013), "guided"
            for guided backpropagation (Springenberg et al. 2014).
    """

    def __init__(self, model: keras.Model, rule: Rule = "gradient"):
        network = with_backward(model, rule)

        def look(pixels: tf.Tensor, classes: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            with tf.GradientTape() as tape:
                tape.watch(pixels)
                scores = tf.gather(network(pixels, training=False), classes, batch_dims=1)
            return tape.gradient(scores, pixels), scores

        self._look = tf.function(look, reduce_retracing=True)
        self._at_once = images_at_once(model)

    def __call__(self, pixels: np.ndarray, targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the derivatives (N, H, W, C), per unit of 0..255, and the logits (N,), float32.

        Args:
            pixels: Images, 0..255, (N, H, W, C).
            targets: The class whose logit is meant, of each, (N,).
        """
        parts = []
        for start in range(0, len(pixels), self._at_once):
            some = slice(start, start + self._at_once)
            parts.append(
                self._look(tf.constant(pixels[some], tf.float32), tf.constant(targets[some]))
            )
        gradients, scores = (np.concatenate(found) for found in zip(*parts, strict=True))
        return gradients, scores


def integrated_gradients(
    gradients: PixelGradients,
    image: np.ndarray,
    target: int,
    *,
    baseline: np.ndarray | float = 0.0,
    steps: int = 64,
) -> tuple[np.ndarray, float, float]:
    """Shares out a logit among the pixels: the derivatives along the way from another image.

    (x - x') times the mean of the derivatives at `steps` points between x' and x, each in the
    middle of its part of the way (Sundararajan et al. 2017, equation 3). What the pixels get adds
    up to the difference of the logits, but for the error of a finite number of steps.

    Args:
        gradients: Of the network.
        image: 0..255, (H, W, C).
        target: The class.
        baseline: x', where the way begins: (H, W, C), or what fits to it.
        steps: Points on the way.

    Returns:
        What each value of the image gets, float32 (H, W, C); the logit of the image; and that of
        the baseline.
    """
    end = image.astype(np.float32)
    start = np.broadcast_to(np.asarray(baseline, np.float32), end.shape)
    total = np.zeros(end.shape, np.float64)
    middles = (np.arange(steps) + 0.5) / steps
    for some in np.array_split(middles, -(-steps // _POINTS)):
        points = start + some.astype(np.float32)[:, None, None, None] * (end - start)
        slopes, _ = gradients(points, np.full(len(points), target))
        total += slopes.sum(axis=0, dtype=np.float64)
    _, (reached, begun) = gradients(np.stack([end, start]), np.full(2, target))
    return ((end - start) * total / steps).astype(np.float32), float(reached), float(begun)


def smooth_gradient(
    gradients: PixelGradients,
    image: np.ndarray,
    target: int,
    *,
    samples: int = 32,
    noise: float = 0.15,
    seed: int = 0,
) -> np.ndarray:
    """Returns the mean of the derivatives at an image with noise on it, float32 (H, W, C).

    Smilkov et al. 2017, SmoothGrad.

    Args:
        gradients: Of the network.
        image: 0..255, (H, W, C).
        target: The class.
        samples: Noisy images.
        noise: Standard deviation of the noise, as a share of the image's range of values.
        seed: Of the noise.
    """
    generator = np.random.default_rng(seed)
    spread = noise * float(np.ptp(image))
    total = np.zeros(image.shape, np.float64)
    for start in range(0, samples, _POINTS):
        count = min(_POINTS, samples - start)
        noisy = image + generator.normal(0, spread, (count, *image.shape))
        slopes, _ = gradients(noisy, np.full(count, target))
        total += slopes.sum(axis=0, dtype=np.float64)
    return (total / samples).astype(np.float32)
