"""Whether drawings are dark on light or light on dark."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_UNIFORM, _SHARE = 24.0, 0.6  # a ground: so much of the frame is within so many grey levels
_NEARLY_ALL = 0.9
_APART = 128.0  # levels between a light ground and a dark one


def ground(image: np.ndarray) -> float | None:
    """Returns the grey level of what a drawing is drawn on.

    Args:
        image: uint8 (H, W, 1 or 3).

    Returns:
        The median of its outermost pixels, 0..255; None where these differ, as in a photograph. A
        stroke may touch the edge.
    """
    levels = image.astype(np.float32).mean(axis=2)
    frame = np.concatenate([levels[0], levels[-1], levels[1:-1, 0], levels[1:-1, -1]])
    middle = float(np.median(frame))
    return middle if float((np.abs(frame - middle) <= _UNIFORM).mean()) >= _SHARE else None


def is_inverted(image: np.ndarray, examples: Sequence[np.ndarray]) -> bool:
    """Returns whether a drawing is dark on light where others are light on dark, or the reverse.

    Args:
        image: uint8 (H, W, 1 or 3).
        examples: The others: nearly all of those that have a ground must be of one kind.
    """
    own = ground(image)
    grounds = [level for example in examples if (level := ground(example)) is not None]
    if own is None or 2 * len(grounds) <= len(examples):
        return False
    usual = float(np.median(grounds))
    if np.mean(np.abs(np.array(grounds) - usual) < _APART / 2) < _NEARLY_ALL:
        return False
    return abs(own - usual) >= _APART and abs((255 - own) - usual) < _APART / 2
