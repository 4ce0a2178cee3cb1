"""TFDS sets: prepared, missing, and the real ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kerascnn.augment.spec import AugmentSpec
from kerascnn.backend import tf
from kerascnn.data.loading import load
from kerascnn.data.pipeline import evaluation_batches, training_batches
from kerascnn.data.records import open_set
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError


def test_a_prepared_set(tfds_set: str, capfd: pytest.CaptureFixture[str]) -> None:
    data = load(DataSpec(name=tfds_set))
    assert data.classes == ("round", "square", "thin")
    assert data.image_shape == (224, 224, 3)
    assert data.sizes_differ
    assert sum(split.size for split in data.splits.values()) == 60
    captured = capfd.readouterr()
    assert captured.err == ""
    assert captured.out == ""


def test_what_tfds_says_of_a_set_is_remembered_while_its_folder_stays(
    tfds_set: str, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERASCNN_CACHE", str(tmp_path))
    first = open_set(tfds_set)
    assert len(list((tmp_path / "sets").iterdir())) == 1
    code = "import sys\nfrom kerascnn.data.records import open_set\n"
    code += f"print(open_set({tfds_set!r})); assert 'tensorflow_datasets' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{first}\n"
    names = prepared / "shapes" / "1.0.0" / "label.labels.txt"
    before = names.read_text()
    try:
        names.write_text("a\nb\nc and more\n")
        assert open_set(tfds_set).classes == ("a", "b", "c and more")
    finally:
        names.write_text(before)


def test_the_fingerprint_sees_content(tfds_set: str, prepared: Path) -> None:
    first = load(DataSpec(name=tfds_set)).fingerprint
    assert load(DataSpec(name=tfds_set, image_size=20)).fingerprint == first
    shard = next(prepared.rglob("*00002-of-00004"))
    content = shard.read_bytes()
    records = list(tf.data.TFRecordDataset(str(shard)).as_numpy_iterator())
    middle = len(records[0]) // 2  # of a picture
    try:
        with tf.io.TFRecordWriter(str(shard)) as writer:
            for record in records:
                writer.write(record[:middle] + bytes([record[middle] ^ 1]) + record[middle + 1 :])
        assert shard.stat().st_size == len(content)
        assert load(DataSpec(name=tfds_set)).fingerprint != first
    finally:
        shard.write_bytes(content)


def test_neither_prepared_nor_downloadable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # where nothing listens: no network
    monkeypatch.setattr("urllib.request._opener", None)  # has the proxies of its first use
    with pytest.raises(
        UserError,
        match=r"'fashion_mnist' is not prepared in .* and cannot be downloaded "
        r"\(<urlopen error .*Connection refused>\): prepare it .*TFDS_DATA_DIR",
    ):
        load(DataSpec(name="fashion_mnist"))
    assert capfd.readouterr().err == ""


@pytest.mark.realdata
def test_mnist(test_data: Path) -> None:
    data = load(DataSpec(name="mnist"))
    assert data.image_shape == (28, 28, 1)
    assert [split.size for split in data.splits.values()] == [54_000, 6_000, 10_000]
    # The official numbers of each digit.
    train = data.splits["train"].labels, data.splits["validation"].labels
    assert np.bincount(np.concatenate(train)).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip
    assert np.bincount(data.splits["test"].labels).tolist() == [
        980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009,
    ]  # fmt: skip
    images = evaluation_batches(data, "test", batch_size=10_000)
    pixels, labels = next(images.as_numpy_iterator())
    np.testing.assert_array_equal(labels, data.splits["test"].labels)
    assert pixels.mean() == pytest.approx(33.79, abs=0.01)


@pytest.mark.realdata
def test_photos(test_data: Path) -> None:
    data = load(DataSpec(name=f"folder:{test_data / 'photos'}", image_size=64, cache="none"))
    assert data.classes == ("animal", "object")
    assert sum(split.size for split in data.splits.values()) == 199
    stream = training_batches(data, AugmentSpec(preset="inception"), batch_size=32, seed=0)
    batches = list(stream.take(5).as_numpy_iterator())
    assert [len(labels) for _, labels in batches] == [32, 32, 32, 32, 24]
    assert all(60 < pixels.mean() < 180 for pixels, _ in batches)
