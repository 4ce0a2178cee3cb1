"""What optimizers do to weights, against steps worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from kerascnn import layers
from kerascnn.backend import keras, tf
from kerascnn.data.pipeline import evaluation_batches
from kerascnn.errors import UserError
from kerascnn.evaluation.scores import predict_logits
from kerascnn.models.build import build_model
from kerascnn.recipe import load_recipe
from kerascnn.training.fit import fit
from kerascnn.training.optimizer_spec import OptimizerSpec
from kerascnn.training.optimizers import build_optimizer, scored_weights, weight_rules
from kerascnn.training.schedules import Schedule
from tests.assembled import prepare

NAMES = OptimizerSpec.names()


def _model(**options):
    keras.utils.set_random_seed(0)
    options = {"stages": 1, "convolutions": 1, "filters": 3, "dense": (), **options}
    model = build_model("convnet", input_shape=(4, 4, 1), classes=3, **options)
    for weight in model.trainable_variables:  # biases too
        weight.assign(np.random.default_rng(1).normal(size=weight.shape))
    return model


def _steps(model, count=1, gradient=0.0, steps_per_epoch=10, **fields):
    """Takes steps with gradients that are all alike; returns the weights by path."""
    spec = OptimizerSpec(**{"schedule": "constant", **fields})
    schedule = Schedule(spec, steps=100, steps_per_epoch=steps_per_epoch)
    optimizer = build_optimizer(spec, model, schedule)
    optimizer.build(model.trainable_variables)
    before = _weights(model)
    for step in range(count):
        value = gradient[step] if np.ndim(gradient) else gradient
        optimizer.apply([tf.fill(v.shape, float(value)) for v in model.trainable_variables])
    return before, _weights(model), optimizer


def _weights(model):
    return {weight.path: weight.numpy().copy() for weight in model.trainable_variables}


def test_coupled_decay_goes_through_the_momentum():
    """AlexNet's rule: v <- 0.9 v - lr wd w - lr g; w <- w + v (Krizhevsky et al. 2012, sec. 5)."""
    before, after, _ = _steps(
        _model(), 5, 0.3, name="sgd", learning_rate=0.1, momentum=0.9, l2=0.05
    )
    for path, decay in (("fc1/kernel", 0.05), ("fc1/bias", 0.0)):
        w, v = before[path].copy(), 0.0
        for _ in range(5):
            v = 0.9 * v - 0.1 * decay * w - 0.1 * 0.3
            w = w + v
        np.testing.assert_allclose(after[path], w, rtol=1e-5, atol=1e-6)


def test_decoupled_decay_passes_the_momentum_by():
    before, after, _ = _steps(
        _model(), 5, 0.3, name="sgd", learning_rate=0.1, momentum=0.9, weight_decay=0.05
    )
    w, v = before["fc1/kernel"].copy(), 0.0
    for _ in range(5):
        w = w - 0.1 * 0.05 * w
        v = 0.9 * v - 0.1 * 0.3
        w = w + v
    np.testing.assert_allclose(after["fc1/kernel"], w, rtol=1e-5, atol=1e-6)


def test_coupled_decay_is_keras_l2_with_half_the_factor():
    """The same two epochs, once with our l2, once with regularizers in the layers."""
    weights = []
    for model, optimizer in (({}, {"l2": 0.02}), ({"l2": 0.02}, {})):
        recipe = load_recipe(
            {
                "model": {"name": "convnet", "stages": 1, "filters": 2, "dense": [], **model},
                "data": {"name": "digits"},
                "optimizer": {"name": "sgd", "learning_rate": 0.05, **optimizer},
                "training": {"epochs": 1, "batch_size": 256},
            }
        )
        data, network = prepare(recipe)
        fit(network, data, recipe)
        weights.append(network.get_weights())
    for ours, kerass in zip(*weights, strict=True):
        np.testing.assert_allclose(ours, kerass, rtol=1e-3, atol=1e-5)


def test_a_layer_with_a_decay_of_its_own_keeps_it_alone():
    model = build_model("cuda-convnet", input_shape=(8, 8, 3), classes=3)
    rules = weight_rules(OptimizerSpec(l2=0.1), model)
    assert rules["conv1/kernel"].l2 == 0.1
    assert rules["local3/kernel"].l2 == rules["fc5/kernel"].l2 == 0.0


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["l2", "weight_decay"])
def test_only_kernels_shrink_unless_told_otherwise(name, kind):
    spec = {"weight_decay": 0.0, "name": name, "learning_rate": 0.1, kind: 0.1}
    for decay, shrunk in (("kernels", {"kernel"}), ("all", {"kernel", "bias", "gamma", "beta"})):
        before, after, _ = _steps(_model(batch_norm=True), decay=decay, **spec)
        changed = {path.split("/")[1] for path in before if (before[path] != after[path]).any()}
        assert changed == shrunk


def test_slopes_never_shrink():
    model = build_model("prelu-net-a", input_shape=(64, 64, 3), classes=3, abstract=True)
    rules = weight_rules(OptimizerSpec(l2=0.1, weight_decay=0.1, decay="all"), model)
    slopes = {path for path in rules if path.endswith("alpha")}
    assert slopes
    for path, rule in rules.items():
        assert (rule.l2, rule.weight_decay) == ((0, 0) if path in slopes else (0.1, 0.1))


@pytest.mark.parametrize("name", NAMES)
def test_multipliers_scale_the_step_of_their_layers(name):
    spec = {"name": name, "learning_rate": 0.1, "weight_decay": 0.1}
    before, plain, _ = _steps(_model(), gradient=0.3, **spec)
    multipliers = {"conv1*/bias": 0.0, "conv*": 0.25, "*/bias": 2.0}  # the first that matches
    _, scaled, _ = _steps(_model(), gradient=0.3, learning_rate_multipliers=multipliers, **spec)
    for path, factor in {
        "conv1_1/bias": 0.0,
        "conv1_1/kernel": 0.25,
        "fc1/bias": 2.0,
        "fc1/kernel": 1.0,
    }.items():
        moved = (plain[path] - before[path]) * factor
        np.testing.assert_allclose(scaled[path] - before[path], moved, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("conv1", r"^unknown layer of .*_multipliers 'conv1': did you mean conv1_2 or conv1_1"),
        ("conv1_1/kernels", r"^unknown .* 'conv1_1/kernels': did you mean conv1_1/kernel"),
    ],
)
def test_a_pattern_that_matches_nothing_is_refused_before_the_run(pattern, message):
    recipe = load_recipe(
        {
            "model": {"name": "convnet", "stages": 1},
            "data": {"name": "digits"},
            "optimizer": {"learning_rate_multipliers": {pattern: 2}},
        }
    )
    with pytest.raises(UserError, match=message):
        prepare(recipe)


def test_clipping_bounds_the_gradient_of_the_data_alone():
    before, after, _ = _steps(
        _model(), gradient=100.0, name="sgd", momentum=0, learning_rate=1.0, clip_norm=0.5, l2=0.01
    )
    count = sum(value.size for value in before.values())
    for path, value in before.items():
        decay = 0.01 * value if path.endswith("kernel") else 0.0
        step = 0.5 / np.sqrt(count) + decay
        np.testing.assert_allclose(after[path], value - step, rtol=1e-4, atol=1e-6)
    before, after, _ = _steps(
        _model(), gradient=100.0, name="sgd", momentum=0, learning_rate=1.0, clip_value=0.5
    )
    np.testing.assert_allclose(after["fc1/bias"], before["fc1/bias"] - 0.5, rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_accumulated_batches_equal_one_that_is_larger(name):
    """Two batches of g and 3 g are one of twice the size, whose mean gradient is 2 g."""
    spec = {"name": name, "l2": 0.1, "weight_decay": 0.1, "clip_norm": 1.0}
    before, whole, _ = _steps(_model(), 2, 0.2, **spec)
    _, halves, optimizer = _steps(_model(), 4, [0.1, 0.3, 0.1, 0.3], accumulation=2, **spec)
    assert int(optimizer.iterations) == 2
    for path in whole:
        assert (whole[path] != before[path]).any()
        np.testing.assert_allclose(halves[path], whole[path], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("accumulation", [1, 2])
def test_averages_are_those_of_the_weights_after_each_update(accumulation):
    model = _model()
    spec = {"name": "sgd", "momentum": 0, "learning_rate": 0.1, "ema": 0.3}
    gradients = [1.0, 2.0, -4.0, 1.0, 3.0, 0.5]
    start, _, optimizer = _steps(model, 6, gradients, accumulation=accumulation, **spec)
    path = "fc1/bias"
    weight, average = start[path], None
    for done, mean in enumerate(np.reshape(gradients, (-1, accumulation)).mean(axis=1)):
        weight = weight - 0.1 * mean
        past = min(0.3, done / (done + 9))
        average = weight if average is None else past * average + (1 - past) * weight
    assert average is not None
    model.compile(optimizer)
    scored = dict(zip((w.path for w in model.weights), scored_weights(model), strict=True))
    np.testing.assert_allclose(scored[path], average, rtol=1e-5)
    np.testing.assert_allclose(_weights(model)[path], weight, rtol=1e-5)


class _Raw(keras.callbacks.Callback):
    """Remembers the weights as trained, and as averaged, after each epoch."""

    def __init__(self):
        super().__init__()
        self.raw, self.averaged, self.losses = [], [], []

    def on_epoch_end(self, epoch, logs=None):
        self.raw.append(self.model.get_weights())
        self.averaged.append(scored_weights(self.model))
        self.losses.append(logs["val_loss"])


def test_validation_and_the_kept_weights_are_the_averages():
    watch = _Raw()
    recipe = load_recipe(
        {
            "model": {"name": "convnet", "stages": 1, "filters": 2, "batch_norm": True},
            "data": {"name": "digits"},
            "optimizer": {"name": "sgd", "learning_rate": 0.05, "ema": 0.9, "max_norm": 0.5},
            "training": {"epochs": 3, "batch_size": 128},
        }
    )
    data, model = prepare(recipe)
    outcome = fit(model, data, recipe, callbacks=[watch])
    best = outcome.best_epoch
    assert best is not None
    for kept, averaged in zip(model.get_weights(), watch.averaged[best], strict=True):
        np.testing.assert_array_equal(kept, averaged)
    assert any(
        (kept != raw).any() for kept, raw in zip(model.get_weights(), watch.raw[best], strict=True)
    )
    # The loss of the kept weights is the one that was logged, and the averages are bounded too.
    batches = evaluation_batches(data, "validation", batch_size=153)
    loss = model.evaluate(batches, verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(watch.losses[best], rel=1e-4)
    kernel = model.get_layer("fc1").kernel.numpy()
    assert np.linalg.norm(kernel, axis=0).max() <= 0.5 + 1e-5


@pytest.mark.parametrize(
    ("name", "shape"),
    [("convnet", (8, 8, 1)), ("cuda-convnet", (8, 8, 3)), ("maxout-cifar10", (8, 8, 3))],
)
def test_no_unit_is_longer_than_the_bound(name, shape):
    model = build_model(name, input_shape=shape, classes=3)
    _steps(model, 2, 1.0, name="sgd", learning_rate=1.0, max_norm=0.3)
    for layer in model.layers:
        for weight in layer.trainable_weights:
            if weight.name != "kernel":
                continue
            kernel = weight.numpy()
            if isinstance(layer, layers.LocallyConnected2D):
                lengths = np.linalg.norm(kernel, axis=2)
            else:
                lengths = np.linalg.norm(kernel.reshape(-1, kernel.shape[-1]), axis=0)
            assert lengths.max() == pytest.approx(0.3, rel=1e-3)


def test_a_tighter_bound_of_the_layer_itself_stays():
    model = build_model("maxout-cifar10", input_shape=(8, 8, 3), classes=3)
    _steps(model, 2, 1.0, name="sgd", learning_rate=1.0, max_norm=1.5)
    for layer, bound in (("h0", 0.9), ("h1", 1.5), ("y", 1.5)):
        kernel = model.get_layer(layer).kernel.numpy()
        lengths = np.linalg.norm(kernel.reshape(-1, kernel.shape[-1]), axis=0)
        assert lengths.max() == pytest.approx(bound, rel=1e-3)


def test_a_unit_without_weights_of_its_own_cannot_be_bounded():
    recipe = load_recipe(
        {
            "model": {"name": "lenet5-1998"},
            "data": {"name": "digits", "image_size": 32},
            "optimizer": {"max_norm": 2},
        }
    )
    with pytest.raises(UserError, match="max_norm: cannot bound the sparse convolution c3"):
        prepare(recipe)


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_grows_from_start_to_end(nesterov):
    before, after, optimizer = _steps(
        _model(),
        8,
        1.0,
        steps_per_epoch=2,
        name="sgd",
        learning_rate=0.1,
        momentum=0.9,
        nesterov=nesterov,
        momentum_start=0.5,
        momentum_ramp=3,
    )
    w, v = before["fc1/bias"].copy(), 0.0
    for step in range(8):
        m = 0.5 + 0.4 * min(step / 6, 1)
        v = m * v - 0.1
        w = w + (m * v - 0.1 if nesterov else v)
    np.testing.assert_allclose(after["fc1/bias"], w, rtol=1e-5)
    assert optimizer.figures()["momentum"] == pytest.approx(0.9)


def test_momentum_is_logged_where_it_grows():
    recipe = load_recipe(
        {
            "model": {"name": "linear"},
            "data": {"name": "digits"},
            "optimizer": {"name": "sgd", "momentum_start": 0.5, "momentum_ramp": 2},
            "training": {"epochs": 3, "batch_size": 256},
        }
    )
    data, model = prepare(recipe)
    history = fit(model, data, recipe).history
    expected = 0.5 + 0.4 * np.minimum(np.array([5, 11, 17]) / 12, 1)
    np.testing.assert_allclose(history["momentum"], expected, rtol=1e-5)


def test_muon_makes_a_convolutions_step_orthogonal():
    model = _model(filters=4)
    optimizer_spec = {"name": "muon", "learning_rate": 1.0, "weight_decay": 0.0}
    spec = OptimizerSpec(schedule="constant", **optimizer_spec)
    optimizer = build_optimizer(spec, model, Schedule(spec, steps=10, steps_per_epoch=10))
    optimizer.build(model.trainable_variables)
    before = _weights(model)
    rng = np.random.default_rng(0)
    gradients = [
        tf.constant(rng.normal(size=v.shape), "float32") for v in model.trainable_variables
    ]
    optimizer.apply(gradients)
    step = (_weights(model)["conv1_1/kernel"] - before["conv1_1/kernel"]).reshape(9, 4)
    # Five iterations bring the singular values near 1; the step is 0.2 sqrt(9) of that.
    values = np.linalg.svd(step / (0.2 * 3), compute_uv=False)
    assert values.min() > 0.6
    assert values.max() < 1.3


def test_smoothed_labels_are_for_training_alone():
    losses = {}
    for smoothing in (0.0, 0.4):
        recipe = load_recipe(
            {
                "model": {"name": "linear"},
                "data": {"name": "digits"},
                "optimizer": {"name": "sgd", "learning_rate": 1e-9, "momentum": 0},
                "training": {"epochs": 1, "batch_size": 1374, "label_smoothing": smoothing},
            }
        )
        data, model = prepare(recipe)  # the same weights, which do not move
        history = fit(model, data, recipe).history
        losses[smoothing] = history["loss"][0], history["val_loss"][0]
    logits = predict_logits(model, data, "train", recipe.augment.test_time)
    assert losses[0.4][1] == pytest.approx(losses[0.0][1], rel=1e-5)
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    labels = data.splits["train"].labels
    hard = -log_p[np.arange(len(labels)), labels].mean()
    assert losses[0.0][0] == pytest.approx(hard, rel=1e-4)
    assert losses[0.4][0] == pytest.approx(0.6 * hard - 0.4 * log_p.mean(), rel=1e-4)
