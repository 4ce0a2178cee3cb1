"""Which images excite a unit most, against sorting all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from kerascnn import build_model
from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.inspection.layers import feature_maps, followed
from kerascnn.inspection.strongest import Strongest, batch_size, strongest


def in_batches(images: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(images), size):
        yield images[start : start + size]


def sorted_all(values: np.ndarray, k: int) -> Strongest:
    """Of maps (N, H, W, units): every image's strongest place, all images sorted."""
    count, height, width, units = values.shape
    flat = values.reshape(count, height * width, units)
    best, cells = flat.max(axis=1), flat.argmax(axis=1)
    order = np.argsort(-best, axis=0, kind="stable")[:k]
    cell = np.take_along_axis(cells, order, axis=0).T
    positions = np.stack(np.divmod(cell, width), axis=-1)
    return Strongest(np.take_along_axis(best, order, axis=0).T, order.T, positions)


@pytest.mark.parametrize(
    ("name", "shape", "options"),
    [
        ("cifar-resnet20", (32, 32, 3), {"n": 1, "filters": 4}),
        ("lenet5-1998", (28, 28, 1), {}),
        ("alexnet", (67, 67, 3), {"dense": (8, 8)}),
    ],
)
def test_the_same_as_sorting_all_of_them(
    name: str, shape: tuple[int, int, int], options: dict, noise_images: Callable[..., np.ndarray]
) -> None:
    keras.utils.set_random_seed(0)
    model = build_model(name, input_shape=shape, classes=4, **options)
    images = noise_images(45, *shape)
    found = strongest(model, in_batches(images, 8), k=9)
    maps = feature_maps(model)
    assert list(found) == list(maps)
    *values, _ = followed(model, [one.output for one in maps.values()]).predict(
        images, batch_size=8, verbose=0
    )
    for value, one in zip(values, found.values(), strict=True):
        expected = sorted_all(value, 9)
        np.testing.assert_allclose(one.activations, expected.activations, rtol=1e-4, atol=1e-5)
        # Where two activations are equal but for rounding either may come first.
        gaps = np.diff(expected.activations, axis=1, prepend=np.inf, append=-np.inf)
        apart = (np.minimum(-gaps[:, 1:], -gaps[:, :-1]) > 1e-4) & (expected.activations > 0)
        np.testing.assert_array_equal(one.images[apart], expected.images[apart])
        assert apart.mean() > 0.5 or (expected.activations <= 0).any()


def equal_activations() -> keras.Model:
    """A network whose one map is the picture itself."""
    images = keras.Input((3, 3, 1), dtype="uint8", name="images")
    x = keras.layers.Rescaling(1.0, name="pixels")(images)
    x = keras.layers.Conv2D(2, 1, use_bias=False, name="conv1")(x)
    x = keras.layers.Flatten()(x)
    model = keras.Model(images, keras.layers.Dense(2, name="logits")(x))
    model.get_layer("conv1").set_weights([np.array([[[[1.0, -1.0]]]])])
    return model


def test_of_equal_activations_the_first_image_and_the_first_place_count() -> None:
    model = equal_activations()
    images = np.zeros((7, 3, 3, 1), np.uint8)
    images[[1, 4, 6], 2, :2] = 5
    images[2, 1, 2] = 9
    found = strongest(model, in_batches(images, 2), ["conv1"], k=3)["conv1"]
    np.testing.assert_array_equal(found.images, [[2, 1, 4], [0, 1, 2]])
    np.testing.assert_array_equal(found.activations, [[9, 5, 5], [0, 0, 0]])
    np.testing.assert_array_equal(found.positions[0], [[1, 2], [2, 0], [2, 0]])
    np.testing.assert_array_equal(found.positions[1, 0], [0, 0])
    np.testing.assert_array_equal(found.order(), [0])
    np.testing.assert_array_equal(found.dead, [1])


def test_fewer_images_than_are_asked_for() -> None:
    images = np.full((2, 3, 3, 1), 4, np.uint8)
    found = strongest(equal_activations(), [images], ["conv1"], k=4)["conv1"]
    np.testing.assert_array_equal(found.images[0], [0, 1, -1, -1])
    np.testing.assert_array_equal(found.activations[0], [4, 4, -np.inf, -np.inf])
    np.testing.assert_array_equal(found.order(), [0])


def test_units_are_ordered_by_the_mean_of_what_is_kept() -> None:
    activations = np.array([[9.0, 0, 0], [5, 5, 5], [0, 0, 0], [6, 6, -np.inf]], np.float32)
    images = np.array([[0, 1, 2], [0, 1, 2], [0, 1, 2], [0, 1, -1]])
    found = Strongest(activations, images, np.zeros((4, 3, 2), np.int32))
    np.testing.assert_array_equal(found.order(), [3, 1, 0])


def test_a_layer_that_is_not_there() -> None:
    model = equal_activations()
    with pytest.raises(UserError, match="unknown layer 'conv2'.*conv1"):
        strongest(model, [], ["conv2"])


def test_the_networks_layers_stay_keras_own() -> None:
    model = build_model("cifar-resnet20", input_shape=(32, 32, 3), classes=4, n=1, filters=2)
    before = [type(layer) for layer in model.layers]
    strongest(model, [np.zeros((2, 32, 32, 3), np.uint8)], ["conv1"])
    assert [type(layer) for layer in model.layers] == before


def test_batches_shrink_as_images_grow() -> None:
    assert batch_size((32, 32, 3)) == batch_size((28, 28, 1)) == 128
    assert batch_size((224, 224, 3)) == 2
    assert batch_size((4000, 4000, 3)) == 1
