"""What a training step cannot do without: multiplications, and numbers that pass through memory."""

from __future__ import annotations

from kerascnn.arithmetic import Analysis


def _trained(analysis: Analysis) -> dict[str, bool]:
    """Whether a gradient has to reach the map that a row gives, by the row's name."""
    reached: dict[str, bool] = {}
    for row in analysis.rows:
        reached[row.name] = row.parameters > 0 or any(reached[name] for name in row.inputs)
    return reached


def flops_per_image(analysis: Analysis) -> int:
    """Returns the floating point operations of weights in one training step, for one image.

    A multiply-add is two. Forward each layer takes its MACs; backward the same for the gradient of
    its weights, where they are trained, and for the gradient of its input, where that is used.
    """
    reached = _trained(analysis)
    macs = sum(
        row.macs * (1 + (row.weights > 0) + any(reached[name] for name in row.inputs))
        for row in analysis.rows
    )
    return 2 * macs


def bytes_per_image(analysis: Analysis, width: int) -> int:
    """Returns the bytes of maps that one training step moves at least, for one image.

    With everything pointwise done on the way, a map is written, read by the next layer, and read
    again for the gradient of that layer's weights; its own gradient is written and read. The images
    are only read.

    Args:
        analysis: Of the network.
        width: The bytes of a number in the maps.
    """
    reached = _trained(analysis)
    return sum(
        row.activations * width * (2 if not row.inputs else 5 if reached[row.name] else 3)
        for row in analysis.rows
    )


def bytes_per_step(analysis: Analysis) -> int:
    """Returns the bytes that training with momentum moves at least for its weights, in one step.

    Read forward and backward; the gradient written and read; the momentum read and written; the
    weight written. All in float32.
    """
    return 7 * 4 * analysis.parameters
