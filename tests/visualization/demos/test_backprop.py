"""The demo of backpropagation: every value and derivative is in the picture."""

from __future__ import annotations

from typing import get_args

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Annotation

from kerascnn.lectures.backprop import GraphName, graph_of
from kerascnn.visualization.demos.backprop import Backprop, draw_graph
from kerascnn.visualization.number_grid import short


@pytest.mark.parametrize("name", get_args(GraphName))
def test_every_edge_has_its_two_numbers(name: GraphName) -> None:
    graph = graph_of(name)
    figure = draw_graph(graph)
    (axes,) = figure.axes
    edges = [(source, node, i) for node in graph.nodes for i, source in enumerate(node.inputs)]
    assert sum(isinstance(text, Annotation) for text in axes.texts) == len(edges)
    boxes = [patch for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    assert len(boxes) == len(graph.nodes)
    labels = sorted(
        text.get_text()
        for text in axes.texts
        if text.get_rotation_mode() == "anchor" and not isinstance(text, Annotation)
    )
    assert labels == sorted(
        [short(source.value) for source, _, _ in edges]
        + [short(node.derivative * node.partials[i]) for _, node, i in edges]
    )


@pytest.mark.parametrize("name", get_args(GraphName))
def test_no_label_lies_on_another_one_nor_outside(name: GraphName) -> None:
    figure = draw_graph(graph_of(name))
    renderer = FigureCanvasAgg(figure).get_renderer()
    centres = []
    for text in figure.axes[0].texts:
        if isinstance(text, Annotation):
            continue
        box = text.get_window_extent(renderer)
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.width
        assert box.y0 >= 0
        assert box.y1 <= figure.bbox.height
        if text.get_rotation_mode() == "anchor":
            centres.append(((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2))
    for i, (x, y) in enumerate(centres):
        for other_x, other_y in centres[:i]:
            assert abs(x - other_x) + abs(y - other_y) > 10


def test_the_lines_are_the_slides_table() -> None:
    picture = Backprop().picture()
    assert picture.chart
    assert picture.lines[:2] == ("J = cos(sin(x^2) + 3 x^2)", "at x = 2")
    assert picture.lines[3].split() == ["forward", "backward"]
    assert picture.lines[4] == "J = cos(u) = 0.2451    dJ/du += -sin(u) = 0.9695"
    assert picture.arrays["names"].tolist() == ["x", "t", "u1", "u2", "u", "J"]
    assert picture.arrays["derivatives"][-1] == 1
