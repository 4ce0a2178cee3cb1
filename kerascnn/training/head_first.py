"""The head of a network alone for some epochs, then all of it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from kerascnn.backend import keras
from kerascnn.training.budget import Budget
from kerascnn.training.optimizers import recipe_optimizer
from kerascnn.training.position import Position
from kerascnn.training.schedules import Schedule


class HeadFirst(keras.callbacks.Callback):
    """Trains the head alone until an epoch begins, then all that the recipe trains.

    Meanwhile the other layers are not trainable, as Keras has it: no gradients, no decay, and
    batch normalisation by its moving averages, which stay. The optimizer is built for all weights
    from the start, so that a checkpoint of either part has the same variables; Keras takes
    gradients of a part of them. Where the others join, the optimizer forgets what it has learnt of
    the gradients, as fastai's does: its averages of the head's would count as those of weights that
    have none yet, whose first steps Adam would take three times too large. The step that Keras has
    compiled is made anew there.

    Args:
        head: Names of the layers that are trained first.
        epochs: How many of the run that takes.
        position: Called before this.
        budget: Called before this; its speed was that of the head alone.
        schedule: Of the learning rate; begins where the others join.

    Attributes:
        renew: Makes the model's train function anew.
    """

    def __init__(
        self,
        head: Collection[str],
        epochs: int,
        *,
        position: Position,
        budget: Budget,
        schedule: Schedule,
    ):
        super().__init__()
        self._head, self._epochs = head, epochs
        self._position, self._budget, self._schedule = position, budget, schedule
        self.renew: Callable[[], None] = lambda: None
        self._waiting: list[tuple[Any, bool]] = []  # layers, and whether they were trainable

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Freezes the others, but where a resumed run has them already."""
        if (self._position.epoch, self._position.step) <= (self._epochs, 0):
            self._schedule.first = self._schedule.head_steps
            for layer in _others(self.model, self._head):
                self._waiting += [(part, part.trainable) for part in _parts(layer)]
                layer.trainable = False

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Lets the others join in their first epoch."""
        if epoch == self._epochs and self._waiting:
            self.release()
            own = {id(variable) for variable in self._schedule.variables}
            for variable in recipe_optimizer(self.model).variables:
                if id(variable) not in own:
                    variable.assign(keras.ops.zeros_like(variable))
            self._schedule.first = 0
            self._budget.forget_speed()
            self.renew()

    def release(self) -> None:
        """Makes the layers as trainable as they were, also where the run has ended before."""
        for layer, trainable in self._waiting:
            layer.trainable = trainable
        self._waiting = []


def _others(model: keras.Model, head: Collection[str]) -> list[Any]:
    return [layer for layer in model.layers if layer.weights and layer.name not in head]


def _parts(layer: Any) -> list[Any]:
    """A layer and, where it is a network itself, all that it is made of, from the outside in."""
    return [layer, *(part for inner in getattr(layer, "layers", ()) for part in _parts(inner))]
