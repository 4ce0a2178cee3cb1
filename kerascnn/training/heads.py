"""Networks with auxiliary heads: the outputs that only training has."""

from __future__ import annotations

from typing import Any

from kerascnn.backend import keras


def heads_of(model: keras.Model) -> list[str]:
    """Returns the names of the outputs of a network with auxiliary heads; none without."""
    return list(model.output) if isinstance(model.output, dict) else []


class MainHead(keras.callbacks.Callback):
    """Names the main head's figures as those of a network without auxiliary heads.

    The loss of an epoch stays the weighted sum that is trained; the validation loss, which chooses
    the best epoch, becomes the main head's own.
    """

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Renames, for the callbacks after this one."""
        assert logs is not None
        for name in [name for name in logs if "logits_" in name]:
            value = logs.pop(name)
            if name != "logits_loss":
                logs[name.replace("logits_", "")] = value
