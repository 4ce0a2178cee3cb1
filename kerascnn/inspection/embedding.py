"""Examples as the last hidden layer of a network places them: who is near whom, and a map."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from kerascnn.arithmetic.layers import kernels_of
from kerascnn.backend import keras, tf
from kerascnn.data.dataset import ImageData
from kerascnn.errors import UserError
from kerascnn.inspection.examples import batches

Method = Literal["tsne", "pca"]


@dataclass(frozen=True)
class Features:
    """What the last hidden layer of a network computes for some examples of a split.

    Attributes:
        numbers: Of the examples in the split, ascending, int64 (N,).
        labels: int64 (N,).
        values: float32 (N, D).
        answers: The likeliest class, int64 (N,).
    """

    numbers: np.ndarray
    labels: np.ndarray
    values: np.ndarray
    answers: np.ndarray


def last_hidden(model: keras.Model) -> keras.Model:
    """Returns a network from the same images to what enters the last layer with weights.

    Args:
        model: Functional, from uint8 images to logits.

    Returns:
        To float32 features (B, D), and the logits.
    """
    last = [layer for layer in model.layers if kernels_of(layer)][-1]
    features = last.input if len(last.input.shape) == 2 else keras.layers.Flatten()(last.input)
    features = keras.layers.Activation("linear", dtype="float32", name="last_hidden")(features)
    return keras.Model(model.inputs[0], [features, model.outputs[0]])


def features_of(model: keras.Model, data: ImageData, split: str, numbers: np.ndarray) -> Features:
    """Computes the last hidden layer's features of some examples, in batches.

    Args:
        model: Functional, from uint8 images to logits.
        data: From `load`.
        split: "train", "validation" or "test".
        numbers: Which of its examples, ascending.
    """
    found = list(hidden(model, batches(data, split, numbers)))
    values, answers = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return Features(numbers, data.splits[split].labels[numbers], values, answers)


def hidden(model: keras.Model, images: Iterable[Any]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields the last hidden layer's features of images, batch by batch.

    Args:
        model: Functional, from uint8 images to logits.
        images: In batches, uint8 (B, H, W, C).

    Yields:
        Features, float32 (B, D), and the likeliest classes, int64 (B,).
    """
    network = last_hidden(model)
    shape = tf.TensorSpec((None, *model.input_shape[1:]), tf.uint8)

    def compute(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        features, logits = network(images, training=False)
        return features, tf.argmax(logits, axis=1)

    compute = tf.function(compute, input_signature=[shape])
    for batch in images:
        features, answers = compute(tf.convert_to_tensor(batch))
        yield features.numpy(), answers.numpy()


def nearest(
    model: keras.Model,
    data: ImageData,
    split: str,
    numbers: np.ndarray,
    pixels: np.ndarray,
    count: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Finds the examples whose features have the smallest angle to those of an image.

    Only the best are kept while the examples go by: memory does not depend on their number.

    Args:
        model: Functional, from uint8 images to logits.
        data: From `load`.
        split: "train", "validation" or "test".
        numbers: Which of its examples, ascending.
        pixels: The image, uint8 (H, W, C).
        count: How many are wanted.

    Returns:
        Numbers of the examples in the split, int64 (count,), the most alike first; the cosines of
        the angles, float32 (count,).
    """
    query, _ = last_hidden(model)(pixels[np.newaxis], training=False)
    query = _unit(query.numpy())[0]
    best, cosines = np.zeros(0, np.int64), np.zeros(0, np.float32)
    start = 0
    for features, _ in hidden(model, batches(data, split, numbers)):
        best = np.concatenate([best, numbers[start : start + len(features)]])
        cosines = np.concatenate([cosines, _unit(features) @ query])
        order = np.argsort(-cosines, kind="stable")[:count]
        best, cosines = best[order], cosines[order]
        start += len(features)
    return best, cosines


def _unit(features: np.ndarray) -> np.ndarray:
    """Returns features (N, D) of length 1; zeros stay zeros."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    unit: np.ndarray = np.divide(features, lengths, out=np.zeros_like(features), where=lengths > 0)
    return unit


def vote(labels: np.ndarray, cosines: np.ndarray) -> int:
    """Returns the class that most neighbours have; of several, the one that is most alike.

    Args:
        labels: Of the neighbours, int (K,).
        cosines: How alike they are, (K,).
    """
    classes = np.unique(labels)
    return int(max(classes, key=lambda c: ((labels == c).sum(), cosines[labels == c].sum())))


def usual_method() -> Method:
    """Returns "tsne" where openTSNE is installed, and "pca" elsewhere."""
    try:
        import openTSNE  # noqa: F401
    except ImportError:
        return "pca"
    return "tsne"


def in_the_plane(
    features: np.ndarray, method: Method, *, perplexity: float = 30.0, seed: int = 0
) -> np.ndarray:
    """Places examples in the plane, so that those of like features are close together.

    Args:
        features: float32 (N, D), at least 4.
        method: "pca": the two directions in which they differ most. "tsne": van der Maaten and
            Hinton 2008, by openTSNE (Policar et al. 2024), from the cosines of the angles between
            them; started at "pca". Only who is close to whom means something.
        perplexity: About how many neighbours t-SNE looks at; a third of the examples at most.
        seed: The seed of t-SNE's approximations.

    Returns:
        float32 (N, 2).

    Raises:
        UserError: For "tsne" without openTSNE.
    """
    if method == "pca":
        from sklearn.decomposition import PCA

        dimensions = min(2, features.shape[1])
        placed = PCA(dimensions, svd_solver="full").fit_transform(features)
        return np.pad(placed, ((0, 0), (0, 2 - dimensions))).astype(np.float32)
    try:
        from openTSNE import TSNE
    except ImportError:
        raise UserError(
            "method tsne needs openTSNE: pip install 'kerascnn[embedding]', or take method pca"
        ) from None
    found = TSNE(
        perplexity=min(perplexity, (len(features) - 1) / 3),
        metric="cosine",
        initialization="pca",
        random_state=seed,
        n_jobs=1,  # its threads wait actively: on a busy machine several take far longer
    ).fit(features)
    return np.asarray(found, np.float32)


def neighbour_accuracy(values: np.ndarray, labels: np.ndarray, count: int = 10) -> float:
    """Returns how often the nearest others vote for an example's own class.

    Args:
        values: (N, D), compared by Euclidean distance.
        labels: int (N,).
        count: Of the others that vote; ties go to the smallest label.
    """
    from sklearn.neighbors import KNeighborsClassifier

    count = min(count, len(labels) - 1)
    found = KNeighborsClassifier(count).fit(values, labels)
    others = found.kneighbors(return_distance=False)  # without itself
    votes = np.apply_along_axis(lambda row: np.bincount(row).argmax(), 1, labels[others])
    return float((votes == labels).mean())
