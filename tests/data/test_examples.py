"""Single images by their names, as the loader sees them, and without TensorFlow."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerascnn.data.digits import read
from kerascnn.data.examples import read_images, root_of
from kerascnn.data.loading import load
from kerascnn.data.pipeline import pictures
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError


def test_records_are_found_by_their_id(tfds_set: str) -> None:
    data = load(DataSpec(name=tfds_set))
    for split in data.splits.values():
        names, shapes = split.images.identities(), split.images.dimensions()
        found = read_images(tfds_set, names)
        assert [image.shape[:2] for image in found if image is not None] == list(map(tuple, shapes))
    found = read_images(tfds_set, [names[3], "shapes-train.tfrecord-00000-of-00009__1", names[0]])
    assert found[1] is None  # there is no such file
    assert found[0] is not None
    assert found[0].shape[:2] == tuple(shapes[3])


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["mnist", "cifar10"])
def test_real_records_are_what_the_pipeline_gives(test_data: Path, name: str) -> None:
    data = load(DataSpec(name=name))
    rows = np.array([0, 7, 4321])
    names = data.splits["test"].images.part(rows).identities()
    for image, expected in zip(read_images(name, names), pictures(data, "test", rows), strict=True):
        assert image is not None
        np.testing.assert_array_equal(image[..., : expected.shape[-1]], expected)


def test_files_are_found_below_their_folder(tmp_path: Path) -> None:
    pixels = np.arange(6 * 4 * 3, dtype=np.uint8).reshape(6, 4, 3)
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for number in range(10):
            Image.fromarray(pixels + number).save(tmp_path / name / f"{number}.png")
    data = f"folder:{tmp_path}"
    loaded = load(DataSpec(name=data))
    for split in loaded.splits.values():
        for example, image in zip(
            split.images.identities(), read_images(data, split.images.identities()), strict=True
        ):
            np.testing.assert_array_equal(image, pixels + int(Path(example).stem))
    assert root_of(data) == tmp_path
    (tmp_path / "cat" / "3.png").unlink()
    (tmp_path / "cat" / "4.png").write_bytes(b"no image")
    assert read_images(data, ["cat/3.png", "cat/4.png"]) == [None, None]


def test_digits_are_found_by_their_number() -> None:
    found = read_images("digits", ["1796", "0"])
    np.testing.assert_array_equal(found, read()[0][[1796, 0]])
    assert root_of("digits") is None


def test_a_set_that_is_not_here_is_told(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    with pytest.raises(UserError, match="'mnist' is not prepared here"):
        read_images("mnist", ["mnist-test.tfrecord-00000-of-00001__0"])


def test_tensorflow_is_not_imported() -> None:
    program = (
        "import sys; from kerascnn.data.examples import read_images; read_images('digits', ['1']); "
        "sys.exit('tensorflow' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
