"""Where the layers of a block graph are drawn."""

from __future__ import annotations

import itertools

import pytest

from kerascnn.models.summary import summarize
from kerascnn.visualization.block_graph import blocks
from kerascnn.visualization.block_layout import Layout, is_sum, label, lay_out


def _layout(name: str) -> Layout:
    return lay_out(blocks(summarize(name)))


@pytest.mark.parametrize("name", ["googlenet", "resnet50", "bn-inception", "vgg19", "plain34"])
def test_boxes_lie_on_the_page_and_apart(name: str) -> None:
    layout = _layout(name)
    assert 0.5 < layout.width / layout.height < 3
    for box in layout.boxes.values():
        assert box.x - box.width / 2 > 0
        assert box.x + box.width / 2 < layout.width
        assert 0.4 < box.y < box.bottom < layout.height
    for one, other in itertools.combinations(layout.boxes.values(), 2):
        apart = abs(one.x - other.x) >= (one.width + other.width) / 2
        assert apart or one.bottom < other.y or other.bottom < one.y, (one, other)


def test_boxes_are_as_high_as_the_map_and_as_wide_as_the_channels() -> None:
    boxes = _layout("vgg16").boxes
    assert boxes["conv1_2"].height > boxes["conv3_2"].height > boxes["conv5_2"].height
    assert boxes["conv1_2"].width < boxes["conv3_2"].width < boxes["conv5_2"].width


@pytest.mark.parametrize(
    ("network", "layer", "text"),
    [
        ("alexnet", "images", "input 224x224x3"),
        ("alexnet", "conv1", "11x11 conv, 96, /4"),
        ("alexnet", "conv2", "5x5 conv, 256, 2 groups"),
        ("alexnet", "pool1", "3x3 max pool, /2"),
        ("alexnet", "fc6", "fc, 4096"),
        ("googlenet", "inception_4b", "concat, 512"),
        ("googlenet", "pool1", "3x3 max pool, /2"),  # Caffe's, but that is nothing to look at
    ],
)
def test_labels_are_as_in_the_papers(network: str, layer: str, text: str) -> None:
    assert label(summarize(network)[layer]) == text


def test_sums_are_told_from_other_layers() -> None:
    resnet = summarize("cifar-resnet20")
    sums = [row.name for row in resnet.rows if is_sum(row)]
    assert len(sums) == 9
    assert "conv1" not in sums


def test_repeated_blocks_have_a_frame_and_those_left_out_a_stand_in() -> None:
    layout = _layout("cifar-resnet32")
    assert [frame[-1] for frame in layout.frames] == [5, 4, 4]
    assert layout.aliases["conv2_5_add"] == "conv2_1_add"
    assert set(layout.aliases.values()) <= set(layout.boxes)
    assert not set(layout.aliases) & set(layout.boxes)
    for x, y, width, height, _ in layout.frames:
        held = [b for b in layout.boxes.values() if x < b.x < x + width and y < b.y < y + height]
        assert len(held) == 3  # two convolutions and their sum
        assert all(box.bottom < y + height for box in held)


def test_sizes_of_the_maps_are_noted_once_each() -> None:
    notes = [text for _, _, text in _layout("vgg16").notes]
    assert notes == ["224x224", "112x112", "56x56", "28x28", "14x14", "7x7"]


def test_shortcuts_have_a_lane_beside_their_branches() -> None:
    layout = _layout("cifar-resnet20")
    assert layout.lanes
    assert layout.lanes.keys() <= layout.entries.keys()
    for end, x in layout.lanes.items():
        beside = [layout.boxes[name] for name in layout.boxes[end].row.inputs]
        assert all(x > box.x for box in beside if box.row.name in layout.boxes)


def test_a_short_chain_is_one_column() -> None:
    layout = _layout("linear")
    assert len({round(box.x, 6) for box in layout.boxes.values()}) == 1
    tops = [box.y for box in layout.boxes.values()]
    assert tops == sorted(tops)
