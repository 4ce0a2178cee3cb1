"""What a network is trained to say of an image: its class, or all of its labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from kerascnn.backend import keras, tf
from kerascnn.evaluation.costs import cost_matrix
from kerascnn.recipe import Recipe
from kerascnn.training.losses import build_loss

ops = keras.ops


@dataclass(frozen=True)
class Targets:
    """The class of each image: softmax and cross-entropy, unless the recipe says else.

    Attributes:
        recipe: As given.
        figure: What is followed from epoch to epoch, beside the loss.
    """

    recipe: Recipe
    figure: ClassVar[str] = "accuracy"

    def of(self, labels: tf.Tensor, classes: int, smoothing: float = 0.0) -> tf.Tensor:
        """Returns the labels of a batch as the loss takes them.

        Args:
            labels: int32 (B,), or float32 (B, classes).
            classes: How many there are.
            smoothing: Share of each label that goes to all classes alike (Szegedy et al. 2016).
        """
        if not self.recipe.soft_labels:
            return labels
        if labels.shape.rank == 1:
            labels = tf.one_hot(labels, classes)
        return labels * (1 - smoothing) + smoothing / classes

    def loss(self, classes: Sequence[str]) -> keras.losses.Loss:
        """Returns the loss on the logits, for classes of these names."""
        spec = self.recipe.training
        return build_loss(
            self.recipe.loss,
            soft_labels=self.recipe.soft_labels,
            gamma=spec.focal_gamma,
            costs=cost_matrix(spec.costs, classes) if spec.costs else None,
        )

    def metric(self, classes: int) -> keras.metrics.Metric:
        """Returns the figure, measured on the logits."""
        accuracy = (
            keras.metrics.CategoricalAccuracy
            if self.recipe.soft_labels
            else keras.metrics.SparseCategoricalAccuracy
        )
        return accuracy(name=self.figure)

    def guessing(self, classes: int) -> float:
        """Returns the loss of a network that knows nothing."""
        return math.log(classes)


class SeveralTargets(Targets):
    """All labels of each image: a sigmoid and binary cross-entropy for each class."""

    figure = "mean_average_precision"

    def of(self, labels: tf.Tensor, classes: int, smoothing: float = 0.0) -> tf.Tensor:
        """Returns them, float32 (B, classes); smoothed ones are drawn towards a half."""
        return labels * (1 - smoothing) + smoothing / 2

    def loss(self, classes: Sequence[str]) -> keras.losses.Loss:
        """Returns the mean binary cross-entropy over the classes."""
        return keras.losses.BinaryCrossentropy(from_logits=True)

    def metric(self, classes: int) -> keras.metrics.Metric:
        """Returns the mean over the classes."""
        return MeanAveragePrecision(classes, name=self.figure)

    def guessing(self, classes: int) -> float:
        """Returns the loss where every label is as likely as not."""
        return math.log(2)


def targets_of(recipe: Recipe) -> Targets:
    """Returns what a recipe's network is trained to say."""
    return (SeveralTargets if recipe.data.labels == "several" else Targets)(recipe)


@keras.saving.register_keras_serializable(package="kerascnn")
class MeanAveragePrecision(keras.metrics.AUC):
    """The mean of the classes' areas under their precision-recall curves, at 200 thresholds.

    To follow a training by: the area is interpolated (Davis and Goadrich 2006), and a class without
    an image counts as 0. Scores after training are exact.

    Args:
        classes: How many there are.
    """

    def __init__(self, classes: int, name: str = "mean_average_precision", **arguments: Any):
        super().__init__(
            curve="PR",
            multi_label=True,
            num_labels=classes,
            from_logits=True,
            name=name,
            **arguments,
        )
        self._classes = classes

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Counts a batch: labels (B, classes), of which mixed ones count from a half; logits."""
        likely = ops.cast(ops.cast(y_true, "float32") >= 0.5, "float32")
        super().update_state(likely, y_pred, sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Everything that `__init__` takes."""
        return {"classes": self._classes, "name": self.name, "dtype": self.dtype}


def monitored(recipe: Recipe) -> str:
    """Returns what the best epoch goes by: "loss", or the figure that is followed beside it."""
    return "loss" if recipe.training.monitor == "loss" else targets_of(recipe).figure
