"""The images that a network takes for most like one."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.data.loading import load
from kerascnn.data.pipeline import pictures
from kerascnn.data.spec import DataSpec
from kerascnn.models.build import build_model
from kerascnn.visualization.neighbours import Neighbours
from kerascnn.visualization.picture import Seen, Subject


@pytest.fixture(scope="module")
def subject():
    data = load(DataSpec(name="digits"))
    model = build_model("linear", input_shape=data.image_shape, classes=10)
    (pixels,) = pictures(data, "train", np.array([5]))
    seen = Seen("a file", pixels, int(data.splits["train"].labels[5]))
    return Subject("net", model, tuple(data.classes), (seen,), load_data=lambda: data)


def test_an_image_is_most_like_itself(subject) -> None:
    picture = Neighbours(k=12).picture(subject)
    assert picture.arrays["numbers"][0] == 5
    cosines = picture.arrays["cosines"]
    assert cosines[0] == pytest.approx(1, abs=1e-5)
    assert (np.diff(cosines) <= 0).all()
    train = subject.data.splits["train"]
    numbers = picture.arrays["numbers"]
    np.testing.assert_array_equal(picture.arrays["neighbours"], train.images.pixels[numbers])
    np.testing.assert_array_equal(picture.arrays["labels"], train.labels[numbers])
    labels = picture.arrays["labels"]
    votes = (labels == np.bincount(labels).argmax()).sum()
    assert f"({votes} of 12)" in picture.lines[0]
    assert "the network says '" in picture.lines[0]
    captions = [text.get_text() for text in picture.figure.texts]
    assert captions.count("neighbours") == 1
    assert "1.000" in captions


def test_but_is_no_neighbour_of_its_own(subject) -> None:
    own = Subject(
        "net",
        subject.model,
        subject.classes,
        (Seen("train:5", subject.images[0].pixels),),
        load_data=subject.load_data,
    )
    picture = Neighbours(k=3).picture(own)
    assert 5 not in picture.arrays["numbers"]
    assert not any("is " in text.get_text()[:3] for text in picture.figure.texts)
