"""The batch size that fits: found by trial, from free memory, and told after a failure."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from kerascnn.arithmetic import analyze
from kerascnn.backend import keras, tf
from kerascnn.errors import UserError
from kerascnn.models.build import build_model
from kerascnn.recipe import load_recipe
from kerascnn.training.batch_size import MOST, from_free_memory, from_trials, largest_that_fits
from kerascnn.training.device import Device
from kerascnn.training.fit import fit
from kerascnn.training.session import outline, settle_batch_size
from tests.assembled import prepare


@pytest.mark.parametrize(("limit", "most", "found"), [(100, 512, 64), (512, 512, 512), (0, 64, 0)])
def test_the_largest_power_of_two(limit: int, most: int, found: int) -> None:
    tried = []

    def fits(size: int) -> bool:
        tried.append(size)
        return size <= limit

    assert largest_that_fits(fits, most) == found
    assert tried == sorted(tried, reverse=True)
    assert largest_that_fits(fits, 50) == (0 if limit < 32 else 32)


def test_free_memory_bounds_it_and_so_do_sense_and_the_data(monkeypatch) -> None:
    analysis = analyze(build_model("vgg16", input_shape=(224, 224, 3), classes=1000, abstract=True))
    for gigabytes in (4, 16, 64):
        memory = SimpleNamespace(available=gigabytes * 2**30)
        monkeypatch.setattr(psutil, "virtual_memory", lambda memory=memory: memory)
        size, reason = from_free_memory(analysis, 1_281_167)
        assert analysis.training_bytes(size) <= gigabytes * 2**29
        assert analysis.training_bytes(2 * size) > gigabytes * 2**29
        assert reason.endswith("iB of memory")
    small = analyze(build_model("linear", input_shape=(8, 8, 1), classes=2, abstract=True))
    assert from_free_memory(small, 1_000_000)[0] == MOST
    size, reason = from_free_memory(small, 1374)
    assert size == 32  # 42 steps an epoch
    assert reason.endswith("and no more would help")


@keras.saving.register_keras_serializable(package="kerascnn tests")
class Hungry(keras.layers.Layer):
    """Allocates 64 MiB for a batch of 16 and a pebibyte for one of 32."""

    def call(self, x):
        # Counted from the values, so that TensorFlow cannot do it when it compiles.
        exponent = tf.math.count_nonzero(tf.math.is_finite(x[:, 0])) * 3 // 2
        numbers = tf.fill([tf.bitwise.left_shift(tf.ones((), tf.int64), exponent)], 0.0)
        return x + numbers[0]


def _hungry():
    recipe = load_recipe("digits-quick", ["model={name: linear}", "training.epochs=1"])
    data, model = prepare(recipe)
    layer = Hungry()
    model = keras.Model(model.input, layer(model.output), name="linear")
    return recipe, data, model


def test_a_batch_that_does_not_fit_is_one_line_with_the_largest_that_does(capfd) -> None:
    recipe, data, model = _hungry()
    with pytest.raises(UserError) as raised:
        fit(model, data, recipe)
    assert str(raised.value) == (
        "training.batch_size: 32 does not fit into memory; the largest that does is 16; "
        "--batch-size auto finds it"
    )


def test_trials_find_it_and_leave_the_network_as_it_was(capfd) -> None:
    recipe, data, model = _hungry()
    recipe = recipe.with_training(batch_size="auto")
    before = [np.array(variable) for variable in model.variables]
    gpu = Device("gpu:0", "for a test of the trials", bfloat16_units=False, explicit=False)
    settled, reason = settle_batch_size(model, data, recipe, gpu, analyze(model))
    assert (settled.training.batch_size, reason) == (16, "tried")
    for variable, value in zip(model.variables, before, strict=True):
        np.testing.assert_array_equal(np.array(variable), value)


def test_not_even_one_image(monkeypatch) -> None:
    model = _hungry()[2]
    monkeypatch.setattr("kerascnn.training.batch_size.takes_a_step", lambda *_: False)
    with pytest.raises(UserError, match="not even one image fits into memory"):
        from_trials(model, None, 100)


@pytest.mark.ci
def test_auto_on_the_command_line(workplace, kerascnn) -> None:
    from kerascnn import tracking

    done = kerascnn("train", "linear", "digits", "--epochs", "1", "--batch-size", "auto")
    assert done.code == 0, done.err
    assert "batch size 32 (" in done.out
    run = tracking.load_run("latest")
    assert run.params["training.batch_size"] == "32"
    assert run.recipe.training.batch_size == 32
    assert run.params["precision"] == "float32"
    assert run.params["device"] in ("cpu", "gpu:0")
    assert run.tags["precision_reason"]
    done = kerascnn("train", "linear", "digits", "--batch-size", "auto", "--dry-run")
    assert done.code == 0, done.err
    assert "training, batch 32" in done.out
    assert "batch_size: auto" in done.out


def test_what_a_dry_run_counts_with() -> None:
    recipe = load_recipe("digits-quick")
    assert outline(recipe)[2] == 32
