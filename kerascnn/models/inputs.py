"""From raw pixels to a network's input: the first layers of every model."""

from __future__ import annotations

from kerascnn.backend import keras
from kerascnn.data.pixel_statistics import PixelStatistics
from kerascnn.errors import UserError
from kerascnn.models.registry import Normalization

# Of red, green and blue, as the authors of VGG published it and keras.applications subtracts it.
IMAGENET_MEAN = (123.68, 116.779, 103.939)


def apply_normalization(
    images: keras.KerasTensor, normalization: Normalization, statistics: PixelStatistics
) -> keras.KerasTensor:
    """Turns raw pixels (B, H, W, C), uint8 or 0..255 floats, into the network's input.

    Args:
        images: Raw pixels.
        normalization: "unit": 0..1. "standardize": zero mean and unit variance per channel.
            "center": minus the channel's mean, still in units of 0..255 (AlexNet, VGG).
            "imagenet": minus ImageNet's mean, as its pretrained weights want it.
            "lenet": background -0.1 and ink 1.175 (LeCun et al. 1998). "none": as they are.
        statistics: The statistics of the training images.

    Raises:
        UserError: For "imagenet" and images that have not three channels.
    """
    if normalization == "unit":
        return keras.layers.Rescaling(1 / 255, name="pixels")(images)
    if normalization == "lenet":
        return keras.layers.Rescaling(1.275 / 255, offset=-0.1, name="pixels")(images)
    if normalization == "none":
        return keras.layers.Rescaling(1.0, name="pixels")(images)
    if normalization == "imagenet":
        if images.shape[-1] != len(IMAGENET_MEAN):
            raise UserError(
                f"model.normalization: imagenet is for three channels, got {images.shape[-1]}: "
                "data.colour=rgb repeats grey images"
            )
        statistics = PixelStatistics(IMAGENET_MEAN, (1.0, 1.0, 1.0))
    std = statistics.std if normalization == "standardize" else (1.0,) * len(statistics.std)
    # A channel that never changes (std 0) is centred only.
    variance = [value * value or 1.0 for value in std]
    return keras.layers.Normalization(
        axis=-1, mean=list(statistics.mean), variance=variance, name="pixels"
    )(images)
