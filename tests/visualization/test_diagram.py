"""The block graph: how a network is cut, and that what is drawn does not overlap."""

from __future__ import annotations

import itertools
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from kerascnn.errors import UserError
from kerascnn.models.summary import summarize
from kerascnn.visualization.block_graph import blocks
from kerascnn.visualization.block_layout import lay_out
from kerascnn.visualization.diagram import draw_diagram
from kerascnn.visualization.writing import write_figure


def test_a_plain_chain_has_no_branches() -> None:
    chain = blocks(summarize("lenet5"))
    assert [block.end.name for block in chain] == [
        "images", "c1", "s2", "c3", "s4", "c5", "f6", "output"
    ]  # fmt: skip
    assert not any(block.branches or block.shortcut for block in chain)


def test_equal_residual_blocks_are_drawn_once() -> None:
    chain = blocks(summarize("resnet50"))
    repeats = [block.repeat for block in chain if block.branches]
    assert repeats == [1, 2, 1, 3, 1, 5, 1, 2]  # 3, 4, 6 and 3 blocks, the first one projects
    assert [block.shortcut for block in chain if block.branches] == [False, True] * 4


def test_inception_modules_have_four_branches_and_two_heads_beside() -> None:
    chain = {block.end.name: block for block in blocks(summarize("googlenet"))}
    module = chain["inception_4b"]
    assert [[rank[0].name for rank in branch] for branch in module.branches] == [
        ["inception_4b_1x1"],
        ["inception_4b_3x3_reduce", "inception_4b_3x3"],
        ["inception_4b_5x5_reduce", "inception_4b_5x5"],
        ["inception_4b_pool", "inception_4b_pool_proj"],
    ]
    assert [name for name, block in chain.items() if block.sides] == [
        "inception_4b",
        "inception_4e",
    ]


@pytest.mark.parametrize("name", ["googlenet", "resnet50", "bn-inception", "vgg19", "plain34"])
def test_boxes_lie_on_the_page_and_apart(name: str) -> None:
    layout = lay_out(blocks(summarize(name)))
    assert 0.5 < layout.width / layout.height < 3
    for box in layout.boxes.values():
        assert box.x - box.width / 2 > 0
        assert box.x + box.width / 2 < layout.width
        assert 0.4 < box.y < box.bottom < layout.height
    for one, other in itertools.combinations(layout.boxes.values(), 2):
        apart = abs(one.x - other.x) >= (one.width + other.width) / 2
        assert apart or one.bottom < other.y or other.bottom < one.y, (one, other)


def test_boxes_are_as_high_as_the_map_and_as_wide_as_the_channels() -> None:
    boxes = lay_out(blocks(summarize("vgg16"))).boxes
    assert boxes["conv1_2"].height > boxes["conv3_2"].height > boxes["conv5_2"].height
    assert boxes["conv1_2"].width < boxes["conv3_2"].width < boxes["conv5_2"].width


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_writes_a_picture(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"net.{ending}"
    write_figure(draw_diagram(summarize("cifar-resnet20")), path)
    if ending == "png":
        pixels = np.asarray(Image.open(path).convert("L"))
        assert pixels.shape[1] > 800
        assert 0.02 < (pixels < 250).mean() < 0.6
    elif ending == "svg":
        assert ElementTree.parse(path).getroot().tag.endswith("svg")
    else:
        assert path.read_bytes().startswith(b"%PDF")


def test_another_ending_or_no_folder(tmp_path: Path) -> None:
    figure = draw_diagram(summarize("linear"))
    with pytest.raises(UserError, match=r"net.gif: must end in .png, .svg or .pdf"):
        write_figure(figure, tmp_path / "net.gif")
    with pytest.raises(UserError, match=r"there is no folder .*missing"):
        write_figure(figure, tmp_path / "missing" / "net.svg")
