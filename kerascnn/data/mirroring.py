"""Whether the classes of a data set survive a mirror: letters do not, most photographs do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.stats import binomtest
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SIDE = 16  # of the small images that are compared
_SURE = 0.01  # of the test: how often it may be wrong
_SIDES = re.compile(r"(^|[^a-z])(left|right)([^a-z]|$)")


@dataclass(frozen=True)
class Mirroring:
    """Whether training images may be mirrored, left to right.

    Attributes:
        survives: Whether the classes stay what they are.
        why: In words.
    """

    survives: bool
    why: str


def judge_mirroring(
    images: Sequence[np.ndarray], labels: np.ndarray, classes: Sequence[str], *, folds: int = 5
) -> Mirroring:
    """Tells from the names of the classes, and from a linear classifier, whether to mirror images.

    The classifier learns small copies of some images, and answers for the others as they are and
    mirrored. Where it is right about fewer of the mirrored ones, by more than chance (one-sided
    McNemar test), the side that a thing is on tells its class.

    Args:
        images: uint8 (H, W, 1 or 3) each, of any sizes.
        labels: int (N,), indices into `classes`.
        classes: Names.
        folds: Parts that the images are cut into, each answered for once; fewer where a class has
            fewer images.
    """
    if all(len(name.strip()) == 1 for name in classes):
        return Mirroring(False, "the classes are single letters or digits")
    sides = next((name for name in classes if _SIDES.search(name.lower())), None)
    if sides is not None:
        return Mirroring(False, f"class '{sides}' names a side")
    counts = np.unique(labels, return_counts=True)[1]
    parts = min(folds, *counts.tolist()) if len(counts) > 1 else 0
    if parts < 2:
        return Mirroring(True, "nothing tells that it changes a class")
    small = np.stack([_small(image) for image in images])
    lost, won = 0, 0
    for known, rest in StratifiedKFold(parts, shuffle=True, random_state=0).split(small, labels):
        linear = make_pipeline(StandardScaler(), RidgeClassifier(alpha=100))
        linear.fit(small[known].reshape(len(known), -1), labels[known])
        plain, mirrored = (
            linear.predict(shown.reshape(len(rest), -1)) == labels[rest]
            for shown in (small[rest], small[rest, :, ::-1])
        )
        lost += int((plain & ~mirrored).sum())
        won += int((mirrored & ~plain).sum())
    if lost > won and binomtest(lost, lost + won, alternative="greater").pvalue < _SURE:
        return Mirroring(
            False,
            f"a linear classifier loses {lost:,} of {len(labels):,} images when they are mirrored, "
            f"and wins {won:,}",
        )
    return Mirroring(
        True,
        f"a linear classifier is right about as many of {len(labels):,} images mirrored as plain",
    )


def _small(image: np.ndarray) -> np.ndarray:
    """Returns an image in small and grey, float32 (SIDE, SIDE)."""
    shown = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).convert("L")
    return np.asarray(shown.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)
