"""A model that is loaded once and asked often: from pixels to probabilities."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import expit, softmax

from kerascnn.augment.views import shape_for_views, views
from kerascnn.data.images import resize
from kerascnn.evaluation.scores import mean_of_views
from kerascnn.evaluation.set_predictions import given
from kerascnn.hardware import default_device
from kerascnn.kernels.table import quicken
from kerascnn.serving.archive import SavedModel

_BATCH = 64


class Classifier:
    """Gives images of any size probabilities, as `kerascnn.predict` does.

    Attributes:
        classes: Names, in the order of the probabilities.
    """

    def __init__(self, saved: SavedModel):
        self.classes = saved.classes
        self._saved = saved
        self._model = quicken(saved.model, default_device())

    def probabilities(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Returns the probabilities of every class, float (N, classes).

        Args:
            images: Each uint8 (h, w, 1) or (h, w, 3), of whatever size.
        """
        test_time = self._saved.recipe.augment.test_time
        shape = self._model.input_shape[1:]
        larger = shape_for_views(test_time, shape)
        mode = self._saved.recipe.data.resize
        several = self._saved.thresholds is not None
        size = max(1, _BATCH // test_time.count)
        parts = [np.empty((0, len(self.classes)))]
        for start in range(0, len(images), size):
            resized = [resize(image, larger, mode) for image in images[start : start + size]]
            seen = views(np.stack(resized), test_time, shape).numpy()
            logits = np.asarray(self._model.predict_on_batch(seen.reshape(-1, *shape)))
            together = mean_of_views(
                logits.reshape(test_time.count, len(resized), -1), several_labels=several
            )
            parts.append(expit(together) if several else softmax(together, axis=1))
        return np.concatenate(parts)

    def labels(self, probabilities: np.ndarray) -> list[str] | None:
        """Returns the classes that reach their thresholds, the likeliest first.

        Args:
            probabilities: Of one image, (classes,).

        Returns:
            None for a model that gives an image one label.
        """
        if self._saved.thresholds is None:
            return None
        reached = given(probabilities, np.array(self._saved.thresholds))
        order = np.argsort(-probabilities, kind="stable")
        return [self.classes[index] for index in order[reached[order]]]
