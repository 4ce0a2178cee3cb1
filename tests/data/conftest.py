"""Image files and data sets made on the spot."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from kerascnn.backend import tf
from tests.data.pictures import picture


@pytest.fixture
def image_folder(tmp_path: Path) -> Callable[..., Path]:
    """Writes a folder per class: `image_folder({"cat": 5, "dog": 7})`, or with splits above."""

    def make(
        classes: Mapping[str, int],
        *,
        below: str = "",
        sizes: tuple[tuple[int, int], ...] = ((12, 16),),
        ending: str = "png",
    ) -> Path:
        seed = sum(map(ord, below))
        for name, count in classes.items():
            folder = tmp_path / "set" / below / name
            folder.mkdir(parents=True)
            for i in range(count):
                seed += 1
                image = Image.fromarray(picture(*sizes[i % len(sizes)], seed=seed))
                image.save(folder / f"{i:03}.{ending}")
        return tmp_path / "set"

    return make


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A TFDS folder with the set `shapes`: 60 JPEG of mixed sizes in 3 classes, 4 record files."""
    root = tmp_path_factory.mktemp("tfds")
    folder = root / "shapes" / "1.0.0"
    folder.mkdir(parents=True)
    lengths = [20, 17, 13, 10]
    labels = iter([i % 20 for i in range(60)])
    for shard, length in enumerate(lengths):
        name = folder / f"shapes-train.tfrecord-{shard:05}-of-00004"
        with tf.io.TFRecordWriter(str(name)) as writer:
            for _ in range(length):
                i = next(labels)
                size = ((40, 50), (60, 30), (25, 25))[i % 3]
                content = io.BytesIO()
                seed = 100 * shard + i + length
                Image.fromarray(picture(*size, seed=seed)).save(content, "JPEG")
                features = {
                    "image": {"bytes_list": {"value": [content.getvalue()]}},
                    "label": {"int64_list": {"value": [0 if i < 6 else 1 if i < 16 else 2]}},
                }
                writer.write(tf.train.Example(features={"feature": features}).SerializeToString())
    names = {"image": "image_feature.Image", "label": "class_label_feature.ClassLabel"}
    module = "tensorflow_datasets.core.features"
    shape = {"dimensions": ["-1", "-1", "3"]}
    described: dict[str, dict[str, Any]] = {
        "image": {"image": {"dtype": "uint8", "encodingFormat": "jpeg", "shape": shape}},
        "label": {"classLabel": {"numClasses": "3"}},
    }
    for key, kind in names.items():
        described[key]["pythonClassName"] = f"{module}.{kind}"
    top = f"{module}.features_dict.FeaturesDict"
    (folder / "features.json").write_text(
        json.dumps({"featuresDict": {"features": described}, "pythonClassName": top})
    )
    (folder / "label.labels.txt").write_text("round\nsquare\nthin\n")
    split = {
        "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
        "name": "train",
        "numBytes": "1",
        "shardLengths": [str(length) for length in lengths],
    }
    info = {
        "name": "shapes",
        "version": "1.0.0",
        "fileFormat": "tfrecord",
        "moduleName": "shapes",
        "splits": [split],
        "supervisedKeys": {"tuple": {"items": [{"featureKey": "image"}, {"featureKey": "label"}]}},
    }
    (folder / "dataset_info.json").write_text(json.dumps(info))
    return root


@pytest.fixture
def tfds_set(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a prepared TFDS set of photos of mixed sizes."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared))
    return "shapes"
