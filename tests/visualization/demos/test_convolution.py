"""The demo of convolution: what is in its pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.signal import correlate2d

from kerascnn.errors import UserError
from kerascnn.lectures.convolution import EXAMPLES, KERNELS, slide
from kerascnn.visualization.contents import DEMOS
from kerascnn.visualization.demos.convolution import Convolution, draw_filtered, draw_step
from kerascnn.visualization.kinds import Demo


def _texts(figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts if text.get_text()]


def test_with_no_option_it_is_the_6x6_image_step_by_step() -> None:
    picture = Convolution().picture()
    assert len(picture.frames) == 16
    assert picture.arrays["output_2"].shape == (4, 4)
    assert picture.lines[:5] == (
        "filter 1, stride 1: 4x4",
        "   3 -1 -3 -1",
        "  -3  1  0 -3",
        "  -3 -3  0  1",
        "   3 -2 -2 -1",
    )
    sizes = {tuple(figure.get_size_inches()) for figure in picture.frames}
    assert len(sizes) == 1


def test_a_step_has_image_kernel_products_sum_and_the_output_so_far() -> None:
    example = EXAMPLES["two-filters"]
    seen = slide(example.image, (3, 3))
    texts = _texts(draw_step(seen, {"filter 1": example.kernels["filter 1"]}, 2))
    assert texts[0] == "Convolution, stride 1, step 3 of 16"
    assert texts.count("image, 6x6") == 1
    # Step 3: the window on columns 2 to 4 of rows 0 to 2.
    products = (example.image[:3, 2:5] * example.kernels["filter 1"]).ravel()
    start = texts.index("filter 1") + 1
    assert texts[start : start + 9] == [f"{number + 0:g}" for number in products]
    assert "sum -3" in texts
    assert texts[-4:] == ["3", "-1", "-3", "output"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"example": "seven-by-seven", "stride": 3}, "3x3 filter at stride 3 on a 7x7 input"),
        ({"kernel": ("1 2", "1 2; 3 4")}, "kernel: got 1x2 and 2x2"),
        ({"kernel": ("bluur",)}, "kernel: unknown kernel 'bluur': did you mean blur"),
        ({"padding": -1}, "padding"),
    ],
)
def test_what_does_not_fit(options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Convolution(**options).picture()


def test_the_detector_goes_through_its_sigmoid() -> None:
    picture = Convolution(example="detector").picture()
    assert picture.lines[-4:] == (
        "  0.02 0.19 0.19 0.02",
        "  0.02 0.19 0.19 0.02",
        "  0.02 0.75 0.02 0.02",
        "  0.75 0.02 0.02 0.02",
    )
    assert "sigmoid(0.02 x - 4)" in _texts(picture.figure)


def test_stride_2_on_the_6x6_image_says_what_no_window_sees() -> None:
    picture = Convolution(stride=2).picture()
    assert picture.lines[:4] == (
        "no window sees the last rows (1) and columns (1)",
        "filter 1, stride 2: 2x2",
        "   3 -3",
        "  -3  0",
    )


def test_a_photograph_is_filtered_as_a_whole(tmp_path: Path, noise_images) -> None:
    (pixels,) = noise_images(1, 30, 40, 3)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    picture = Convolution(stride=2).picture((str(tmp_path / "photo.png"),))
    assert len(picture.frames) == 1
    names = [axes.get_title() for axes in picture.figure.axes if axes.get_title()]
    assert [name for name in names if name in KERNELS] == list(KERNELS)
    for number, kernel in enumerate(KERNELS.values(), start=1):
        for channel in range(3):
            expected = correlate2d(pixels[..., channel].astype(float), kernel, "valid")[::2, ::2]
            assert picture.arrays[f"output_{number}"][..., channel] == pytest.approx(expected)


def test_a_small_image_is_shown_as_numbers(tmp_path: Path, noise_images) -> None:
    (pixels,) = noise_images(1, 5, 5, 1)
    Image.fromarray(pixels[..., 0]).save(tmp_path / "small.png")
    picture = Convolution(kernel=("edge",)).picture((str(tmp_path / "small.png"),))
    assert len(picture.frames) == 9
    assert picture.arrays["output_1"] == pytest.approx(
        correlate2d(pixels[..., 0].astype(float), KERNELS["edge"], "valid")
    )


def test_grey_is_nothing_where_a_kernel_adds_up_to_nothing() -> None:
    image = np.full((6, 6, 3), 200.0)
    flat = np.zeros((4, 4, 3))
    figure = draw_filtered(image, {"edge": KERNELS["edge"]}, [flat])
    shown = figure.axes[-1].images[0].get_array()
    assert shown is not None
    assert (np.asarray(shown) == 128).all()


def test_demos_are_found_by_name() -> None:
    assert Demo.of_name("convolution") is Convolution
    for name in DEMOS:
        demo = Demo.of_name(name)
        assert demo.kind == name
        assert (demo.__doc__ or "").splitlines()[0] == DEMOS[name]
        for field, info in demo.model_fields.items():
            assert info.description or field == "name", f"{name}: {field}"
