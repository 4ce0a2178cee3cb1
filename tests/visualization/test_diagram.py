"""The diagram of a network, written in every format."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from kerascnn.models.summary import summarize
from kerascnn.visualization.diagram import draw_diagram
from kerascnn.visualization.writing import write_figure


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


def test_every_layer_is_written_with_its_window_and_channels(tmp_path: Path) -> None:
    write_figure(draw_diagram(summarize("lenet5")), tmp_path / "net.svg")
    root = ElementTree.parse(tmp_path / "net.svg").getroot()
    texts = {
        "".join(element.itertext()).strip() for element in root.iter() if element.tag[-4:] == "text"
    }
    assert {"lenet5", "61,706 parameters, 417K MACs", "input 32x32x1"} <= texts
    assert {"c1", "5x5 conv, 6", "s2", "f6", "fc, 84", "28x28"} <= texts
