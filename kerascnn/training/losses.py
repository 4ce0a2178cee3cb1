"""What networks are trained with, on their logits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

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
        target = _probabilities(y_true, logits.shape[-1])
        nothing = ops.full_like(logits[:, :1], -self.j)
        competing = ops.logsumexp(ops.concatenate([nothing, logits], axis=-1), axis=-1)
        return competing - ops.sum(target * logits, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Everything that `__init__` takes."""
        return {**super().get_config(), "j": self.j}


@keras.saving.register_keras_serializable(package="kerascnn")
class FocalLoss(keras.losses.Loss):
    """Cross-entropy that counts images little which are right: -(1 - p)^gamma log p on logits.

    Lin et al. 2017, "Focal loss for dense object detection", equation 4, with the softmax of
    several classes in place of a sigmoid; p is the probability of the image's class. Their alpha
    (equation 5) is the weight of a class.

    Args:
        gamma: 0 is cross-entropy; the paper has 2.

    Raises:
        UserError: If `gamma` is negative.
    """

    def __init__(self, gamma: float = 2.0, name: str = "focal_loss", **arguments: Any):
        super().__init__(name=name, **arguments)
        if gamma < 0:
            raise UserError(f"FocalLoss gamma: got {gamma}, must be 0 or more")
        self.gamma = gamma

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the loss of each image (B,).

        Args:
            y_true: Classes, int (B,) or (B, 1), or their probabilities (B, classes), over which the
                mean is taken.
            y_pred: Logits (B, classes).
        """
        log_p = ops.log_softmax(ops.cast(y_pred, "float32"), axis=-1)
        # Where it is 0 the gradient of a power below 1 is infinite.
        missing = ops.maximum(-ops.expm1(log_p), keras.config.epsilon())
        each = ops.power(missing, self.gamma) * log_p
        return -ops.sum(_probabilities(y_true, log_p.shape[-1]) * each, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Everything that `__init__` takes."""
        return {**super().get_config(), "gamma": self.gamma}


@keras.saving.register_keras_serializable(package="kerascnn")
class ExpectedCost(keras.losses.Loss):
    """A loss, and what the network's answers are expected to cost: sum of C(true, k) p(k).

    Galdran et al. 2020, "Cost-sensitive regularization for diabetic retinopathy grading from eye
    fundus images", equation 3; their weight of the second term is in the costs. The costs are those
    of Elkan 2001, "The foundations of cost-sensitive learning", section 1.

    Args:
        loss: On logits, such as cross-entropy.
        costs: (classes, classes), true class by row, answer by column.
    """

    def __init__(
        self,
        loss: keras.losses.Loss,
        costs: Sequence[Sequence[float]],
        name: str = "expected_cost",
        **arguments: Any,
    ):
        super().__init__(name=name, **arguments)
        self.loss = loss
        self.costs = [[float(cost) for cost in row] for row in costs]

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Returns the loss of each image (B,).

        Args:
            y_true: Classes, int (B,) or (B, 1), or their probabilities (B, classes).
            y_pred: Logits (B, classes).
        """
        probabilities = ops.softmax(ops.cast(y_pred, "float32"), axis=-1)
        target = _probabilities(y_true, probabilities.shape[-1])
        costs = ops.matmul(target, ops.convert_to_tensor(self.costs, "float32"))
        return self.loss.call(y_true, y_pred) + ops.sum(costs * probabilities, axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Everything that `__init__` takes."""
        loss = keras.saving.serialize_keras_object(self.loss)
        return {**super().get_config(), "loss": loss, "costs": self.costs}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> ExpectedCost:
        """Makes one of what `get_config` returned."""
        loss = keras.saving.deserialize_keras_object(config["loss"])
        return cls(**{**config, "loss": loss})


def _probabilities(labels: Any, classes: int) -> Any:
    """Returns labels of either kind as probabilities (B, classes)."""
    if len(labels.shape) == 2 and labels.shape[-1] == classes:
        return ops.cast(labels, "float32")
    return ops.one_hot(ops.reshape(labels, (-1,)), classes)


def build_loss(
    name: Loss,
    *,
    soft_labels: bool = False,
    gamma: float = 2.0,
    costs: np.ndarray | None = None,
) -> keras.losses.Loss:
    """Returns a loss on logits.

    Args:
        name: "crossentropy", "focal", or "map" for LeNet-5's of 1998.
        soft_labels: Whether labels are probabilities (B, classes) rather than classes (B,).
        gamma: Of the focal loss.
        costs: Of errors, (classes, classes), true class by row; their expectation is added.
    """
    loss = _plain_loss(name, soft_labels, gamma)
    return loss if costs is None else ExpectedCost(loss, costs.tolist())


def _plain_loss(name: Loss, soft_labels: bool, gamma: float) -> keras.losses.Loss:
    if name == "map":
        return MAPCriterion()  # takes both
    if name == "focal":
        return FocalLoss(gamma)
    if soft_labels:
        return keras.losses.CategoricalCrossentropy(from_logits=True)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
