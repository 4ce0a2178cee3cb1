"""The lectures' worked examples of convolution, number by number."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy.signal import correlate2d

from kerascnn.errors import UserError
from kerascnn.lectures.convolution import (
    EXAMPLES,
    KERNELS,
    ExampleName,
    convolved,
    read_kernel,
    slide,
)


def _output(
    name: ExampleName, kernel: str | np.ndarray, *, stride: int | None = None
) -> np.ndarray:
    example = EXAMPLES[name]
    numbers = example.kernels[kernel] if isinstance(kernel, str) else kernel
    high, wide = numbers.shape
    stride = stride or example.stride
    return convolved(
        slide(example.image, (high, wide), stride=stride, exact=example.exact), numbers
    )


def _rows(text: str) -> list[list[float]]:
    return [[float(cell) for cell in row.split()] for row in text.split("/")]


@pytest.mark.parametrize(
    ("kernel", "stride", "expected"),
    [
        ("filter 1", 1, "3 -1 -3 -1 / -3 1 0 -3 / -3 -3 0 1 / 3 -2 -2 -1"),
        ("filter 1", 2, "3 -3 / -3 0"),
        ("filter 2", 1, "-1 -1 -1 -1 / -1 -1 -2 1 / -1 -1 -2 1 / -1 0 -4 3"),
    ],
)
def test_the_6x6_image_with_two_filters(kernel: str, stride: int, expected: str) -> None:
    assert _output("two-filters", kernel, stride=stride).tolist() == _rows(expected)


def test_the_6x6_image_at_stride_2_leaves_a_row_and_a_column_out() -> None:
    """(6 - 3) / 2 is no whole number; the slide has 2x2 all the same."""
    example = EXAMPLES["two-filters"]
    assert slide(example.image, (3, 3), stride=2, exact=False).left_out == (1, 1)
    assert slide(example.image, (3, 3)).left_out == (0, 0)
    with pytest.raises(UserError, match="does not fit: 3x3 filter at stride 2 on a 6x6"):
        slide(example.image, (3, 3), stride=2)


def test_two_filters_give_two_maps() -> None:
    maps = np.stack([_output("two-filters", name) for name in EXAMPLES["two-filters"].kernels])
    assert maps.shape == (2, 4, 4)


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("kernel", "3 2 2 3 1 / 2 0 2 1 0 / 2 2 1 0 0 / 3 1 0 0 0 / 1 0 0 0 0"),
        (KERNELS["identity"], "1 1 1 1 1 / 1 0 0 1 0 / 1 0 1 0 0 / 1 1 0 0 0 / 1 0 0 0 0"),
        (
            KERNELS["blur"],
            ".4 .5 .5 .5 .4 / .5 .6 .5 .6 .3 / .5 .5 .4 .2 .1 / .5 .6 .2 .1 0 / .4 .3 .1 0 0",
        ),
    ],
)
def test_the_7x7_image(kernel: str | np.ndarray, expected: str) -> None:
    assert _output("seven-by-seven", kernel) == pytest.approx(np.array(_rows(expected)))


def test_the_7x7_image_at_stride_3_does_not_fit() -> None:
    with pytest.raises(UserError, match=r"does not fit: 3x3 filter at stride 3 on a 7x7.*2\.33"):
        _output("seven-by-seven", "kernel", stride=3)


def test_downsampling_takes_nine_patches() -> None:
    example = EXAMPLES["downsampling"]
    assert len(slide(example.image, (2, 2), stride=2).positions) == 9
    assert _output("downsampling", "kernel").tolist() == _rows("3 3 1 / 3 1 0 / 1 0 0")


def test_3x3_by_2x2() -> None:
    expected = np.array(_rows("1.15 4.5 / .25 0"))
    assert _output("three-by-two", "kernel") == pytest.approx(expected)


def test_the_detector_and_its_sigmoid() -> None:
    output = _output("detector", "kernel")
    assert output.tolist() == _rows("0 127.5 127.5 0 / 0 127.5 127.5 0 / 0 255 0 0 / 255 0 0 0")
    squashing = EXAMPLES["detector"].squashing
    assert squashing is not None
    slope, offset = squashing
    squashed = np.round(1 / (1 + np.exp(-(slope * output + offset))), 2)
    assert squashed[:3, 1].tolist() == [0.19, 0.19, 0.75]
    assert squashed[0, 0] == 0.02


@pytest.mark.parametrize("name", KERNELS)
def test_fixed_kernels_as_scipy_and_keras_have_them(name: str) -> None:
    image = np.random.default_rng(0).normal(size=(9, 11))
    kernel = KERNELS[name]
    found = convolved(slide(image, (3, 3), stride=2, padding=1), kernel)
    assert found == pytest.approx(correlate2d(np.pad(image, 1), kernel, "valid")[::2, ::2])
    theirs = keras.ops.conv(
        np.pad(image, 1)[np.newaxis, ..., np.newaxis].astype("float32"),
        kernel[..., np.newaxis, np.newaxis].astype("float32"),
        2,
    )
    assert found == pytest.approx(np.asarray(theirs)[0, ..., 0], abs=1e-5)


def test_a_window_says_where_it_stands() -> None:
    seen = slide(np.arange(12.0).reshape(3, 4), (2, 2), padding=1)
    assert seen.positions[:3] == [(0, 0), (0, 1), (0, 2)]
    assert seen.image.shape == (5, 6)
    assert seen.cells[0, 1].tolist() == [[0, 0], [0, 1]]


def test_a_kernel_is_read_from_numbers() -> None:
    assert read_kernel("1 0 -1; 1 .5 -1").tolist() == [[1, 0, -1], [1, 0.5, -1]]
    assert read_kernel("edge") is KERNELS["edge"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("egde", "unknown kernel 'egde': did you mean edge"),
        ("1 2; 3", "got '1 2; 3', a kernel is rows of equally many numbers"),
        ("1 x", "got '1 x'"),
        ("1 1e999", "got '1 1e999'"),
    ],
)
def test_no_kernel(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_kernel(text)


def test_sides_of_their_own_are_named() -> None:
    image = np.zeros((6, 7))
    with pytest.raises(UserError, match="rows: does not fit: 3x3 filter at stride 2 on a 6x6"):
        slide(image, (3, 3), stride=2)
    assert slide(image, (3, 3), stride=2, exact=False).cells.shape == (2, 3, 3, 3)
