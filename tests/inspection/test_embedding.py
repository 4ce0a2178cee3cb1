"""The last hidden layer: its features, neighbours in it, and maps of it."""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from kerascnn.backend import keras
from kerascnn.data.loading import load
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError
from kerascnn.inspection.embedding import (
    features_of,
    in_the_plane,
    last_hidden,
    nearest,
    neighbour_accuracy,
    usual_method,
    vote,
)
from kerascnn.models.build import build_model
from kerascnn.serving.temperature import with_temperature


@pytest.fixture(scope="module")
def data():
    return load(DataSpec(name="digits"))


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return build_model("mlp", input_shape=(32, 32, 1), classes=10, hidden=(20,))


def test_features_are_what_the_last_layer_with_weights_reads(data, model) -> None:
    numbers = np.array([3, 4, 9, 200, 268])
    found = features_of(model, data, "test", numbers)
    images = data.splits["test"].images.part(numbers).pixels
    pixels = (images.reshape(5, -1) - 127.5) / 64
    hidden = np.maximum(pixels @ model.get_layer("fc1").get_weights()[0], 0)
    np.testing.assert_allclose(found.values, hidden, atol=1e-5)
    kernel, bias = model.get_layer("fc2").get_weights()
    np.testing.assert_array_equal(found.answers, (hidden @ kernel + bias).argmax(axis=1))
    np.testing.assert_array_equal(found.labels, data.splits["test"].labels[numbers])


def test_of_many_kinds_of_networks_they_are_found() -> None:
    def width(network: str, **options: Any) -> int:
        model = build_model(network, input_shape=(32, 32, 3), classes=10, **options)
        features, logits = last_hidden(with_temperature(model, 2.0)).outputs
        assert logits.shape == (None, 10)
        assert features.dtype == "float32"
        return int(features.shape[1])

    assert width("lenet5") == width("lenet5-1998") == 84
    assert width("cifar-resnet20") == 64
    assert width("linear") == 32 * 32 * 3


def test_neighbours_are_those_of_a_full_search(data, model) -> None:
    pixels = data.splits["test"].images.pixels[17]
    numbers = np.arange(0, 1300, 2)
    found, cosines = nearest(model, data, "train", numbers, pixels, 25)
    features = features_of(model, data, "train", numbers)
    query = last_hidden(model)(pixels[None])[0].numpy()
    search = NearestNeighbors(n_neighbors=25, metric="cosine", algorithm="brute")
    distances, places = search.fit(features.values).kneighbors(query)
    np.testing.assert_array_equal(found, numbers[places[0]])
    np.testing.assert_allclose(cosines, 1 - distances[0], atol=1e-5)


def test_features_that_are_all_zero_are_like_nothing(data) -> None:
    model = build_model("mlp", input_shape=(32, 32, 1), classes=10, hidden=(3,))
    model.set_weights([weight * 0 for weight in model.get_weights()])
    pixels = data.splits["test"].images.pixels[0]
    numbers, cosines = nearest(model, data, "test", np.arange(5), pixels, 9)
    assert numbers.tolist() == [0, 1, 2, 3, 4]
    assert cosines.tolist() == [0] * 5


def test_the_vote_is_of_the_most_and_then_of_the_most_alike() -> None:
    assert vote(np.array([1, 2, 2]), np.array([0.9, 0.5, 0.5])) == 2
    assert vote(np.array([2, 1, 1, 2]), np.array([0.9, 0.8, 0.8, 0.6])) == 1


def test_pca_is_the_singular_value_decomposition() -> None:
    values = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    found = in_the_plane(values, "pca")
    centred = values - values.mean(axis=0)
    _, _, directions = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(found), np.abs(centred @ directions[:2].T), atol=1e-4)
    assert found.dtype == np.float32
    assert in_the_plane(values[:, :1], "pca").shape == (50, 2)


def test_tsne_keeps_groups_together_and_is_the_same_again() -> None:
    pytest.importorskip("openTSNE")
    generator = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 25)
    values = np.eye(4, 12)[labels] * 5 + generator.normal(size=(100, 12)) * 0.3
    found = in_the_plane(values.astype(np.float32), "tsne")
    assert found.shape == (100, 2)
    assert neighbour_accuracy(found, labels) == 1
    np.testing.assert_array_equal(found, in_the_plane(values.astype(np.float32), "tsne"))
    assert usual_method() == "tsne"


def test_without_opentsne(monkeypatch) -> None:
    real = builtins.__import__

    def missing(name, *arguments, **options):
        if name == "openTSNE":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", missing)
    assert usual_method() == "pca"
    with pytest.raises(
        UserError, match=r"tsne needs openTSNE: pip install 'kerascnn\[embedding\]'"
    ):
        in_the_plane(np.zeros((9, 2), np.float32), "tsne")


def test_neighbours_of_ones_own_class() -> None:
    values = np.array([[0.0], [0.1], [0.2], [5.0], [5.1], [5.2]])
    assert neighbour_accuracy(values, np.array([0, 0, 0, 1, 1, 1]), 2) == 1
    assert neighbour_accuracy(values, np.array([0, 0, 1, 1, 1, 1]), 2) == pytest.approx(5 / 6)
