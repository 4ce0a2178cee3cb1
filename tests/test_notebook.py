"""What a notebook shows: tables and pictures as HTML."""

from __future__ import annotations

import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from kerascnn import notebook
from kerascnn.visualization.writing import new_figure, png_of


def test_a_table_has_a_heading_and_a_row_for_each() -> None:
    text = notebook.table(("a", "b"), [(1, 2.5), (None, "x")])
    root = ElementTree.fromstring(text)
    assert [cell.text for cell in root.iter("th")] == ["a", "b"]
    rows = [[cell.text for cell in row.iter("td")] for row in root.find("tbody") or ()]
    assert rows == [["1", "2.5"], ["None", "x"]]


def test_texts_are_escaped() -> None:
    nasty = "<script>alert('x')</script> & co"
    for text in (notebook.table((nasty,), [(nasty,)]), notebook.heading(nasty)):
        assert "<script>" not in text
        found = [element.text for element in ElementTree.fromstring(text).iter() if element.text]
        assert set(found) == {nasty}


def test_a_picture_is_in_the_text_itself() -> None:
    figure = new_figure(3, 2, dpi=50)
    figure.subplots().plot([1, 2, 1])
    text = notebook.picture(png_of(figure))
    content = re.search(r'src="data:image/png;base64,([^"]+)"', text)
    assert content
    with Image.open(io.BytesIO(base64.b64decode(content[1]))) as image:
        assert image.size == (150, 100)
        assert len(np.unique(np.asarray(image.convert("L")))) > 10
