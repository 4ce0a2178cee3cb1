"""`kerascnn datasets preview`, as a user sees it."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image


def test_the_command_writes_a_sheet(kerascnn, workplace):
    done = kerascnn("datasets", "preview", "digits", "--augment", "mnist-affine", "--copies", 4)
    assert (done.code, done.err) == (0, "")
    assert done.out == "wrote digits-mnist-affine.png\n"
    with Image.open(workplace / "digits-mnist-affine.png") as sheet:
        pixels = np.asarray(sheet)
    assert pixels.shape[1] > 5 * 128
    assert pixels.shape[0] > 8 * 128
    assert (pixels == 0).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--augment", "mnist-afine"], "unknown augmentation preset 'mnist-afine': did you mean"),
        (["--augment", "alexnet"], "lighting needs 3 channels"),
        (["--set", "model.filters=3"], "only fields of augment and data matter here"),
        (["--out", "nowhere/x.png"], "cannot write nowhere/x.png"),
    ],
)
def test_mistakes_are_one_line(kerascnn, workplace, arguments, message):
    done = kerascnn("datasets", "preview", "digits", *arguments)
    assert done.code == 2
    assert message in done.err
    assert done.err.count("\n") == 1


def test_rows_columns_and_the_file_are_as_asked_for(kerascnn, workplace) -> None:
    sizes = []
    for rows, columns in ((1, 1), (3, 1), (3, 4)):
        done = kerascnn(
            "datasets", "preview", "digits", "--originals", rows, "--copies", columns,
            "--set", "augment.operations=[mixup]", "--set", "data.image_size=16", "--out", "a.png",
        )  # fmt: skip
        assert (done.code, done.out) == (0, "wrote a.png\n")
        with Image.open("a.png") as sheet:
            sizes.append(sheet.size)
    assert sizes[0][1] < sizes[1][1] == sizes[2][1]
    assert sizes[1][0] < sizes[2][0]
