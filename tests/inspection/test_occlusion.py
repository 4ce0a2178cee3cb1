"""A square over the image, against a loop that paints it."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn import build_model
from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.inspection.layers import followed, last_maps
from kerascnn.inspection.occlusion import middles, occlude


def test_places_are_even_from_both_ends() -> None:
    assert middles(28, 1).tolist() == list(range(28))
    assert middles(10, 4).tolist() == [0, 4, 8]
    assert middles(12, 4).tolist() == [1, 5, 9]
    assert middles(11, 3).tolist() == [0, 3, 6, 9]
    assert middles(3, 8).tolist() == [1]


@pytest.mark.parametrize("fill", [128.0, np.array([10.4, 200.6, 30.0])])
def test_answers_are_those_of_painted_images(noise_images, fill) -> None:
    keras.utils.set_random_seed(0)
    model = build_model("convnet", input_shape=(20, 16, 3), classes=4, filters=4, dense=[8])
    image = noise_images(1, 20, 16, 3)[0]
    layer = last_maps(model)
    found = occlude(model, image, size=5, stride=3, fill=fill, layer=layer)
    network = followed(model, [layer.output])

    def sums_and_logits(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        maps, logits = network(image[None])
        return np.asarray(maps).sum((1, 2))[0], np.asarray(logits)[0]

    sums, logits = sums_and_logits(image)
    assert found.unit == sums.argmax()
    assert found.uncovered_activity == pytest.approx(sums.max(), rel=1e-5)
    np.testing.assert_allclose(found.uncovered, logits, rtol=1e-4)
    assert found.logits.shape == (7, 6, 4)
    assert found.activity is not None
    assert found.activity.shape == (7, 6)
    assert found.rows.tolist() == [0, 3, 6, 9, 12, 15, 18]
    assert found.columns.tolist() == [0, 3, 6, 9, 12, 15]
    for i, middle in enumerate(found.rows):
        for j, centre in enumerate(found.columns):
            painted = image.copy()
            for row in range(middle - 2, middle + 3):
                for column in range(centre - 2, centre + 3):
                    if 0 <= row < 20 and 0 <= column < 16:
                        painted[row, column] = np.round(fill)
            sums, logits = sums_and_logits(painted)
            np.testing.assert_allclose(found.logits[i, j], logits, rtol=1e-3, atol=1e-5)
            assert found.activity[i, j] == pytest.approx(sums[found.unit], rel=1e-4)
    assert np.ptp(found.activity) > 1e-2


def test_more_places_than_fit_at_once_and_no_maps(noise_images) -> None:
    keras.utils.set_random_seed(0)
    model = build_model("mlp", input_shape=(20, 20, 1), classes=3)
    image = noise_images(1, 20, 20, 1)[0]
    found = occlude(model, image, size=2, stride=1, fill=0)
    assert found.logits.shape == (20, 20, 3)
    assert found.activity is found.unit is found.uncovered_activity is None
    painted = image.copy()
    painted[18:, 18:] = 0
    np.testing.assert_allclose(found.logits[-1, -1], model(painted[None])[0], rtol=1e-4)


def test_a_square_must_fit(noise_images) -> None:
    model = build_model("mlp", input_shape=(20, 20, 1), classes=3)
    with pytest.raises(UserError, match="size: got 21, must be at most 20, as the image is"):
        occlude(model, noise_images(1, 20, 20, 1)[0], size=21, stride=1, fill=0)
