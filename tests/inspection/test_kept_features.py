"""Features of a split: computed once, read the next time, and computed anew for other weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kerascnn.cache import cache_folder
from kerascnn.data.loading import load
from kerascnn.data.spec import DataSpec
from kerascnn.inspection.embedding import features_of
from kerascnn.inspection.kept_features import split_features, weights_digest
from kerascnn.models.build import build_model


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KERASCNN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "features"


def test_features_are_computed_once(kept: Path) -> None:
    data = load(DataSpec(name="digits"))
    model = build_model("lenet5", input_shape=data.image_shape, classes=10)
    made: list[object] = []

    def quick(network):
        made.append(network)
        return network

    first = split_features(model, data, "validation", quick=quick)
    size = data.splits["validation"].size
    assert first.shape == (size, 84)
    expected = features_of(model, data, "validation", np.arange(size))
    assert first == pytest.approx(expected.values, abs=1e-5)
    assert len(list(kept.glob("*.npy"))) == 1
    again = split_features(model, data, "validation", quick=quick)
    assert np.array_equal(first, again)
    assert len(made) == 1

    model.get_layer("c1").kernel.assign_add(0.1 * np.ones((5, 5, 1, 6)))
    other = split_features(model, data, "validation", quick=quick)
    assert not np.array_equal(first, other)
    assert len(made) == 2


def test_what_was_damaged_is_made_again(kept: Path) -> None:
    data = load(DataSpec(name="digits"))
    model = build_model("linear", input_shape=data.image_shape, classes=10)
    first = split_features(model, data, "test")
    (path,) = kept.glob("*.npy")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="is made anew"):
        again = split_features(model, data, "test")
    assert np.array_equal(first, again)


def test_a_cache_without_room_is_done_without(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERASCNN_CACHE_LIMIT", "1K")
    data = load(DataSpec(name="digits"))
    model = build_model("linear", input_shape=data.image_shape, classes=10)
    assert len(split_features(model, data, "test")) == data.splits["test"].size
    assert not list(cache_folder().rglob("*.npy"))


def test_a_digest_is_of_layers_and_weights() -> None:
    model, other = (build_model("linear", input_shape=(8, 8, 1), classes=3) for _ in range(2))
    assert weights_digest(model) == weights_digest(model) != weights_digest(other)
    other.set_weights(model.get_weights())
    assert weights_digest(model) == weights_digest(other)
