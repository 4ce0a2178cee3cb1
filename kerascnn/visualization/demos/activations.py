"""The activation functions and their derivatives."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from pydantic import Field

from kerascnn.lectures.activations import FORMULAS, Curve, curve
from kerascnn.visualization.kinds import Demo
from kerascnn.visualization.picture import Picture
from kerascnn.visualization.writing import in_style, new_figure

_COLUMNS = 4


@in_style
def draw_activations(x: np.ndarray, curves: Mapping[str, Curve]) -> Figure:
    """Draws each function in a panel of its own, with its derivative.

    Args:
        x: (N,).
        curves: By name, at x.
    """
    rows = -(-len(curves) // _COLUMNS)
    figure = new_figure(2.9 * _COLUMNS, 2.5 * rows + 0.7)
    figure.suptitle("Activation functions f, and their derivatives f'", weight="bold")
    panels = figure.subplots(rows, _COLUMNS, sharex=True, sharey=True, squeeze=False)
    for axes in panels.flat[len(curves) :]:
        axes.set_axis_off()
    for axes, (name, found) in zip(panels.flat, curves.items(), strict=False):
        axes.axhline(0, color="#b0b0b0", lw=0.8)
        axes.axvline(0, color="#b0b0b0", lw=0.8)
        axes.plot(x, found.values, label="f")
        axes.plot(x, found.derivatives, "--", label="f'")
        axes.set_title(f"{name}\n{FORMULAS[name]}", fontsize=8)
        axes.set(xlim=(x[0], x[-1]), ylim=(-2.1, 3.1))
    panels[0, 0].legend(loc="upper left")
    return figure


class Activations(Demo, name="activations"):
    """The activation functions and their derivatives.

    Those that the networks have as an option, and those that are layers.
    """

    span: float = Field(4.0, ge=1, le=20, description="x goes from -SPAN to SPAN")

    def picture(self, images: tuple[str, ...] = ()) -> Picture:
        """Draws it."""
        x = np.linspace(-self.span, self.span, 801)
        curves = {name: curve(name, x) for name in FORMULAS}
        lines = [f"derivative at {x[0]:g}, its largest, and at {x[-1]:g}:"]
        arrays = {"x": x}
        for name, found in curves.items():
            slopes = found.derivatives
            lines.append(f"  {name:12} {slopes[0]:7.4f} {slopes.max():7.4f} {slopes[-1]:7.4f}")
            arrays |= {name: found.values, f"{name}_derivative": slopes}
        return Picture((draw_activations(x, curves),), arrays, tuple(lines), chart=True)
