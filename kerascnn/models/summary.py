"""A registered network, counted without giving its weights memory."""

from __future__ import annotations

from typing import Any

from kerascnn.arithmetic import Analysis, analyze
from kerascnn.models.build import build_model
from kerascnn.models.spec import ModelSpec


def summarize(
    name: str,
    *,
    input_shape: tuple[int, int, int] | None = None,
    classes: int | None = None,
    **options: Any,
) -> Analysis:
    """Counts a network layer by layer.

    Args:
        name: Of the network.
        input_shape: (height, width, channels); the paper's own if None.
        classes: The paper's own number if None.
        **options: The network's own.

    Raises:
        UserError: As `build_model`.
    """
    entry = ModelSpec(name=name).entry
    model = build_model(
        name,
        input_shape=entry.input_shape if input_shape is None else input_shape,
        classes=entry.classes if classes is None else classes,
        abstract=True,
        **options,
    )
    return analyze(model)
