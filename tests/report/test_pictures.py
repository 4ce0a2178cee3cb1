"""Pictures of a run in its report: those that were kept, in the order of the kinds."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerascnn import tracking
from kerascnn.experiment import train
from kerascnn.report.pictures import FOLDER, kept_pictures
from kerascnn.report.run_report import run_report
from kerascnn.tracking import Run


@pytest.fixture
def run(workplace: Path) -> Run:
    return train("linear", "digits", epochs=1, report=None).run


def _keep(run: Run, **contents: bytes) -> None:
    with tracking.new_files(run.id) as folder:
        (folder / FOLDER).mkdir()
        for name, content in contents.items():
            (folder / FOLDER / name.replace("__", ".")).write_bytes(content)


def _png(level: int) -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.full((8, 8), level, np.uint8)).save(content, "PNG")
    return content.getvalue()


def test_what_was_kept_is_shown_and_nothing_else(run: Run) -> None:
    assert kept_pictures(run) == ([], [])
    assert "kerascnn visualize linear-digits-1 KIND" in run_report(run)
    large = _png(3) + bytes(4 * 2**20)
    _keep(
        run,
        gradcam__png=_png(2),
        patches_c3_4__png=_png(1),
        filters__svg=b"<svg/>",
        others__png=_png(9),
        health__png=large,
    )
    pictures, left_out = kept_pictures(run)
    assert [picture.title for picture in pictures] == ["patches c3 4", "gradcam"]
    content = base64.b64decode(pictures[0].uri.removeprefix("data:image/png;base64,"))
    assert content == _png(1)
    (line,) = left_out
    assert line.startswith("Without health.png: ")
    page = run_report(run)
    assert page.index("<b>patches c3 4</b>") < page.index("<b>gradcam</b>")
    assert line.split(":")[0] in page
