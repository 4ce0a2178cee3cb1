"""Building a network for its shapes alone: no weight gets memory or a value."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from kerascnn.backend import keras

T = TypeVar("T")


def without_weights(build: Callable[[], T]) -> T:
    """Runs a function that builds Keras layers, and leaves their weights without values.

    The result can be counted and drawn, not called on data. ResNet-152 takes half a second instead
    of two and 240 MB.

    Args:
        build: Takes nothing; what it returns or raises, this does.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            # Keras postpones initial values in this scope, for the tracing of functions.
            with keras.StatelessScope(initialize_variables=False):
                results.append(build())
        except BaseException as error:
            errors.append(error)

    # Keras lists the weights that wait for a value per thread, and would fill them all in at the
    # next layer that it traces; this thread's list ends with it. The precision policy is
    # the thread's own too: float32.
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]
