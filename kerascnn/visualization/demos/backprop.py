"""A computation graph with its values and derivatives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from pydantic import Field

from kerascnn.lectures.backprop import Graph, GraphName, Node, graph_of, layers_of
from kerascnn.visualization.kinds import Demo
from kerascnn.visualization.number_grid import short
from kerascnn.visualization.picture import Picture
from kerascnn.visualization.writing import in_style, new_figure

_ACROSS, _DOWN, _MARGIN, _TITLE = 2.7, 1.02, 0.85, 0.75  # inches
_HALF = (0.64, 0.31)  # of a box, across and down
_LONGEST = 17  # letters in a box
_FORWARD, _BACKWARD, _INK, _LINE = "#1F4E9E", "#C8323C", "#282828", "#90a4ae"

_Places: TypeAlias = dict[str, tuple[float, float]]
_Line: TypeAlias = tuple[np.ndarray, np.ndarray]


@in_style
def draw_graph(graph: Graph) -> Figure:
    """Draws a computation graph from the left to the right.

    In each box stand a node's name, its value (blue) and the derivative of the last node by it
    (red). On each edge stand the value that goes forwards along it, and the derivative that goes
    backwards: that of the node it leads to, times that node's by the one it comes from.

    Args:
        graph: After its backward pass.
    """
    layers = layers_of(graph)
    most = max(map(len, layers))
    width = _ACROSS * (len(layers) - 1) + 2 * _MARGIN
    height = _DOWN * (most - 1) + 2 * _HALF[1] + 0.45 + _TITLE
    width = max(width, 7.5)
    figure = new_figure(width, height, layout=None)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    axes.set(xlim=(0, width), ylim=(height, 0))
    title = f"{graph.title}; {graph.notes}" if graph.notes else graph.title
    axes.text(0.2, 0.16, title, fontsize=11, weight="bold", color=_INK, va="top")
    axes.text(0.2, 0.42, "forward: values", fontsize=9, color=_FORWARD, va="top")
    last = graph.nodes[-1].name
    axes.text(1.45, 0.42, f"backward: derivatives of {last}", fontsize=9, color=_BACKWARD, va="top")
    middle = _TITLE + (height - _TITLE) / 2
    step = (width - 2 * _MARGIN) / max(len(layers) - 1, 1)
    places: _Places = {}
    for column, layer in enumerate(layers):
        # Layers of few nodes are spread out, that edges are not all alike.
        pitch = _DOWN * min((most - 1) / max(len(layer) - 1, 1), 1.9)
        for row, node in enumerate(layer):
            y = middle + (row - (len(layer) - 1) / 2) * pitch
            places[node.name] = (_MARGIN + column * step, y)
    edges = [
        (source, node, node.derivative * partial)
        for node in graph.nodes
        for source, partial in zip(node.inputs, node.partials, strict=True)
    ]
    lines = [_ends(places, source, node) for source, node, _ in edges]
    for name, (x, y) in places.items():
        if any(_passes(line, x, y) for line in lines):
            places[name] = (x, y + _DOWN / 2)
    lines = [_ends(places, source, node) for source, node, _ in edges]
    labels: list[np.ndarray] = []
    for number, (source, _, back) in enumerate(edges):
        others = lines[:number] + lines[number + 1 :]
        labels.append(_edge(axes, lines[number], others, labels, source.value, back))
    for node in graph.nodes:
        _box(axes, node, *places[node.name])
    return figure


def _ends(places: _Places, source: Node, node: Node) -> _Line:
    """Returns where an edge begins and ends."""
    (x0, y0), (x1, y1) = places[source.name], places[node.name]
    return np.array([x0 + _HALF[0], y0]), np.array([x1 - _HALF[0], y1])


def _passes(line: _Line, x: float, y: float) -> bool:
    """Whether an edge that leads further goes through a box."""
    (x0, y0), (x1, y1) = line
    at = y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return bool(x0 < x < x1 and abs(at - y) < _HALF[1] + 0.05)


def _edge(
    axes: Axes,
    line: _Line,
    others: Sequence[_Line],
    labels: Sequence[np.ndarray],
    forward: float,
    back: float,
) -> np.ndarray:
    """Draws an edge with its numbers, where there is most room for them; returns where that is."""
    start, end = line
    axes.annotate(
        "",
        tuple(end),
        tuple(start),
        arrowprops={"arrowstyle": "-|>", "color": _LINE, "lw": 1.1, "shrinkA": 0, "shrinkB": 0},
    )

    def room(part: float) -> float:
        place = start + part * (end - start)
        free = [0.8 * float(np.linalg.norm(place - other)) for other in labels]
        free += [2 * _distance(place, other) for other in others]
        return min([*free, 0.45]) - 0.1 * abs(part - 0.5)  # the middle where there is room enough

    place: np.ndarray = start + max(np.linspace(0.16, 0.84, 35), key=room) * (end - start)
    along = (end - start) / np.linalg.norm(end - start)
    up = 0.035 * np.array([along[1], -along[0]])
    angle = -float(np.degrees(np.arctan2(along[1], along[0])))
    for number, colour, (x, y), side in (
        (forward, _FORWARD, place + up, "bottom"),
        (back, _BACKWARD, place - up, "top"),
    ):
        axes.text(
            x,
            y,
            short(number),
            color=colour,
            va=side,
            ha="center",
            rotation=angle,
            rotation_mode="anchor",
            fontsize=7.5,
        )
    return place


def _distance(place: np.ndarray, line: _Line) -> float:
    """Returns how far a place is from an edge."""
    start, end = line
    way = end - start
    part = np.clip((place - start) @ way / (way @ way), 0, 1)
    return float(np.linalg.norm(start + part * way - place))


def _box(axes: Axes, node: Node, x: float, y: float) -> None:
    given = node.operation is None
    axes.add_patch(
        FancyBboxPatch(
            (x - _HALF[0], y - _HALF[1]),
            2 * _HALF[0],
            2 * _HALF[1],
            boxstyle="round,pad=0,rounding_size=0.1",
            facecolor="#fbe29b" if given else "#e3eefb",
            edgecolor="#37474f",
            lw=0.9,
        )
    )
    text = node.name if given else f"{node.name} = {node.formula}"
    if len(text) > _LONGEST:
        above = y - _HALF[1] - 0.05
        axes.text(x + _HALF[0], above, text, fontsize=7, color=_INK, ha="right", va="bottom")
        text = node.name
    axes.text(x, y - 0.11, text, fontsize=8, color=_INK, ha="center", va="center", weight="bold")
    for side, number, colour, align in (
        (-0.04, node.value, _FORWARD, "right"),
        (0.04, node.derivative, _BACKWARD, "left"),
    ):
        axes.text(
            x + side, y + 0.13, short(number), fontsize=8, color=colour, ha=align, va="center"
        )


class Backprop(Demo, name="backprop"):
    """A computation graph, with values forwards and derivatives backwards.

    And the table of the slides: what is computed forwards, and beside it what backwards.
    """

    graph: GraphName = Field("cosine", description="of what")

    def picture(self, images: tuple[str, ...] = ()) -> Picture:
        """Draws it."""
        graph = graph_of(self.graph)
        table = graph.table()
        wide = max(len(forward) for forward, _ in table)
        lines = [f"{'forward':{wide}}  backward"]
        lines += [f"{forward:{wide}}  {backward}" for forward, backward in table]
        notes = [f"with {graph.notes}"] if graph.notes else []
        given = ", ".join(f"{n.name} = {n.value:g}" for n in graph.nodes if n.operation is None)
        arrays = {
            "names": np.array([node.name for node in graph.nodes]),
            "values": np.array([node.value for node in graph.nodes]),
            "derivatives": np.array([node.derivative for node in graph.nodes]),
        }
        lines = [graph.title, f"at {given}", *notes, "", *lines]
        return Picture((draw_graph(graph),), arrays, tuple(lines), chart=True)
