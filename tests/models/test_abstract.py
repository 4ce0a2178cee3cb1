"""Networks that are built for their shapes alone."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn.backend import keras
from kerascnn.models.abstract import without_weights
from kerascnn.training.computation import Computation


def _dense(units: int = 3) -> keras.Model:
    images = keras.Input((4,))
    return keras.Model(images, keras.layers.Dense(units, name="fc")(images))


def test_shapes_are_known_and_weights_have_no_values() -> None:
    model = without_weights(_dense)
    assert model.output_shape == (None, 3)
    assert [tuple(weight.shape) for weight in model.weights] == [(4, 3), (3,)]
    assert model.count_params() == 15
    assert all(weight._value is None for weight in model.weights)


def test_a_kernel_of_a_terabyte_costs_nothing() -> None:
    assert without_weights(lambda: _dense(10**11)).count_params() == 5 * 10**11


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_what_goes_wrong_comes_through(error: BaseException) -> None:
    def build() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        without_weights(build)
    assert raised.value is error


def test_what_is_built_before_and_after_has_values() -> None:
    before = _dense()
    without_weights(_dense)
    after = _dense()
    for model in (before, after):
        kernel = model.get_layer("fc").get_weights()[0]
        np.testing.assert_allclose(model(np.ones((1, 4)))[0], kernel.sum(axis=0), rtol=1e-5)


def test_it_is_in_float32_whatever_the_policy() -> None:
    with Computation("mixed_bfloat16", "").scope():
        model = without_weights(_dense)
        assert model.get_layer("fc").compute_dtype == "float32"
        assert _dense().get_layer("fc").compute_dtype == "bfloat16"


def test_it_may_be_nested_and_repeated() -> None:
    def build() -> int:
        return without_weights(_dense).count_params() + _dense().count_params()

    assert [without_weights(build) for _ in range(3)] == [30] * 3
