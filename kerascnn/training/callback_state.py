"""The state of callbacks, as a checkpoint holds it.

A callback whose later doings depend on what it saw before is `Stateful`: its state is part of a
checkpoint, so that a resumed run continues exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from kerascnn.backend import keras


@runtime_checkable
class Stateful(Protocol):
    """A callback with a state.

    The state nests mappings (by str) and lists of numbers, strings, None and NumPy arrays. It is
    asked for between two steps or after an epoch's last callback, and given back right after every
    callback's `on_train_begin`, when the model's and the optimizer's variables are restored.
    """

    def get_state(self) -> dict[str, Any]:
        """Returns what `set_state` needs."""
        ...

    def set_state(self, state: dict[str, Any]) -> None:
        """Continues where `get_state` was called."""
        ...


# Keras's own callbacks keep theirs in attributes, and forget it in on_train_begin.
_KERAS_STATE: dict[type, tuple[str, ...]] = {
    keras.callbacks.EarlyStopping: ("wait", "best", "best_epoch", "stopped_epoch"),
    keras.callbacks.SwapEMAWeights: ("_ema_weights_in_model",),
    keras.callbacks.History: ("history", "epoch"),
}


def _keras_state(callback: keras.callbacks.Callback) -> tuple[str, ...]:
    return next((names for kind, names in _KERAS_STATE.items() if isinstance(callback, kind)), ())


def states(callbacks: Sequence[keras.callbacks.Callback]) -> list[dict[str, Any]]:
    """Returns every callback's state, in order; empty where it has none."""
    return [
        callback.get_state()
        if isinstance(callback, Stateful)
        else {name: getattr(callback, name) for name in _keras_state(callback)}
        for callback in callbacks
    ]


def restore_states(
    callbacks: Sequence[keras.callbacks.Callback], saved: Sequence[dict[str, Any]]
) -> None:
    """Gives every callback back the state that `states` returned."""
    for callback, state in zip(callbacks, saved, strict=True):
        if isinstance(callback, Stateful):
            callback.set_state(state)
        else:
            for name in _keras_state(callback):
                setattr(callback, name, state[name])
