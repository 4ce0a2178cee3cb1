"""From an optimizer spec to Keras's optimizer and the callbacks of its schedule."""

from __future__ import annotations

from kerascnn.backend import keras
from kerascnn.recipe import OptimizerSpec


def build_optimizer(spec: OptimizerSpec) -> keras.optimizers.Optimizer:
    """Returns the Keras optimizer that the spec describes."""
    weight_decay = spec.weight_decay or None
    if spec.name == "sgd":
        return keras.optimizers.SGD(
            spec.learning_rate,
            momentum=spec.momentum,
            nesterov=spec.nesterov,
            weight_decay=weight_decay,
        )
    # AdamW is Keras's Adam with a weight decay, and refuses to be without one.
    return keras.optimizers.Adam(spec.learning_rate, weight_decay=weight_decay)


def schedule_callbacks(spec: OptimizerSpec) -> list[keras.callbacks.Callback]:
    """Returns the callbacks that change the learning rate over the run."""
    if spec.schedule.name == "constant":
        return []
    return [
        keras.callbacks.ReduceLROnPlateau(
            monitor="val_loss", factor=spec.schedule.factor, patience=spec.schedule.patience
        )
    ]
