"""Samples of a data set: real images of every class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kerascnn.data.dataset import ArrayImages, ImageData, Split
from kerascnn.data.loading import load
from kerascnn.data.spec import DataSpec
from kerascnn.visualization import samples
from kerascnn.visualization.contact_sheet import draw_sheet
from kerascnn.visualization.samples import draw_samples
from tests.data.splits import array_images


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """What the sheet of a data set is drawn from."""

    def draw(data: ImageData, **arguments: Any) -> dict[str, Any]:
        seen: dict[str, Any] = {}

        def noted(rows: Any, **more: Any) -> Any:
            seen.update(rows=rows, **more)
            return draw_sheet(rows, **more)

        with monkeypatch.context() as patch:
            patch.setattr(samples, "draw_sheet", noted)
            draw_samples(data, **arguments)
        return seen

    return draw


def _data(labels: np.ndarray) -> ImageData:
    """Images of one pixel, each of its own value."""
    pixels = np.arange(len(labels), dtype=np.uint8).reshape(-1, 1, 1, 1)
    splits = {"train": Split("train", labels, ArrayImages(pixels, np.arange(len(pixels))))}
    names = tuple(f"class {number}" for number in range(labels.max() + 1))
    spec = DataSpec(name="digits")
    return ImageData(spec, names, (1, 1, 1), splits, "", "memory", sizes_differ=False)


def _classes_of(data: ImageData, images: list[np.ndarray]) -> list[str]:
    """The class of each image, looked up among the training images."""
    train = data.splits["train"]
    known = {
        pixels.tobytes(): label
        for pixels, label in zip(array_images(train).pixels, train.labels, strict=True)
    }
    return [data.classes[known[image.tobytes()]] for image in images]


def test_a_row_for_each_class_of_different_images_of_it(drawn) -> None:
    data = load(DataSpec(name="digits"))
    seen = drawn(data)
    assert seen["title"] == "digits: 10 classes, 1,374 training images"
    assert seen["names"] == list(data.classes)
    for name, row in zip(seen["names"], seen["rows"], strict=True):
        images = [image for image, _ in row]
        assert _classes_of(data, images) == [name] * 10
        assert len({image.tobytes() for image in images}) == 10


def test_the_seed_chooses(drawn) -> None:
    data = load(DataSpec(name="digits"))
    first, again, other = (
        [image.tobytes() for row in drawn(data, seed=seed)["rows"] for image, _ in row]
        for seed in (0, 0, 1)
    )
    assert first == again != other


def test_of_many_classes_one_image_each_with_its_name(drawn) -> None:
    data = _data(np.arange(50) % 25)
    seen = drawn(data)
    assert [len(row) for row in seen["rows"]] == [10, 10, 5]
    cells = [cell for row in seen["rows"] for cell in row]
    assert [caption for _, caption in cells] == list(data.classes)
    assert _classes_of(data, [image for image, _ in cells]) == list(data.classes)


def test_classes_with_few_images_have_shorter_rows_and_those_without_none(drawn) -> None:
    data = _data(np.array([0] * 4 + [2] * 30))
    seen = drawn(data)
    assert seen["names"] == ["class 0", "class 2"]
    assert [len(row) for row in seen["rows"]] == [4, 10]
