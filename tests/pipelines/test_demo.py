"""`kerascnn demo`: listed, drawn into the working directory, mistakes on one line."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from kerascnn.visualization.contents import DEMOS


def test_the_topics_are_listed(workplace: Path, kerascnn) -> None:
    listed = kerascnn("demo", "--help").out
    for topic in DEMOS:
        assert f"  {topic} " in listed


def test_a_picture_is_drawn_here_or_where_it_is_wanted(workplace: Path, kerascnn) -> None:
    found = kerascnn("demo", "activations")
    assert found.code == 0, found.err
    assert found.out.splitlines()[-1] == "picture: activations.png"
    with Image.open("activations.png") as image:
        assert image.width > 300
    assert kerascnn("demo", "activations", "--out", "a.svg").code == 0
    assert {path.name for path in workplace.iterdir()} == {"activations.png", "a.svg"}


def test_mistakes_are_told_on_one_line(workplace: Path, kerascnn) -> None:
    for words, message in (
        (("convolutoin",), "unknown demo 'convolutoin': did you mean convolution?"),
        (("convolution", "--stride", "x"), "--stride: got 'x', "),
        (("convolution", "no.png"), "no.png: no such file or folder"),
    ):
        found = kerascnn("demo", *words)
        assert found.code == 2
        (line,) = found.err.splitlines()
        assert line.startswith(f"Error: {message}")
