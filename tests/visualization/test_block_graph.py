"""How a network is cut into blocks."""

from __future__ import annotations

from kerascnn.arithmetic import analyze
from kerascnn.backend import keras
from kerascnn.models.abstract import without_weights
from kerascnn.models.summary import summarize
from kerascnn.visualization.block_graph import Block, blocks

layers = keras.layers


def _blocks(make) -> list[Block]:
    def build() -> keras.Model:
        images = keras.Input((8, 8, 4), name="images")
        return keras.Model(images, make(images))

    return blocks(analyze(without_weights(build)))


def _conv(name: str):
    return layers.Conv2D(4, 3, padding="same", name=name)


def _names(branches) -> list[list[list[str]]]:
    return [[[row.name for row in rank] for rank in branch] for branch in branches]


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


def test_branches_that_split_again_have_layers_side_by_side() -> None:
    def make(x: keras.KerasTensor) -> keras.KerasTensor:
        x = _conv("stem")(x)
        split = _conv("a1")(x)
        parts = [_conv("b")(x), _conv("a2")(split), _conv("a3")(split)]
        return layers.Concatenate(name="end")(parts)

    stem, end = _blocks(make)[1:]
    assert stem.branches == ()
    assert _names(end.branches) == [[["b"]], [["a1"], ["a2", "a3"]]]
    assert not end.shortcut
    assert {row.name for row in end.rows} == {"b", "a1", "a2", "a3", "end"}
    assert end.rows[-1].name == "end"


def test_a_sum_with_what_came_before_has_a_shortcut() -> None:
    def make(x: keras.KerasTensor) -> keras.KerasTensor:
        return layers.Add(name="sum")([_conv("b")(_conv("a")(x)), x])

    _, block = _blocks(make)
    assert block.shortcut
    assert _names(block.branches) == [[["a"], ["b"]]]


def test_long_runs_of_equal_layers_are_drawn_once_and_short_ones_are_not() -> None:
    def chain(length: int) -> list[int]:
        def make(x: keras.KerasTensor) -> keras.KerasTensor:
            for number in range(length):
                x = _conv(f"c{number}")(x)
            return x

        return [block.repeat for block in _blocks(make)[1:]]

    assert chain(4) == [1, 1, 1, 1]
    assert chain(5) == [5]


def test_equal_blocks_name_those_that_they_stand_for_and_others_stay() -> None:
    def make(x: keras.KerasTensor) -> keras.KerasTensor:
        for number, kernel in enumerate((3, 3, 3, 5)):
            inner = layers.Conv2D(4, kernel, padding="same", name=f"c{number}")(x)
            x = layers.Add(name=f"sum{number}")([inner, x])
        return x

    _, first, last = _blocks(make)
    assert (first.end.name, first.stands_for, first.repeat) == ("sum0", ("sum1", "sum2"), 3)
    assert (last.end.name, last.repeat) == ("sum3", 1)
    assert not first.looks_like(last)
