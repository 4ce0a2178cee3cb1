"""Names of data sets: what a recipe's `data.name` may be. Knows nothing of TensorFlow."""

from __future__ import annotations

import importlib.util
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kerascnn.errors import UserError, unknown
from kerascnn.files import UnreadableError, outside, status

# The well-known image-classification sets of TFDS: name -> (classes, training images, what it is).
TFDS_SETS: dict[str, tuple[int, int, str]] = {
    "mnist": (10, 60_000, "handwritten digits, 28x28 grey"),
    "fashion_mnist": (10, 60_000, "clothes, 28x28 grey"),
    "kmnist": (10, 60_000, "Japanese characters, 28x28 grey"),
    "emnist": (
        62,
        697_932,
        "handwritten letters and digits, 28x28 grey; emnist/letters and others",
    ),
    "cifar10": (10, 50_000, "small photos, 32x32 RGB"),
    "cifar100": (100, 50_000, "small photos, 32x32 RGB"),
    "svhn_cropped": (10, 73_257, "house numbers, 32x32 RGB"),
    "stl10": (10, 5_000, "photos, 96x96 RGB"),
    "imagenette": (10, 12_894, "ten easy classes of ImageNet, photos of mixed sizes"),
    "imagewang": (20, 14_669, "harder classes of ImageNet, photos of mixed sizes"),
    "imagenet2012": (1000, 1_281_167, "ImageNet, photos of mixed sizes; downloaded by hand"),
    "tf_flowers": (5, 3_670, "flowers, photos of mixed sizes"),
    "oxford_flowers102": (102, 1_020, "flowers, photos of mixed sizes"),
    "oxford_iiit_pet": (37, 3_680, "cats and dogs by breed, photos of mixed sizes"),
    "stanford_dogs": (120, 12_000, "dogs by breed, photos of mixed sizes"),
    "food101": (101, 75_750, "dishes, photos of mixed sizes"),
    "cats_vs_dogs": (2, 23_262, "cats and dogs, photos of mixed sizes"),
    "caltech101": (102, 3_059, "objects, photos of mixed sizes"),
    "eurosat": (10, 27_000, "land use from satellites, 64x64 RGB"),
    "patch_camelyon": (2, 262_144, "lymph node tissue, 96x96 RGB"),
}

HINT = "'kerascnn datasets' lists them; folder:PATH takes a folder per class"


@dataclass(frozen=True)
class Source:
    """Where images come from: a kind, and the path or name within it."""

    kind: Literal["digits", "folder", "csv", "tfds"]
    value: str

    @property
    def path(self) -> Path:
        """The folder or CSV file."""
        return outside(self.value)


def tfds_folder() -> Path:
    """Returns where TFDS keeps prepared sets: TFDS_DATA_DIR, or its default in the home folder.

    Raises:
        UserError: If there is no home folder, or no folder can have that name.
    """
    try:
        return outside(os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets")
    except UnreadableError as error:
        raise UserError(f"{error}: TFDS_DATA_DIR names the folder of prepared sets") from None


def prepared_sets() -> dict[str, Path]:
    """Returns the newest version's folder of every set, or set/config, prepared under TFDS."""
    found: dict[str, Path] = {}
    try:
        folder = tfds_folder()
    except UserError:
        if os.environ.get("TFDS_DATA_DIR"):
            raise
        return found
    infos = [
        path for depth in ("*/*", "*/*/*") for path in folder.glob(f"{depth}/dataset_info.json")
    ]
    for info in sorted(
        infos, key=lambda path: [int(n) for n in re.findall(r"\d+", path.parent.name)]
    ):
        version = info.parent
        if not (version / "features.json").is_file() or not re.fullmatch(r"[\d.]+", version.name):
            continue
        name = version.parent.relative_to(folder).as_posix()
        found[name] = version
        if "/" in name:  # the set alone means its first config, unless TFDS knows better
            found.setdefault(name.split("/")[0], version)
    return found


@dataclass(frozen=True)
class KnownSet:
    """A data set by its name; 0 classes and images where they are not known before it is opened."""

    name: str
    classes: int
    images: int
    what: str
    prepared: bool


def known_sets() -> list[KnownSet]:
    """Returns the sets that can be named: the embedded one, well-known ones and prepared ones."""
    prepared = prepared_sets()
    known = [KnownSet("digits", 10, 1_797, "handwritten digits, 8x8 grey shown at 32x32", True)]
    for name, (classes, images, what) in TFDS_SETS.items():
        known.append(KnownSet(name, classes, images, what, name in prepared))
    known += [
        KnownSet(name, 0, 0, "prepared by TFDS", True)
        for name in sorted(set(prepared) - set(TFDS_SETS))
        if not any(other.startswith(f"{name}/") for other in prepared)
    ]
    return known


def parse(name: str) -> Source:
    """Returns the source that a data set's name stands for, without opening it.

    Raises:
        UserError: If no source has such a name; names the closest ones.
    """
    kind, separator, value = name.partition(":")
    if separator:
        if kind not in ("folder", "csv"):
            raise unknown("kind of data", kind, ["folder", "csv"], hint=HINT)
        if not value.strip():
            raise UserError(f"'{name}': must be {kind}:PATH")
        outside(value)
        return Source(kind, value)  # type: ignore[arg-type]  # one of the two kinds above
    if name == "digits":
        return Source("digits", name)
    if not re.fullmatch(r"[A-Za-z]\w*(/[\w.\-]+)?", name):
        hint = f"a folder is written folder:{name}" if _is_there(name) else HINT
        raise UserError(f"unknown data set '{name}': {hint}")
    known = {"digits", *TFDS_SETS, *prepared_sets()}
    if name not in known and name.split("/")[0] not in known | _tfds_builders():
        hint = f"a folder is written folder:{name}" if _is_there(name) else HINT
        raise unknown("data set", name, known, hint=hint)
    return Source("tfds", name)


def _is_there(name: str) -> bool:
    try:
        return status(name) is not None
    except UnreadableError:
        return False


def names_data(name: str) -> bool:
    """Whether a data set has that name."""
    try:
        parse(name)
    except UserError:
        return False
    return True


def _tfds_builders() -> set[str]:
    """Names of the sets that TFDS ships, read from its folders: importing it takes seconds."""
    spec = importlib.util.find_spec("tensorflow_datasets")
    if spec is None or spec.origin is None:
        return set()
    root = Path(spec.origin).parent
    packages = (root / "datasets").glob("*/*_dataset_builder.py")
    modules = (root / "image_classification").glob("[a-z]*.py")
    return {path.parent.name for path in packages} | {path.stem for path in modules}
