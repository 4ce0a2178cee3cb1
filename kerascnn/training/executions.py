"""Several training steps in one call of TensorFlow, where a step is short beside the call."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from kerascnn.arithmetic import Analysis
from kerascnn.backend import keras, tf
from kerascnn.training.budget import Budget
from kerascnn.training.position import Position

# A call costs some 0.7 ms beside its steps. LeNet-5's step, 0.16 billion MACs, takes 5 ms on two
# cores; a call should not take so long that Ctrl-C, the bar or the clock have to wait for it.
_MACS = 4e9
_MOST = 16


def steps_per_call(analysis: Analysis, batch_size: int) -> int:
    """Returns how many steps of a network are worth one call: 1 where they take long enough."""
    step = 3 * analysis.macs * batch_size  # forward, and twice that backward
    return max(1, min(_MOST, int(_MACS / step)))


def several_steps(
    model: keras.Model,
) -> Callable[[tf.data.Iterator, Any], tuple[Any, dict[str, Any]]]:
    """Returns what takes up to so many training steps in one call.

    In place of Keras's `steps_per_execution`, which takes the same number in every call and so
    goes on into the next epoch where that does not divide an epoch's steps.

    Args:
        model: Compiled.

    Returns:
        A function of a tf.data iterator and a number of steps, int32. It gives the number of steps
        done, fewer where a loss was not finite (the last of them), and the logs after it.
    """
    step = tf.function(
        model.train_step, reduce_retracing=True, jit_compile=model.jit_compile, autograph=False
    )

    def run(iterator: tf.data.Iterator, count: tf.Tensor) -> Any:
        step.get_concrete_function(iterator.element_spec)  # metrics are built by the first step
        return tf.while_loop(
            lambda done, logs: (done < count) & tf.math.is_finite(logs["loss"]),
            lambda done, logs: (done + 1, step(next(iterator))),
            (tf.constant(0), model.get_metrics_result()),
        )

    traced: Callable[[Any, Any], tuple[Any, dict[str, Any]]] = tf.function(run, autograph=False)
    return traced


@contextlib.contextmanager
def executions(
    model: keras.Model, position: Position, budget: Budget, most: int
) -> Iterator[Callable[[], None]]:
    """Lets every call of a model's train function take several steps.

    Args:
        model: Compiled. Has Keras's own train function again afterwards.
        position: Is told how many steps a call takes.
        budget: No call goes beyond its last step.
        most: Steps of a call; an epoch's last has what is left. 1 leaves everything to Keras.

    Yields:
        A function that makes the train function anew, once other layers are trainable.
    """
    if most == 1:
        yield lambda: model.make_train_function(force=True)
        return
    run: Any = None

    def renew() -> None:
        nonlocal run
        run = several_steps(model)

    def next_steps(iterator: tf.data.Iterator) -> dict[str, Any]:
        left = min(position.steps - position.step, budget.total_steps - budget.steps)
        position.taken = max(1, min(most, left))
        logs: dict[str, Any]
        position.done, logs = run(iterator, tf.constant(position.taken))
        return logs

    renew()
    model.train_function = next_steps
    try:
        yield renew
    finally:
        model.train_function = None
