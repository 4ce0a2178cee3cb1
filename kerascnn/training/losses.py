"""What networks are trained with, on their logits."""

from __future__ import annotations

from typing import Any

from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.models.registry import Loss

ops = keras.ops


@keras.saving.register_keras_serializable(package="kerascnn")
class MAPCriterion(keras.losses.Loss):
    """LeNet-5's loss y_D + log(exp(-j) + sum of exp(-y_i)) on logits -y.

    LeCun et al. 1998, section II-C: y_i is the distance of an image to the code of class i, D its
    class. Pulls the right distance down and pushes the others up, but no longer those beyond about
    j. The paper does not give j: a small one leaves the right distance alone, a large one
    cross-entropy on the logits.

    Args:
        j: Distance from which on a wrong class costs nothing; positive.

    Raises:
        UserError: If `j` is not positive.
    """

    def __init__(self, j: float = 0.1, name: str = "map_criterion", **arguments: Any):
        super().__init__(name=name, **arguments)
        if j <= 0:
            raise UserError(f"MAPCriterion j: got {j}, must be positive")
        self.j = j

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the loss of each image (B,).

        Args:
            y_true: Classes, int (B,) or (B, 1), or their probabilities (B, classes).
            y_pred: Logits (B, classes), minus the distances.
        """
        logits = ops.cast(y_pred, "float32")
        classes = logits.shape[-1]
        if len(y_true.shape) == 2 and y_true.shape[-1] == classes:
            target = ops.cast(y_true, "float32")
        else:
            target = ops.one_hot(ops.reshape(y_true, (-1,)), classes)
        nothing = ops.full_like(logits[:, :1], -self.j)
        competing = ops.logsumexp(ops.concatenate([nothing, logits], axis=-1), axis=-1)
        return competing - ops.sum(target * logits, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Everything that `__init__` takes."""
        return {**super().get_config(), "j": self.j}


def build_loss(name: Loss, *, soft_labels: bool = False) -> keras.losses.Loss:
    """Returns the loss of a network (`ModelEntry.loss`).

    Args:
        name: "crossentropy", or "map" for LeNet-5's of 1998.
        soft_labels: Whether labels are probabilities (B, classes) rather than classes (B,).
    """
    if name == "map":
        return MAPCriterion()  # takes both
    if soft_labels:
        return keras.losses.CategoricalCrossentropy(from_logits=True)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
