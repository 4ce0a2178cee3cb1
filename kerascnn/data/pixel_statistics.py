"""Mean and standard deviation of pixels, as networks subtract and divide by them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PixelStatistics:
    """Per-channel mean and standard deviation of the training images, in units of 0..255."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def default(cls, channels: int) -> PixelStatistics:
        """What is used where no data is at hand: ImageNet's for RGB, mid-grey otherwise."""
        if channels == 3:
            return cls((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
        return cls((127.5,) * channels, (64.0,) * channels)
