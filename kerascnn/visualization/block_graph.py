"""A network as a chain of blocks: branches between two layers that every path goes through."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kerascnn.arithmetic import Analysis, ReceptiveField, Row

Branch = tuple[tuple[Row, ...], ...]  # ranks from top to bottom; rows of a rank side by side

# A run of equal single layers this long is drawn once; blocks of several layers always are.
_LONG_RUN = 4


@dataclass(frozen=True)
class Block:
    """Parallel branches and the layer where they meet.

    Attributes:
        branches: What lies between the layer before and `end`; none for a plain chain.
        shortcut: Whether `end` also reads the layer before directly.
        sides: Branches that end in an output of their own (auxiliary heads).
        end: The layer that all paths go through.
        stands_for: Names of the ends of the equal blocks that follow and are left out.
    """

    branches: tuple[Branch, ...]
    shortcut: bool
    sides: tuple[Branch, ...]
    end: Row
    stands_for: tuple[str, ...] = ()

    @property
    def repeat(self) -> int:
        """How many equal blocks in a row this one is."""
        return 1 + len(self.stands_for)

    @property
    def rows(self) -> tuple[Row, ...]:
        """Every layer of it, `end` last."""
        return (
            *(row for branch in self.branches for rank in branch for row in rank),
            *(row for branch in self.sides for rank in branch for row in rank),
            self.end,
        )

    def looks_like(self, other: Block) -> bool:
        """Whether the two differ in nothing but names."""
        return self._form() == other._form()

    def _form(self) -> list[object]:
        place = {row.name: index for index, row in enumerate(self.rows)}
        anywhere = (ReceptiveField(), ReceptiveField())
        return [
            (
                replace(row, name="", inputs=(), fields=anywhere),
                tuple(place.get(name, -1) for name in row.inputs),
            )
            for row in self.rows
        ]


def _branches(rows: list[Row]) -> tuple[Branch, ...]:
    """Splits rows into parts that no edge connects, and each part into ranks."""
    parts: list[list[Row]] = []
    for row in rows:
        near = [part for part in parts if any(other.name in row.inputs for other in part)]
        parts = [part for part in parts if part not in near]
        parts.append([*(other for part in near for other in part), row])
    order = {row.name: index for index, row in enumerate(rows)}
    branches = []
    for part in sorted(parts, key=lambda part: min(order[row.name] for row in part)):
        rank: dict[str, int] = {}
        for row in part:
            rank[row.name] = 1 + max((rank.get(name, -1) for name in row.inputs), default=-1)
        depth = max(rank.values()) + 1
        branches.append(
            tuple(tuple(row for row in part if rank[row.name] == level) for level in range(depth))
        )
    return tuple(branches)


def blocks(analysis: Analysis) -> list[Block]:
    """Cuts a network into blocks, from its input to its main output; equal neighbours once."""
    rows = analysis.main
    beside = [row for row in analysis.rows if row.auxiliary]
    place = {row.name: index for index, row in enumerate(rows)}
    # A layer is on every path unless an edge leads past it, in an order that follows the edges.
    furthest = 0
    found: list[Block] = []
    between: list[Row] = []
    last_reader = dict(place)
    for row in rows:
        for name in row.inputs:
            last_reader[name] = max(last_reader[name], place[row.name])
    for index, row in enumerate(rows):
        if furthest > index:
            between.append(row)
        else:
            cut = {found[-1].end.name} if found else set()
            inside = cut | {other.name for other in between}
            sides: list[Row] = []
            for other in beside:
                if inside & set(other.inputs) or any(
                    name in {side.name for side in sides} for name in other.inputs
                ):
                    sides.append(other)
            shortcut = bool(between) and bool(cut & set(row.inputs))
            found.append(Block(_branches(between), shortcut, _branches(sides), row))
            between = []
        furthest = max(furthest, last_reader[row.name])
    return _folded(found)


def _folded(chain: list[Block]) -> list[Block]:
    runs: list[list[Block]] = []
    for block in chain:
        if runs and runs[-1][0].looks_like(block):
            runs[-1].append(block)
        else:
            runs.append([block])
    folded = []
    for run in runs:
        if run[0].branches or len(run) > _LONG_RUN:
            folded.append(replace(run[0], stands_for=tuple(b.end.name for b in run[1:])))
        else:
            folded.extend(run)
    return folded
