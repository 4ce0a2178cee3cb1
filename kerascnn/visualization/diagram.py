"""A network's block graph in the style of the papers' figures.

Boxes are as high as the side of their feature map and as wide as its channels, both on a log scale.
Branches stand side by side, the flow goes down and on at the top of the next column. A framed
block with "3 x" stands for three equal ones.
"""

from __future__ import annotations

import math
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path as Curve

from kerascnn.arithmetic import Analysis
from kerascnn.arithmetic.table import short
from kerascnn.visualization.block_graph import blocks
from kerascnn.visualization.block_layout import Box, Layout, is_sum, label, lay_out
from kerascnn.visualization.writing import in_style, new_figure

_FILLS = (
    ("pool", "#f4b9b3"),
    ("spp", "#f4b9b3"),
    ("subsampling", "#f4b9b3"),
    ("conv", "#b7d3f2"),
    ("local", "#c9c3ee"),
    ("fc", "#fbe29b"),
    ("rbf", "#fbe29b"),
    ("lrn", "#d6e4c4"),
    ("lcn", "#d6e4c4"),
    ("concat", "#bfe3c0"),
)
_OTHER = "#eceff1"
_LINE = "#37474f"
_FAINT = "#78909c"


@in_style
def draw_diagram(analysis: Analysis) -> Figure:
    """Draws the block graph of a network.

    Args:
        analysis: The analysis of the network.
    """
    layout = lay_out(blocks(analysis))
    figure = new_figure(layout.width, layout.height, dpi=150, layout=None)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, layout.width)
    axes.set_ylim(layout.height, 0)
    for frame in layout.frames:
        _frame(axes, *frame)
    for box in layout.boxes.values():
        for name in box.row.inputs:
            _edge(axes, layout, layout.boxes[layout.aliases.get(name, name)], box)
        _box(axes, box)
    for x, y, text in layout.notes:
        axes.text(x, y, text, fontsize=6.5, color=_FAINT, va="center", fontweight="bold")
    costs = f"{analysis.parameters:,} parameters, {short(analysis.macs)} MACs"
    axes.text(0.12, 0.27, analysis.name, fontsize=11, fontweight="bold", color=_LINE)
    axes.text(0.3 + 0.1 * len(analysis.name), 0.27, costs, fontsize=8, color=_FAINT)
    return figure


def _line(axes: Axes, points: list[tuple[float, float]]) -> None:
    """A line with rounded corners."""
    vertices, codes = [points[0]], [Curve.MOVETO]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        steps = []
        for other in (before, after):
            length = math.dist(corner, other)
            part = min(0.07, length / 2) / length if length else 0
            steps.append(
                (
                    corner[0] + (other[0] - corner[0]) * part,
                    corner[1] + (other[1] - corner[1]) * part,
                )
            )
        vertices += [steps[0], corner, steps[1]]
        codes += [Curve.LINETO, Curve.CURVE3, Curve.CURVE3]
    vertices.append(points[-1])
    codes.append(Curve.LINETO)
    axes.add_patch(
        FancyArrowPatch(
            path=Curve(vertices, codes),
            arrowstyle="-|>",
            mutation_scale=6,
            linewidth=0.8,
            color=_LINE,
            shrinkA=0,
            shrinkB=0,
            zorder=1,
        )
    )


def _edge(axes: Axes, layout: Layout, source: Box, target: Box) -> None:
    lane = layout.lanes.get(target.row.name)
    start, end = (source.x, source.bottom), (target.x, target.y)
    # A concatenation is drawn as wide as its branches, so that they run straight through it.
    if source.row.kind == "concat" and abs(target.x - source.x) < source.width / 2:
        start = (target.x, source.bottom)
    if target.row.kind == "concat" and abs(source.x - target.x) < target.width / 2:
        end = (source.x, target.y)
    if lane is not None and source.row.name == layout.entries[target.row.name]:
        end = (target.x + target.width / 2, target.y + target.height / 2)
        after = [(lane, end[1]), end]
        sideways = lane
    elif target.row.inputs[1:]:
        after = [(start[0], target.y - 0.12), (end[0], target.y - 0.12), end]
        sideways = start[0]
    else:
        after = [end]
        sideways = end[0]
    if target.y < source.bottom and target.row.name in layout.turns:
        # On to the next column, above everything in it.
        gutter, top = layout.turns[target.row.name]
        low = source.bottom + source.leave
        before = [(source.x, source.bottom), (source.x, low), (gutter, low), (gutter, top)]
        if lane is None or sideways != lane:
            sideways, after = end[0], [end]
        before.append((sideways, top))
    elif abs(start[0] - sideways) < 1e-6:
        before = [start]
    else:
        turn = source.bottom + source.leave
        before = [start, (start[0], turn), (sideways, turn)]
    _line(axes, before + after)


def _rounded(
    axes: Axes, left: float, top: float, width: float, height: float, **style: Any
) -> None:
    corner = style.pop("corner")
    shape = f"round,pad=0,rounding_size={corner}"
    axes.add_patch(FancyBboxPatch((left, top), width, height, boxstyle=shape, **style))


def _frame(axes: Axes, left: float, top: float, width: float, height: float, repeat: int) -> None:
    """Around a block that stands for several."""
    style = {"facecolor": "#fafafa", "edgecolor": _FAINT, "linewidth": 0.8, "zorder": 0}
    _rounded(axes, left, top, width, height, corner=0.08, linestyle=(0, (3, 2)), **style)
    times = f"{repeat} \N{MULTIPLICATION SIGN}"
    axes.text(left + 0.06, top + height - 0.08, times, fontsize=9, fontweight="bold", color=_LINE)


def _box(axes: Axes, box: Box) -> None:
    middle = box.y + box.height / 2
    text: dict[str, Any] = {"ha": "center", "va": "center", "zorder": 3}
    if is_sum(box.row):
        style = {"facecolor": "white", "edgecolor": _LINE, "lw": 0.8, "zorder": 2}
        axes.add_patch(Circle((box.x, middle), box.width / 2, **style))
        axes.text(box.x, middle, "+", fontsize=9, **text)
        return
    words = box.row.kind.lower()
    fill = next((fill for word, fill in _FILLS if word in words), _OTHER)
    style = {"facecolor": fill, "edgecolor": _LINE, "linewidth": 0.6, "zorder": 2}
    left = box.x - box.width / 2
    _rounded(axes, left, box.y, box.width, box.height, corner=0.04, **style)
    if words in ("concat", "input"):
        axes.text(box.x, middle, label(box.row), fontsize=6.5, **text)
    else:
        axes.text(box.x, middle - 0.06, label(box.row), fontsize=6.5, **text)
        axes.text(box.x, middle + 0.07, box.row.name, fontsize=5, color="#455a64", **text)
