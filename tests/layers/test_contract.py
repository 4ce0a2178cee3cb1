"""What every layer must do: shapes, precision, gradients, saving."""

from __future__ import annotations

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from kerascnn import layers

MAPS = (2, 7, 6, 4)
LAYERS = {
    "LRN": (lambda **a: layers.LRN(size=3, alpha=0.1, **a), MAPS),
    "LRN-beta": (lambda **a: layers.LRN(size=5, alpha=0.1, beta=0.5, k=1.0, **a), MAPS),
    "LCN": (lambda **a: layers.LCN(size=3, sigma=1.0, **a), MAPS),
    "CeilMaxPooling2D": (lambda **a: layers.CeilMaxPooling2D(3, 2, **a), MAPS),
    "CeilAveragePooling2D": (lambda **a: layers.CeilAveragePooling2D((4, 3), 2, **a), MAPS),
    "LpPooling2D": (lambda **a: layers.LpPooling2D(3, 2, **a), MAPS),
    "LpPooling2D-1": (lambda **a: layers.LpPooling2D(2, order=1, **a), MAPS),
    "StochasticPooling2D": (lambda **a: layers.StochasticPooling2D(seed=1, **a), MAPS),
    "SPP": (lambda **a: layers.SPP((3, 2, 1), **a), MAPS),
    "Maxout": (lambda **a: layers.Maxout(2, **a), MAPS),
    "Maxout-dense": (lambda **a: layers.Maxout(3, **a), (2, 6)),
    "UntiedBias": (layers.UntiedBias, MAPS),
    "UnscaledDropout": (lambda **a: layers.UnscaledDropout(0.3, seed=1, **a), MAPS),
    "LocallyConnected2D": (
        lambda **a: layers.LocallyConnected2D(
            5,
            3,
            strides=2,
            padding="same",
            activation="tanh",
            kernel_regularizer=keras.regularizers.L2(0.1),
            kernel_constraint=keras.constraints.MaxNorm(3, axis=2),
            **a,
        ),
        MAPS,
    ),
    "Subsampling2D": (layers.Subsampling2D, MAPS),
    "SparseConv2D": (
        lambda **a: layers.SparseConv2D(
            ((0, 1), (2, 3), (0, 1, 2)), 3, activation=layers.scaled_tanh, **a
        ),
        MAPS,
    ),
    "RBF": (lambda **a: layers.RBF(3, **a), (2, 84)),
    "Whitening": (layers.Whitening, MAPS),
    "StochasticDepth": (lambda **a: layers.StochasticDepth(0.3, seed=1, **a), MAPS),
    "Shrinkage": (layers.Shrinkage, MAPS),
}
each_layer = pytest.mark.parametrize("name", LAYERS)


def _is_layer(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, keras.Layer)


def made(name: str, **arguments: object) -> tuple[keras.Layer, np.ndarray]:
    make, shape = LAYERS[name]
    return make(**arguments), np.random.default_rng(0).normal(size=shape).astype("float32")


def test_every_exported_layer_is_here():
    classes = {name for name in layers.__all__ if _is_layer(getattr(layers, name))}
    assert classes == {name.split("-")[0] for name in LAYERS}


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'LNR'"):
        _ = layers.LNR


@pytest.mark.ci
def test_a_fresh_process_loads_them_after_register(tmp_path):
    inputs = keras.Input(MAPS[1:])
    x = layers.Maxout(2)(layers.LRN()(inputs))
    x = keras.layers.Dense(3, activation=layers.scaled_tanh)(x)
    keras.Model(inputs, x).save(tmp_path / "model.keras")
    code = (
        "import sys; from kerascnn import layers; from kerascnn.backend import keras\n"
        "assert 'tensorflow' not in sys.modules\n"
        "layers.register(); keras.saving.load_model(sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "model.keras"], check=True)


@each_layer
def test_shape_and_dtype_are_those_announced(name):
    layer, x = made(name)
    assert layer.compute_output_shape(x.shape) == tuple(layer(x).shape)
    symbolic = layer(keras.Input(x.shape[1:]))
    assert symbolic.shape == (None, *layer(x).shape[1:])
    assert symbolic.dtype == "float32"


@each_layer
def test_saves_and_loads_to_equal_outputs(name, tmp_path):
    layer, x = made(name)
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, layer(inputs))
    for weight in layer.trainable_weights:
        weight.assign(np.random.default_rng(1).normal(size=weight.shape))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x), model(x))
    assert loaded.layers[1].get_config() == layer.get_config()
    assert loaded.layers[1].__class__.__module__.startswith("kerascnn.layers")


@each_layer
@pytest.mark.parametrize(("policy", "places"), [("mixed_bfloat16", 3e-2), ("mixed_float16", 4e-3)])
def test_mixed_precision_computes_in_half_and_stays_near(name, policy, places):
    layer, x = made(name, dtype=policy)
    exact, _ = made(name)
    layer.build(x.shape)
    exact.build(x.shape)
    exact.set_weights(layer.get_weights())
    half, full = layer(x), exact(x)
    assert half.dtype == tf.as_dtype(policy.removeprefix("mixed_"))
    assert all(weight.dtype == "float32" for weight in layer.weights)
    scale = np.abs(full).max()
    np.testing.assert_allclose(np.asarray(half, "float32"), full, atol=places * scale)


@each_layer
@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
@pytest.mark.parametrize("size", [0.0, 1.0, 300.0])  # 300^2 is beyond float16
@pytest.mark.parametrize("training", [False, True])
def test_outputs_and_gradients_are_finite(name, policy, size, training):
    layer, x = made(name, dtype=policy)
    layer.build(x.shape)
    # The distance of LeNet's output has squares of its own; networks give it float32.
    if name == "RBF" and policy != "float32":
        size = min(size, 1.0)
    x = tf.constant(x * size)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=training) if layer._call_has_training_arg else layer(x)
        total = tf.reduce_sum(tf.cast(y, "float32"))
    watched = [x, *layer.trainable_weights]
    gradients = tape.gradient(total, watched)
    assert np.isfinite(total)
    assert all(np.isfinite(gradient).all() for gradient in gradients)


@each_layer
def test_compiles_with_xla(name):  # as Keras does by itself on a GPU
    layer, x = made(name)
    layer.build(x.shape)

    @tf.function(jit_compile=True)
    def slope(x: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(x)
            total = tf.reduce_sum(tf.square(layer(x)))
        return tape.gradient(total, x)

    with tf.GradientTape() as tape:
        watched = tf.constant(x)
        tape.watch(watched)
        total = tf.reduce_sum(tf.square(layer(watched)))
    expected = tape.gradient(total, watched).numpy()
    scale = np.abs(expected).max()
    np.testing.assert_allclose(slope(tf.constant(x)), expected, atol=1e-4 * scale)
