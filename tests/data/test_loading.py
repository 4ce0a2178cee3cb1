"""Splits, sizes, colours, fingerprints and broken files of loaded sets."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kerascnn.data.early_checks import check_data
from kerascnn.data.loading import load
from kerascnn.data.pipeline import evaluation_batches
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError
from tests.composites import write_pairs
from tests.data.pictures import picture
from tests.data.splits import array_images, file_images


def test_digits() -> None:
    data = load(DataSpec(name="digits"))
    assert data.image_shape == (32, 32, 1)
    assert data.classes == tuple("0123456789")
    assert {name: split.size for name, split in data.splits.items()} == {
        "train": 1374,
        "validation": 153,
        "test": 270,
    }
    assert list(data.splits) == ["train", "validation", "test"]
    small = load(DataSpec(name="digits", image_size=8))
    (pixels, labels), *_ = evaluation_batches(small, "train", batch_size=5).as_numpy_iterator()
    assert pixels.shape == (5, 8, 8, 1)
    assert set(np.unique(pixels)) <= set(np.rint(np.arange(17) * 255 / 16).astype(int))
    assert labels.tolist() == small.splits["train"].labels[:5].tolist()
    assert small.fingerprint == data.fingerprint
    assert load(DataSpec(name="digits", colour="rgb")).image_shape == (32, 32, 3)


def test_a_folders_own_splits_are_kept(image_folder: Callable[..., Path]) -> None:
    for below, counts in {"train": {"a": 20, "b": 20}, "val": {"a": 3, "b": 2}}.items():
        root = image_folder(counts, below=below)
    data = load(DataSpec(name=f"folder:{root}", test_fraction=0.2))
    assert [split.size for split in data.splits.values()] == [32, 5, 8]
    assert data.splits["validation"].labels.tolist() == [0, 0, 0, 1, 1]


def test_splits_share_no_image(image_folder: Callable[..., Path]) -> None:
    data = load(DataSpec(name=f"folder:{image_folder({'a': 30, 'b': 30})}"))
    paths = [set(file_images(split).paths) for split in data.splits.values()]
    assert sum(map(len, paths)) == len(set.union(*paths)) == 60
    again = load(data.spec)
    other = load(data.spec.model_copy(update={"split_seed": 1}))
    for split in data.splits:
        same = file_images(again.splits[split]).paths
        assert (same == file_images(data.splits[split]).paths).all()
    assert set(file_images(other.splits["test"]).paths) != paths[2]


def test_the_datas_own_size_and_colour(image_folder: Callable[..., Path], tmp_path: Path) -> None:
    root = image_folder({"a": 10, "b": 10})
    assert load(DataSpec(name=f"folder:{root}")).image_shape == (12, 16, 3)
    assert load(DataSpec(name=f"folder:{root}", colour="grey")).image_shape == (12, 16, 1)
    assert load(DataSpec(name=f"folder:{root}", image_size=(5, 6))).image_shape == (5, 6, 3)
    for path in root.rglob("*.png"):
        Image.open(path).convert("L").save(path)
    assert load(DataSpec(name=f"folder:{root}")).image_shape == (12, 16, 1)
    Image.fromarray(picture(30, 20)).save(root / "a" / "000.png")
    assert load(DataSpec(name=f"folder:{root}")).image_shape == (224, 224, 3)


def test_the_fingerprint_sees_content(image_folder: Callable[..., Path], tmp_path: Path) -> None:
    root = image_folder({"a": 10, "b": 10})
    spec = DataSpec(name=f"folder:{root}")
    first = load(spec).fingerprint
    moved = shutil.copytree(root, tmp_path / "elsewhere")
    assert load(DataSpec(name=f"folder:{moved}")).fingerprint == first
    pixels = np.asarray(Image.open(root / "a" / "003.png")).copy()
    pixels[0, 0] ^= 1
    Image.fromarray(pixels).save(root / "a" / "003.png")
    changed = load(spec).fingerprint
    assert changed != first
    (root / "a" / "003.png").rename(root / "b" / "new.png")
    assert load(spec).fingerprint not in (first, changed)


def test_broken_files_stop_before_training(image_folder: Callable[..., Path]) -> None:
    root = image_folder({"a": 12, "b": 12})
    (root / "a" / "001.png").write_text("no image")
    content = (root / "b" / "002.png").read_bytes()
    (root / "b" / "002.png").write_bytes(content[: len(content) // 2])
    (root / "b" / "003.png").write_bytes(b"")
    with pytest.raises(
        UserError,
        match=r"3 of 24 image files cannot be read: a/001\.png \(is not an image\), "
        r"b/002\.png \(.*\), b/003\.png \(is empty\); .*--skip-broken",
    ):
        load(DataSpec(name=f"folder:{root}"))
    data = load(DataSpec(name=f"folder:{root}", skip_broken=True))
    assert sum(split.size for split in data.splits.values()) == 21
    for path in (root / "a").iterdir():
        path.write_text("no image")
    with pytest.raises(UserError, match="every image of class 'a' in train is broken"):
        load(DataSpec(name=f"folder:{root}", skip_broken=True))


def test_what_is_remembered_follows_the_files(image_folder: Callable[..., Path]) -> None:
    root = image_folder({"a": 10, "b": 10})
    spec = DataSpec(name=f"folder:{root}")
    load(spec)
    (root / "a" / "000.png").write_text("no image")
    with pytest.raises(UserError, match="1 of 20 image files cannot be read"):
        load(spec)
    Image.fromarray(picture(12, 16)).save(root / "a" / "000.png")
    assert load(spec).splits["train"].size


def test_loading_does_without_a_cache(
    image_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("KERASCNN_CACHE", str(tmp_path / "file" / "below"))
    root = image_folder({"a": 10, "b": 10})
    assert load(DataSpec(name=f"folder:{root}")).splits["train"].size == 15
    on_disk = load(DataSpec(name=f"folder:{root}", cache="disk"))
    with pytest.raises(UserError, match=r"data\.cache=disk: cannot write .*KERASCNN_CACHE"):
        evaluation_batches(on_disk, "test", batch_size=2)


def test_csv_gives_the_same_data(image_folder: Callable[..., Path]) -> None:
    root = image_folder({"a": 10, "b": 10})
    rows = [f"{path.relative_to(root)},{path.parent.name}" for path in sorted(root.rglob("*.png"))]
    (root / "table.csv").write_text("path,label\n" + "\n".join(rows))
    by_table = load(DataSpec(name=f"csv:{root / 'table.csv'}"))
    assert by_table.fingerprint == load(DataSpec(name=f"folder:{root}")).fingerprint


def test_too_few_images_of_a_class(image_folder: Callable[..., Path]) -> None:
    with pytest.raises(UserError, match=r"every class needs at least 2, got b \(1\)"):
        load(DataSpec(name=f"folder:{image_folder({'a': 10, 'b': 1})}"))


def test_share_of_the_training_images() -> None:
    whole, part = (load(DataSpec(name="digits", train_fraction=share)) for share in (1.0, 0.25))
    assert part.splits["train"].size == round(whole.splits["train"].size / 4)
    assert part.splits["validation"].size == whole.splits["validation"].size
    counts = np.bincount(part.splits["train"].labels) / np.bincount(whole.splits["train"].labels)
    np.testing.assert_allclose(counts, 0.25, atol=0.01)
    again = load(DataSpec(name="digits", train_fraction=0.25))
    np.testing.assert_array_equal(
        array_images(again.splits["train"]).pixels, array_images(part.splits["train"]).pixels
    )
    assert part.fingerprint == whole.fingerprint


def test_validation_images_are_trained_on_too() -> None:
    apart, both = (load(DataSpec(name="digits", train_on_validation=b)) for b in (False, True))
    train, validation = apart.splits["train"], apart.splits["validation"]
    joined = both.splits["train"]
    assert joined.size == train.size + validation.size
    np.testing.assert_array_equal(joined.labels, np.concatenate([train.labels, validation.labels]))
    np.testing.assert_array_equal(
        array_images(joined).pixels[train.size :], array_images(validation).pixels
    )
    np.testing.assert_array_equal(both.splits["test"].labels, apart.splits["test"].labels)


@pytest.mark.realdata
def test_records_and_files_join(test_data: Path) -> None:
    for name in ("mnist", f"folder:{test_data / 'photos'}"):
        spec = {"name": name, "train_fraction": 0.02 if name == "mnist" else 1.0}
        apart, both = (load(DataSpec(**spec, train_on_validation=b)) for b in (False, True))
        pixels = [
            np.concatenate([images for images, _ in batches.as_numpy_iterator()])
            for batches in (
                evaluation_batches(both, "train", batch_size=64),
                evaluation_batches(apart, "train", batch_size=64),
                evaluation_batches(apart, "validation", batch_size=64),
            )
        ]
        np.testing.assert_array_equal(pixels[0], np.concatenate(pixels[1:]))


def _other(root: Path, name: str, files: dict[str, tuple[int, int, int]]) -> str:
    """Writes pictures (height, width, seed) as they are named, and returns the set's name."""
    for file, (height, width, seed) in files.items():
        path = root.parent / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(height, width, seed)).save(path)
    return f"folder:{root.parent / name}"


def test_images_of_another_set_are_tested_on(image_folder: Callable[..., Path]) -> None:
    root = image_folder({"a": 10, "b": 10, "c": 10})
    other = _other(
        root, "other", {"b/000.png": (30, 20, 900), "b/1.png": (9, 9, 901), "c/2.png": (5, 8, 902)}
    )
    data = load(DataSpec(name=f"folder:{root}", test=other))
    assert [split.size for split in data.splits.values()] == [27, 3, 3]  # nothing is cut for it
    assert data.splits["test"].labels.tolist() == [1, 1, 2]
    assert file_images(data.splits["test"]).identities() == ["b/000.png", "b/1.png", "c/2.png"]
    assert (data.source("test"), data.source("validation")) == (other, f"folder:{root}")
    assert data.image_shape == (12, 16, 3)
    assert data.describe().endswith(f"3 classes; tested on {other}")
    images, labels = next(evaluation_batches(data, "test", batch_size=3).as_numpy_iterator())
    assert images.shape == (3, 12, 16, 3)
    assert labels.tolist() == [1, 1, 2]
    plain = load(DataSpec(name=f"folder:{root}"))
    _other(root, "other", {"b/000.png": (30, 20, 999)})
    changed = load(data.spec)
    assert len({plain.fingerprint, data.fingerprint, changed.fingerprint}) == 3


def test_a_fix_list_tells_the_two_sets_apart(
    image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    root = image_folder({"a": 10, "b": 10})
    other = _other(root, "other", {f"{c}/00{i}.png": (9, 9, 77 + i) for c in "ab" for i in (0, 1)})
    (root.parent / "other" / "b" / "001.png").write_text("broken")
    fixes = tmp_path / "fix.txt"
    fixes.write_text(f"a/000.png\n{other}/a/001.png\twrong\tb\n{other}/b/001.png\n")
    data = load(DataSpec(name=f"folder:{root}", test=other, fix_list=str(fixes)))
    assert sum(data.splits[split].size for split in ("train", "validation")) == 19
    assert file_images(data.splits["test"]).identities() == ["a/000.png", "a/001.png", "b/000.png"]
    assert data.splits["test"].labels.tolist() == [0, 1, 1]
    fixes.write_text(f"{other}/b/001.png\n{other}/b/7.png\n")
    with pytest.raises(UserError, match=rf"or {other} has no image {other}/b/7\.png"):
        load(data.spec)


def test_a_set_with_test_images_of_its_own_gives_those(image_folder: Callable[..., Path]) -> None:
    root = image_folder({"a": 10, "b": 10})
    other = _other(
        root,
        "other",
        {
            f"{split}/{c}/1.png": (9, 9, ord(c) + len(split))
            for split in ("train", "test")
            for c in "ab"
        },
    )
    data = load(DataSpec(name=f"folder:{root}", test=other))
    assert file_images(data.splits["test"]).identities() == ["test/a/1.png", "test/b/1.png"]


def test_test_images_that_do_not_do(image_folder: Callable[..., Path]) -> None:
    root = image_folder({"cat": 10, "dog": 10})
    name = f"folder:{root}"
    strange = DataSpec(
        name=name, test=_other(root, "x", {"cat/1.png": (9, 9, 1), "dogs/1.png": (9, 9, 2)})
    )
    message = r"unknown class 'dogs': did you mean dog\? \(data\.test: folder:"
    for refuse in (check_data, load):
        with pytest.raises(UserError, match=message):
            refuse(strange)
    with pytest.raises(UserError, match="every image of .* is among those"):
        load(DataSpec(name=name, test=name))
    some = _other(root, "y", {"cat/1.png": (9, 9, 5), "dog/1.png": (9, 9, 6)})
    shutil.copy(root / "cat" / "003.png", root.parent / "y" / "dog" / "2.png")
    with pytest.warns(UserWarning, match="1 of 3 images .* the test is too kind"):
        load(DataSpec(name=name, test=some))
    with pytest.raises(UserError, match="test: unknown data set 'digit': did you mean digits"):
        DataSpec(name=name, test="digit")


def test_digits_are_tested_on_drawings_of_colour(image_folder: Callable[..., Path]) -> None:
    root = image_folder({str(digit): 2 for digit in range(10)})
    data = load(DataSpec(name="digits", test=f"folder:{root}"))
    assert data.image_shape == (32, 32, 1)
    assert data.splits["train"].size + data.splits["validation"].size == 1797
    shapes = [
        images.shape
        for images, _ in evaluation_batches(data, "test", batch_size=20).as_numpy_iterator()
    ]
    assert shapes == [(20, 32, 32, 1)]
    turned = load(DataSpec(name=f"folder:{root}", test="digits", image_size=20))
    assert turned.splits["test"].size == 1797
    assert array_images(turned.splits["test"]).pixels.shape == (1797, 20, 20, 3)


def test_folds_share_out_all_images_but_test_ones(image_folder: Callable[..., Path]) -> None:
    for below, counts in {
        "train": {"a": 8, "b": 7},
        "val": {"a": 2, "b": 2},
        "test": {"a": 3},
    }.items():
        root = image_folder(counts, below=below)
    spec = DataSpec(name=f"folder:{root}", folds=3)
    whole = load(spec)
    assert {name: split.size for name, split in whole.splits.items()} == {
        "train": 19, "validation": 2, "test": 3,
    }  # fmt: skip
    tested: list[str] = []
    for number in (1, 2, 3):
        data = load(spec.model_copy(update={"fold": number}))
        names = {name: file_images(split).identities() for name, split in data.splits.items()}
        assert not any(name.startswith("test/") for split in names.values() for name in split)
        assert len(set().union(*names.values())) == sum(map(len, names.values())) == 19
        assert data.fingerprint == whole.fingerprint
        tested += names["test"]
    assert len(set(tested)) == len(tested) == 19


def test_folds_without_test_images_leave_none(image_folder: Callable[..., Path]) -> None:
    root = image_folder({"a": 8, "b": 4})
    spec = DataSpec(name=f"folder:{root}", folds=3)
    data = load(spec)
    assert list(data.splits) == ["train", "validation"]
    assert data.splits["train"].size == 12
    with pytest.raises(UserError, match="unknown split 'test': known: train, validation"):
        data.splits["test"]
    many = DataSpec(name=f"folder:{root}", folds=5)
    for refuse in (check_data, load):
        with pytest.raises(UserError, match="5 folds need 5 images of every class, and 'b' has 4"):
            refuse(many)
    with pytest.raises(UserError, match="fold: got 4, there are 3"):
        DataSpec(name=f"folder:{root}", folds=3, fold=4)
    with pytest.raises(UserError, match="fold: is what is tested on: leave test out"):
        DataSpec(name=f"folder:{root}", folds=3, fold=1, test="digits")
    with pytest.raises(UserError, match="train_on_validation: folds"):
        DataSpec(name=f"folder:{root}", folds=3, train_on_validation=True)


def _pairs(table: Path, **fields: object) -> DataSpec:
    return DataSpec(name=f"csv:{table}", labels="several", **fields)


def test_images_of_several_labels(tmp_path: Path) -> None:
    table = write_pairs(tmp_path, 120)
    data = load(_pairs(table))
    assert data.describe().endswith("images of 8x16x1, 10 classes, several labels an image")
    assert data.several_labels
    known = dict(line.split(",") for line in table.read_text().splitlines()[1:])
    for split in data.splits.values():
        assert split.labels.dtype == np.float32
        assert split.labels.any(axis=0).all(), "every label is in every split"
        for name, labels in zip(split.images.identities(), split.labels, strict=True):
            assert "|".join(str(digit) for digit in labels.nonzero()[0]) == known[name]
    columns = load(_pairs(write_pairs(tmp_path, 120, columns=True)))
    assert columns.fingerprint == data.fingerprint
    table.write_text(table.read_text().replace("0001.png,", "0001.png,0|1|2|3|"))
    assert load(_pairs(table)).fingerprint != data.fingerprint


def test_test_images_of_several_labels_are_matched_by_name(tmp_path: Path) -> None:
    table = write_pairs(tmp_path / "a", 60)
    other = write_pairs(tmp_path / "b", 12, seed=1)
    lines = other.read_text().splitlines()[:3]
    other.write_text("\n".join([lines[0], "0001.png,9|2", "0002.png,"]))
    for check in (check_data, load):
        check(_pairs(table, test=f"csv:{other}"))
    test = load(_pairs(table, test=f"csv:{other}")).splits["test"]
    assert [labels.nonzero()[0].tolist() for labels in test.labels] == [[2, 9], []]
    other.write_text("0001.png,9|2\n0002.png,ten")
    for refuse in (check_data, load):
        with pytest.raises(UserError, match="unknown class 'ten'"):
            refuse(_pairs(table, test=f"csv:{other}"))
