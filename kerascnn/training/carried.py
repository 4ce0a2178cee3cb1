"""An optimizer that goes on from what another run's had learnt of the gradients."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerascnn.backend import keras
from kerascnn.training.optimizers import recipe_optimizer
from kerascnn.training.schedules import Schedule


def carry_on(model: keras.Model, schedule: Schedule, state: Sequence[np.ndarray]) -> bool:
    """Puts another run's momenta, averages and count of steps into an optimizer.

    The count stays, as Adam's correction of its averages depends on it; the schedule begins anew,
    from that count on.

    Args:
        model: Compiled, and not yet trained.
        schedule: The optimizer's.
        state: The variables of the other run's optimizer, in order.

    Returns:
        Whether they are as many and of the same shapes; where not, nothing is changed.
    """
    optimizer = model.optimizer
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    variables = list(optimizer.variables)
    if [tuple(variable.shape) for variable in variables] != [array.shape for array in state]:
        return False
    own = {id(variable) for variable in schedule.variables}
    for variable, array in zip(variables, state, strict=True):
        if id(variable) not in own:
            variable.assign(array)
    schedule.first = int(recipe_optimizer(model).iterations)
    return True
