"""The layers around an exported network, beside what they stand for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerascnn.augment.views import ViewSpec, views
from kerascnn.backend import keras, tf
from kerascnn.data.images import resize
from kerascnn.evaluation.scores import mean_of_views
from kerascnn.serving.exports.layers import FitImages, Probabilities, ViewsOfImages, gelu

RNG = np.random.default_rng(0)


@settings(max_examples=25)
@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.sampled_from(["crop", "stretch", "pad"]),
    st.sampled_from([1, 3]),
)
def test_an_image_is_fitted_as_training_does_it(h: int, w: int, mode: str, channels: int) -> None:
    image = RNG.integers(0, 256, (h, w, 3), dtype=np.uint8)
    wanted = resize(image, (24, 32, channels), mode).astype(int)  # type: ignore[arg-type]
    got = FitImages(24, 32, channels, mode)(image[None]).numpy()[0]
    assert got.dtype == np.uint8
    # A level more or less where the mean is half way between two.
    assert np.abs(got - wanted).max() <= 1
    assert np.abs(got - wanted).mean() < 0.2


@pytest.mark.parametrize("size", [(24, 3000), (3000, 24), (1, 1), (700, 900)])
@pytest.mark.parametrize("mode", ["crop", "stretch", "pad"])
def test_very_long_and_large_images(size: tuple[int, int], mode: str) -> None:
    image = RNG.integers(0, 256, (*size, 3), dtype=np.uint8)
    wanted = resize(image, (24, 32, 3), mode).astype(int)  # type: ignore[arg-type]
    got = FitImages(24, 32, 3, mode)(image[None]).numpy()[0]
    assert np.abs(got - wanted).max() <= 1
    assert (got != wanted).mean() < 0.01


def test_an_image_of_the_right_size_stays_as_it_is() -> None:
    images = RNG.integers(0, 256, (3, 28, 20, 3), dtype=np.uint8)
    np.testing.assert_array_equal(FitImages(28, 20, 3, "crop")(images), images)


@pytest.mark.parametrize("several", [False, True])
def test_the_mean_over_views_is_that_of_predict(several: bool) -> None:
    spec = ViewSpec(crops="five", flip=True, scales=(1.25,))
    images = RNG.integers(0, 256, (4, 20, 20, 3), dtype=np.uint8)
    seen = ViewsOfImages(16, 16, spec.model_dump(mode="json"))(images)
    np.testing.assert_array_equal(
        seen, tf.reshape(views(tf.constant(images), spec, (16, 16, 3)), [-1, 16, 16, 3])
    )
    logits = RNG.normal(size=(spec.count * 4, 5)).astype(np.float32)
    together = mean_of_views(logits.reshape(spec.count, 4, 5), several_labels=several)
    wanted = tf.sigmoid(together) if several else tf.nn.softmax(together)
    got = Probabilities(spec.count, several)(logits)
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


def test_they_are_saved_and_loaded_with_what_makes_them() -> None:
    for layer in (
        FitImages(24, 32, 1, "pad"),
        ViewsOfImages(8, 8, {"flip": True}),
        Probabilities(2, several_labels=True),
    ):
        again = keras.layers.deserialize(keras.layers.serialize(layer))
        assert again.get_config() == layer.get_config()


def test_gelu_is_that_of_keras() -> None:
    x = np.linspace(-6, 6, 101, dtype=np.float32)
    np.testing.assert_allclose(gelu(x), keras.activations.gelu(x), atol=1e-6)
