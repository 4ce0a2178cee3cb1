"""A network's block graph in the style of the papers' figures.

Boxes are as high as the side of their feature map and as wide as its channels, both on a log scale.
Branches stand side by side, the flow goes down and on at the top of the next column. A framed
block with "3 x" stands for three equal ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from kerascnn.arithmetic import Analysis, Row
from kerascnn.arithmetic.table import by, short
from kerascnn.errors import UserError
from kerascnn.visualization.block_graph import Block, Branch, blocks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# All lengths are in inches.
_GAP = 0.2  # between a box and the one below
_ASIDE = 0.16  # between branches
_MARGIN = 0.55  # left of a column, for the sizes of the maps
_GUTTER = 0.35  # between columns
_FRAME = 0.13  # around repeated blocks
_LANE = 0.22  # for a shortcut, right of the branches
_ASPECT = 1.5  # width to height that the columns are chosen for

_FILLS = (
    ("input", "#eceff1"),
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
_LINE = "#37474f"
_FAINT = "#78909c"


@dataclass
class _Box:
    """A layer with its place: centre x, top y (downwards), width and height."""

    row: Row
    x: float
    y: float
    width: float
    height: float

    @property
    def bottom(self) -> float:
        return self.y + self.height


@dataclass
class _Drawing:
    boxes: dict[str, _Box] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)  # of layers left out: who stands for them
    frames: list[tuple[float, float, float, float, int]] = field(default_factory=list)
    lanes: dict[str, float] = field(default_factory=dict)  # x of the shortcut into a layer
    entries: dict[str, str] = field(default_factory=dict)  # the layer where that shortcut starts
    turns: dict[str, tuple[float, float]] = field(default_factory=dict)  # into a new column: x, y
    notes: list[tuple[float, float, str]] = field(default_factory=list)  # sizes, in the margin


def _is_sum(row: Row) -> bool:
    return row.kind == "add"


def _label(row: Row) -> str:
    """As in the papers: "3x3 conv, 64, /2"."""
    if row.kind == "input":
        return "input " + by(row.output_shape)
    if row.kind == "concat":
        return f"concat, {row.output_shape[-1]}"
    window, _, stride = row.window.partition("/")
    words = [f"{window} {row.kind.removeprefix('ceil ')}".strip()]
    if row.weights or row.fully_connected:
        words.append(str(row.output_shape[-1]))
    if stride:
        words.append(f"/{stride}")
    if row.groups > 1:
        words.append(f"{row.groups} groups")
    return ", ".join(words)


def _size(row: Row) -> tuple[float, float]:
    if _is_sum(row):
        return 0.2, 0.2
    side = max(row.output_shape[:2]) if len(row.output_shape) == 3 else 1
    width = 0.4 + 0.11 * math.log2(max(row.output_shape[-1], 1))
    text = 0.2 + 0.058 * max(len(_label(row)), 0.8 * len(row.name))
    if row.kind == "concat":
        return max(width, text), 0.24
    return max(width, text), max(0.34, 0.28 + 0.055 * math.log2(side))


def _rank_size(rank: Sequence[Row]) -> tuple[float, float]:
    sizes = [_size(row) for row in rank]
    width = sum(width for width, _ in sizes) + _ASIDE * (len(sizes) - 1)
    return width, max(height for _, height in sizes)


def _branch_size(branch: Branch) -> tuple[float, float]:
    sizes = [_rank_size(rank) for rank in branch]
    return max(w for w, _ in sizes), sum(h for _, h in sizes) + _GAP * (len(sizes) - 1)


def _block_size(block: Block) -> tuple[float, float]:
    """Width and height with the gap above it."""
    sizes = [_branch_size(branch) for branch in (*block.branches, *block.sides)]
    end_width, end_height = _size(block.end)
    width = sum(width for width, _ in sizes) + _ASIDE * (len(sizes) - 1) if sizes else 0
    height = max(height for _, height in sizes) + 1.5 * _GAP if sizes else 0
    frame = _FRAME if block.repeat > 1 else 0
    lanes = 2 * _LANE if block.shortcut else 0
    return max(width, end_width) + lanes + 2 * frame, _GAP + height + end_height + 2 * frame


def _place_branch(drawing: _Drawing, branch: Branch, x: float, y: float) -> None:
    for rank in branch:
        width, height = _rank_size(rank)
        left = x - width / 2
        for row in rank:
            own_width, own_height = _size(row)
            drawing.boxes[row.name] = _Box(row, left + own_width / 2, y, own_width, own_height)
            left += own_width + _ASIDE
        y += height + _GAP


def _place_block(drawing: _Drawing, block: Block, x: float, y: float) -> None:
    width, height = _block_size(block)
    y += _GAP
    if block.repeat > 1:
        drawing.frames.append((x - width / 2, y, width, height - _GAP, block.repeat))
        y += _FRAME
    parts = [*block.branches, *block.sides]
    if parts:
        sizes = [_branch_size(branch) for branch in parts]
        tallest = max(height for _, height in sizes)
        spread = sum(width for width, _ in sizes) + _ASIDE * (len(sizes) - 1)
        left = x - spread / 2
        for branch, (own_width, own_height) in zip(parts, sizes, strict=True):
            top = y + (tallest - own_height) / 2
            _place_branch(drawing, branch, left + own_width / 2, top)
            left += own_width + _ASIDE
        y += tallest + 1.5 * _GAP
        if block.shortcut:
            drawing.lanes[block.end.name] = x + spread / 2 + _LANE
    end_width, end_height = _size(block.end)
    if block.end.kind == "concat" and block.branches:
        reach = [drawing.boxes[name].x for name in block.end.inputs]
        end_width = max(end_width, max(reach) - min(reach) + 0.4)
        x = (max(reach) + min(reach)) / 2
    drawing.boxes[block.end.name] = _Box(block.end, x, y, end_width, end_height)
    drawing.aliases.update(dict.fromkeys(block.stands_for, block.end.name))


def _columns(chain: list[Block]) -> list[list[Block]]:
    """Splits the chain so that the picture comes closest to the wanted aspect."""

    def fill(limit: float) -> list[list[Block]]:
        columns: list[list[Block]] = [[]]
        filled = 0.0
        for block in chain:
            own = _block_size(block)[1]
            if columns[-1] and filled + own > limit:
                columns.append([])
                filled = 0.0
            columns[-1].append(block)
            filled += own
        return columns

    def height(columns: list[list[Block]]) -> float:
        return max(sum(_block_size(block)[1] for block in column) for column in columns)

    def distance(columns: list[list[Block]]) -> float:
        width = sum(_column_width(column) + _GUTTER for column in columns)
        return abs(math.log(width / height(columns) / _ASPECT))

    total = sum(_block_size(block)[1] for block in chain)
    candidates = [
        fill(total / count * (1 + step / 20)) for count in range(1, 9) for step in range(20)
    ]
    # Of those with as many columns, the lowest.
    lowest = {len(columns): columns for columns in sorted(candidates, key=height, reverse=True)}
    return min(lowest.values(), key=distance)


def _column_width(column: list[Block]) -> float:
    return _MARGIN + max(_block_size(block)[0] for block in column)


def _note_size(drawing: _Drawing, block: Block, left: float) -> None:
    """Writes the block's map size in the margin, beside its first layer of that size."""
    size = block.end.output_shape[:2]
    if len(block.end.output_shape) == 3:
        boxes = [drawing.boxes[row.name] for row in block.rows if row.output_shape[:2] == size]
        first = min(boxes, key=lambda box: box.y)
        drawing.notes.append((left, first.y + first.height / 2, by(size)))


def draw(analysis: Analysis, path: str | Path) -> None:
    """Writes the block graph of a network.

    Args:
        analysis: Of the network.
        path: Ends in .svg, .png or .pdf.

    Raises:
        UserError: For another ending, or a path that cannot be written.
    """
    from matplotlib.figure import Figure

    path = Path(path)
    if path.suffix not in (".svg", ".png", ".pdf"):
        raise UserError(f"diagram {path}: must end in .svg, .png or .pdf")
    drawing = _Drawing()
    columns = _columns(blocks(analysis))
    left, bottom = 0.12, 0.0
    previous: Block | None = None
    for column in columns:
        width = _column_width(column)
        centre, y = left + _MARGIN + (width - _MARGIN) / 2, 0.55
        for row in column[0].rows:
            drawing.turns[row.name] = (left - _GUTTER / 2, y)
        for block in column:
            _place_block(drawing, block, centre, y)
            if previous is not None and block.shortcut:
                drawing.entries[block.end.name] = previous.end.name
            if previous is None or previous.end.output_shape[:2] != block.end.output_shape[:2]:
                _note_size(drawing, block, left)
            previous = block
            y += _block_size(block)[1]
        bottom = max(bottom, y)
        left += width + _GUTTER
    figure = Figure(figsize=(left - _GUTTER + 0.1, bottom + 0.15), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set_xlim(0, left - _GUTTER + 0.1)
    axes.set_ylim(bottom + 0.15, 0)
    _paint(axes, drawing)
    for x, y, text in drawing.notes:
        axes.text(x, y, text, fontsize=6.5, color=_FAINT, va="center", fontweight="bold")
    costs = f"{analysis.parameters:,} parameters, {short(analysis.macs)} MACs"
    axes.text(0.12, 0.27, analysis.name, fontsize=11, fontweight="bold", color=_LINE)
    axes.text(0.3 + 0.1 * len(analysis.name), 0.27, costs, fontsize=8, color=_FAINT)
    try:
        figure.savefig(path, dpi=150)
    except OSError as error:
        raise UserError(f"diagram {path}: {error.strerror}") from None


def _line(axes: Axes, points: list[tuple[float, float]], *, arrow: bool = True) -> None:
    """A line with rounded corners."""
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path as Curve

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
            arrowstyle="-|>" if arrow else "-",
            mutation_scale=6,
            linewidth=0.8,
            color=_LINE,
            shrinkA=0,
            shrinkB=0,
            zorder=1,
        )
    )


def _edge(axes: Axes, drawing: _Drawing, source: _Box, target: _Box) -> None:
    lane = drawing.lanes.get(target.row.name)
    start, end = (source.x, source.bottom), (target.x, target.y)
    # A concatenation is drawn as wide as its branches, so that they run straight through it.
    if source.row.kind == "concat" and abs(target.x - source.x) < source.width / 2:
        start = (target.x, source.bottom)
    if target.row.kind == "concat" and abs(source.x - target.x) < target.width / 2:
        end = (source.x, target.y)
    if lane is not None and source.row.name == drawing.entries[target.row.name]:
        end = (target.x + target.width / 2, target.y + target.height / 2)
        after = [(lane, end[1]), end]
        sideways = lane
    elif target.row.inputs[1:]:
        after = [(start[0], target.y - 0.12), (end[0], target.y - 0.12), end]
        sideways = start[0]
    else:
        after = [end]
        sideways = end[0]
    if target.y < source.bottom:  # on to the next column, above everything in it
        gutter, top = drawing.turns[target.row.name]
        low = source.bottom + 0.1
        before = [(source.x, source.bottom), (source.x, low), (gutter, low), (gutter, top)]
        if lane is None or sideways != lane:
            sideways, after = end[0], [end]
        before.append((sideways, top))
    elif abs(start[0] - sideways) < 1e-6:
        before = [start]
    else:
        turn = source.bottom + 0.1
        before = [start, (start[0], turn), (sideways, turn)]
    _line(axes, before + after)


def _paint(axes: Axes, drawing: _Drawing) -> None:
    from matplotlib.patches import Circle, FancyBboxPatch

    for left, top, width, height, repeat in drawing.frames:
        axes.add_patch(
            FancyBboxPatch(
                (left, top),
                width,
                height,
                boxstyle="round,pad=0,rounding_size=0.08",
                facecolor="#fafafa",
                edgecolor=_FAINT,
                linewidth=0.8,
                linestyle=(0, (3, 2)),
                zorder=0,
            )
        )
        axes.text(
            left + 0.06,
            top + height - 0.08,
            f"{repeat} \N{MULTIPLICATION SIGN}",
            fontsize=9,
            fontweight="bold",
            color=_LINE,
            zorder=4,
        )
    for box in drawing.boxes.values():
        for name in box.row.inputs:
            _edge(axes, drawing, drawing.boxes[drawing.aliases.get(name, name)], box)
        middle = box.y + box.height / 2
        if _is_sum(box.row):
            axes.add_patch(
                Circle((box.x, middle), 0.1, facecolor="white", edgecolor=_LINE, lw=0.8, zorder=2)
            )
            axes.text(box.x, middle, "+", fontsize=9, ha="center", va="center", zorder=3)
            continue
        fill = next((fill for word, fill in _FILLS if word in box.row.kind), "#eceff1")
        axes.add_patch(
            FancyBboxPatch(
                (box.x - box.width / 2, box.y),
                box.width,
                box.height,
                boxstyle="round,pad=0,rounding_size=0.04",
                facecolor=fill,
                edgecolor=_LINE,
                linewidth=0.6,
                zorder=2,
            )
        )
        both = box.row.kind not in ("concat", "input")
        axes.text(
            box.x,
            middle - (0.06 if both else 0),
            _label(box.row),
            fontsize=6.5,
            ha="center",
            va="center",
            zorder=3,
        )
        if both:
            axes.text(
                box.x,
                middle + 0.07,
                box.row.name,
                fontsize=5,
                color="#455a64",
                ha="center",
                va="center",
                zorder=3,
            )
