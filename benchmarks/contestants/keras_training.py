"""A contestant: kerascnn, plain Keras on TensorFlow, or Keras on JAX (KERAS_BACKEND=jax).

    python -m benchmarks.contestants.keras_training NETWORK POLICY THREADS WHOSE

WHOSE is kerascnn, products, keras or jax. "products" is kerascnn with kernels' gradients by matrix
products, which a run takes where they are measured to be faster. Plain Keras is the very same
model, not made quick by `kerascnn.kernels`, a tf.data stream and `train_function`, as `fit` runs
it; ours takes several steps in a call where `fit` does. On JAX it is Keras's own loop for that
backend, `stateless_call` and `stateless_apply` in one jitted step.
"""

from __future__ import annotations

import sys
from importlib.metadata import version
from typing import Any

from benchmarks.contestants.answers import begin
from benchmarks.contestants.training import CLASSES, NETWORKS, Network, Step, answer_with, images_of


def _on_tensorflow(model: Any, network: Network, *, ours: bool) -> Step:
    from kerascnn.arithmetic import analyze
    from kerascnn.backend import keras, tf
    from kerascnn.training.executions import several_steps, steps_per_call

    model.compile(
        keras.optimizers.SGD(0.01, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    most = steps_per_call(analyze(model), network.batch) if ours else 1
    if most > 1:
        several = several_steps(model)

        def train(batches: Any) -> dict[str, Any]:
            return several(batches, tf.constant(most))[1]
    else:
        model.make_train_function()
        train = model.train_function
    images, labels = images_of(network)
    data = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(len(labels))
    batches = iter(data.batch(network.batch).repeat().prefetch(tf.data.AUTOTUNE))

    def step(count: int) -> int:
        calls = -(-count // most)
        for _ in range(calls):
            logs = train(batches)
        float(logs["loss"])
        return calls * most

    return step


def _on_jax(model: Any, network: Network) -> Step:
    import jax
    import keras
    import numpy as np

    optimizer = keras.optimizers.SGD(0.01, momentum=0.9)
    optimizer.build(model.trainable_variables)
    loss_of_logits = keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def one(state: Any, images: Any, labels: Any) -> Any:
        trainable, others, momentum = state

        def loss_of(trainable: Any) -> Any:
            logits, after = model.stateless_call(trainable, others, images, training=True)
            return loss_of_logits(labels, logits), after

        (loss, others), slopes = jax.value_and_grad(loss_of, has_aux=True)(trainable)
        trainable, momentum = optimizer.stateless_apply(momentum, slopes, trainable)
        return loss, (trainable, others, momentum)

    train = jax.jit(one, donate_argnums=0)
    groups = (model.trainable_variables, model.non_trainable_variables, optimizer.variables)
    state = tuple([jax.numpy.array(variable.value) for variable in group] for group in groups)
    images, labels = images_of(network)
    random = np.random.default_rng(0)

    def step(count: int) -> int:
        nonlocal state
        for _ in range(count):
            chosen = random.integers(len(labels), size=network.batch)
            loss, state = train(state, images[chosen].astype(np.float32), labels[chosen])
        float(loss)
        return count

    return step


def main() -> None:
    name, policy, threads, kind = sys.argv[1:]
    begin(int(threads))
    from benchmarks.step_cost import bytes_per_image, bytes_per_step, flops_per_image
    from kerascnn.arithmetic import analyze
    from kerascnn.backend import keras
    from kerascnn.kernels.table import quicken
    from kerascnn.models.build import build_model

    network = NETWORKS[name]
    keras.config.set_dtype_policy(policy)
    model = build_model(**network.options, input_shape=network.shape, classes=CLASSES)
    keras.config.set_dtype_policy("float32")
    versions = f"keras {version('keras')}"
    if kind == "jax":
        versions = f"jax {version('jax')}, {versions}"
        step = _on_jax(model, network)
    else:
        ours = kind != "keras"
        if ours:
            quicken(model, "cpu", products=kind == "products")
        versions = f"tensorflow {version('tensorflow')}, {versions}"
        step = _on_tensorflow(model, network, ours=ours)
    analysis = analyze(model)
    introduction = {
        "versions": versions,
        "flops_per_image": flops_per_image(analysis),
        "bytes_per_image": bytes_per_image(analysis, 4 if policy == "float32" else 2),
        "bytes_per_step": bytes_per_step(analysis),
    }
    answer_with(step, network, introduction)


if __name__ == "__main__":
    main()
