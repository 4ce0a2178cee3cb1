"""Where each layer of a block graph is drawn: columns of blocks, branches side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from kerascnn.arithmetic import Row
from kerascnn.arithmetic.table import by
from kerascnn.visualization.block_graph import Block, Branch

# All lengths are in inches.
_GAP = 0.2  # between a box and the one below
_ASIDE = 0.16  # between branches
_MARGIN = 0.55  # left of a column, for the sizes of the maps
_GUTTER = 0.35  # between columns
_FRAME = 0.13  # around repeated blocks
_LANE = 0.22  # for a shortcut, right of the branches
_ASPECT = 1.5  # width to height that the columns are chosen for

_KEEP_CHANNELS = ("pool", "subsampling", "LRN", "LCN")  # their labels need not say how many


@dataclass
class Box:
    """A layer with its place: centre x, top y (downwards), width and height."""

    row: Row
    x: float
    y: float
    width: float
    height: float
    leave: float = 0.1  # how far below lines to the side turn

    @property
    def bottom(self) -> float:
        """The y of its lower edge."""
        return self.y + self.height


@dataclass
class Layout:
    """Where everything is; x goes right, y goes down."""

    width: float = 0.0
    height: float = 0.0
    boxes: dict[str, Box] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)  # of layers left out: who stands for them
    frames: list[tuple[float, float, float, float, int]] = field(default_factory=list)
    lanes: dict[str, float] = field(default_factory=dict)  # x of the shortcut into a layer
    entries: dict[str, str] = field(default_factory=dict)  # the layer where that shortcut starts
    turns: dict[str, tuple[float, float]] = field(default_factory=dict)  # into a new column: x, y
    notes: list[tuple[float, float, str]] = field(default_factory=list)  # sizes, in the margin


def is_sum(row: Row) -> bool:
    """Whether it is drawn as a circle."""
    return row.kind == "add"


def label(row: Row) -> str:
    """As in the papers: "3x3 conv, 64, /2"."""
    if row.kind == "input":
        return "input " + by(row.output_shape)
    if row.kind == "concat":
        return f"concat, {row.output_shape[-1]}"
    window, _, stride = row.window.partition("/")
    words = [f"{window} {row.kind.removeprefix('ceil ')}".strip()]
    if not any(word in row.kind for word in _KEEP_CHANNELS):
        words.append(str(row.output_shape[-1]))
    if stride:
        words.append(f"/{stride}")
    if row.groups > 1:
        words.append(f"{row.groups} groups")
    return ", ".join(words)


def _size(row: Row) -> tuple[float, float]:
    if is_sum(row):
        return 0.2, 0.2
    side = max(row.output_shape[:2]) if len(row.output_shape) == 3 else 1
    width = 0.4 + 0.11 * math.log2(max(row.output_shape[-1], 1))
    text = 0.2 + 0.058 * max(len(label(row)), 0.8 * len(row.name))
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


def _beside(branches: Sequence[Branch]) -> tuple[float, float]:
    """Width and height of branches side by side."""
    sizes = [_branch_size(branch) for branch in branches]
    width = sum(width for width, _ in sizes) + _ASIDE * max(len(sizes) - 1, 0)
    return width, max((height for _, height in sizes), default=0)


def _block_size(block: Block) -> tuple[float, float, float]:
    """How far it reaches to the left and right of its centre, and its height with the gap above."""
    width, height = _beside(block.branches)
    end_width, end_height = _size(block.end)
    half = max(width, end_width) / 2 + (_FRAME if block.repeat > 1 else 0)
    right = half + (_LANE if block.shortcut else 0)
    if block.sides:
        aside, side_height = _beside(block.sides)
        right, height = right + _ASIDE + aside, max(height, side_height)
    if height:
        height += 1.5 * _GAP
    return half, right, _GAP + height + end_height + (2 * _FRAME if block.repeat > 1 else 0)


def _place_branch(layout: Layout, branch: Branch, x: float, y: float) -> None:
    for rank in branch:
        width, height = _rank_size(rank)
        left = x - width / 2
        for row in rank:
            own_width, own_height = _size(row)
            layout.boxes[row.name] = Box(row, left + own_width / 2, y, own_width, own_height)
            left += own_width + _ASIDE
        y += height + _GAP


def _place_branches(
    layout: Layout, branches: Sequence[Branch], left: float, y: float, height: float
) -> None:
    for branch in branches:
        own_width, own_height = _branch_size(branch)
        _place_branch(layout, branch, left + own_width / 2, y + (height - own_height) / 2)
        left += own_width + _ASIDE


def _place_block(layout: Layout, block: Block, x: float, y: float) -> None:
    to_left, to_right, height = _block_size(block)
    y += _GAP
    if block.repeat > 1:
        frame = (x - to_left, y, to_left + to_right, height - _GAP, block.repeat)
        layout.frames.append(frame)
        y += _FRAME
    width, tallest = _beside(block.branches)
    tallest = max(tallest, _beside(block.sides)[1])
    _place_branches(layout, block.branches, x - width / 2, y, tallest)
    _place_branches(layout, block.sides, x + width / 2 + _ASIDE, y, tallest)
    if tallest:
        y += tallest + 1.5 * _GAP
    if block.shortcut:
        layout.lanes[block.end.name] = x + width / 2 + _LANE / 2
    end_width, end_height = _size(block.end)
    if block.end.kind == "concat" and block.branches:
        reach = [layout.boxes[name].x for name in block.end.inputs if name in layout.boxes]
        end_width = max(end_width, 2 * max(abs(other - x) for other in reach) + 0.4)
    end = Box(block.end, x, y, end_width, end_height)
    if block.repeat > 1:
        end.leave += _FRAME
    layout.boxes[block.end.name] = end
    layout.aliases.update(dict.fromkeys(block.stands_for, block.end.name))


def _columns(chain: list[Block]) -> list[list[Block]]:
    """Splits the chain so that the picture comes closest to the wanted aspect."""

    def fill(limit: float) -> list[list[Block]]:
        columns: list[list[Block]] = [[]]
        filled = 0.0
        for block in chain:
            own = _block_size(block)[2]
            if columns[-1] and filled + own > limit:
                columns.append([])
                filled = 0.0
            columns[-1].append(block)
            filled += own
        return columns

    def height(columns: list[list[Block]]) -> float:
        return max(sum(_block_size(block)[2] for block in column) for column in columns)

    def distance(columns: list[list[Block]]) -> float:
        width = sum(_column_width(column) + _GUTTER for column in columns)
        return abs(math.log(width / height(columns) / _ASPECT))

    total = sum(_block_size(block)[2] for block in chain)
    candidates = [
        fill(total / count * (1 + step / 20)) for count in range(1, 9) for step in range(20)
    ]
    # Of those with as many columns, the lowest.
    lowest = {len(columns): columns for columns in sorted(candidates, key=height, reverse=True)}
    return min(lowest.values(), key=distance)


def _column_width(column: list[Block]) -> float:
    sizes = [_block_size(block) for block in column]
    return _MARGIN + max(left for left, _, _ in sizes) + max(right for _, right, _ in sizes)


def _note_size(layout: Layout, block: Block, left: float) -> None:
    """Writes the block's map size in the margin, beside its first layer of that size."""
    size = block.end.output_shape[:2]
    if len(block.end.output_shape) == 3:
        boxes = [layout.boxes[row.name] for row in block.rows if row.output_shape[:2] == size]
        first = min(boxes, key=lambda box: box.y)
        layout.notes.append((left, first.y + first.height / 2, by(size)))


def lay_out(chain: list[Block]) -> Layout:
    """Places the blocks from top to bottom, in as many columns as give a page its usual shape."""
    layout = Layout()
    left = 0.12
    previous: Block | None = None
    for column in _columns(chain):
        centre, y = left + _MARGIN + max(_block_size(block)[0] for block in column), 0.55
        for row in column[0].rows:
            layout.turns[row.name] = (left - _GUTTER / 2, y)
        for block in column:
            _place_block(layout, block, centre, y)
            if previous is not None and block.shortcut:
                layout.entries[block.end.name] = previous.end.name
            if previous is None or previous.end.output_shape[:2] != block.end.output_shape[:2]:
                _note_size(layout, block, left)
            previous = block
            y += _block_size(block)[2]
        left += _column_width(column) + _GUTTER
        layout.width = left - _GUTTER + 0.1
        layout.height = max(layout.height, y + 0.15)
    return layout
