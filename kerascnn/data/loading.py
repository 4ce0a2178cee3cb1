"""From a data spec to named splits."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Iterable

import numpy as np

from kerascnn.data import digits, folders, images, records, sources, splits
from kerascnn.data.cache import choose
from kerascnn.data.dataset import ArrayImages, FileImages, ImageData, RecordImages, Split
from kerascnn.data.fix_list import fixed, read_fixes
from kerascnn.data.inventory import ImageFacts, inspect_all, progress
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError
from kerascnn.text import first_names

# Images of several sizes are brought to this one unless the spec says which.
COMMON_SIZE = (224, 224)

_Source = ArrayImages | FileImages | RecordImages
_Parts = dict[str, tuple[_Source, np.ndarray]]  # where the images are, and labels (N,)


def load(spec: DataSpec) -> ImageData:
    """Opens a data set and cuts it into training, validation and test images.

    The data's own validation and test splits are used as they are; what is missing is cut from
    the training images, stratified and seeded. Image files are all read once, to find broken ones
    before the first epoch; what was found is remembered.

    Raises:
        UserError: If the data is missing or broken, or cannot be split as asked.
    """
    source = sources.parse(spec.name)
    if source.kind == "digits":
        return _digits(spec)
    if source.kind == "tfds":
        return _records(source.value, spec)
    return _files(source, spec)


def _data(
    spec: DataSpec,
    classes: tuple[str, ...],
    shape: tuple[int, int, int],
    parts: _Parts,
    fingerprint: str,
    *,
    grey: bool,
    sizes_differ: bool = False,
    broken: Iterable[str] = (),
) -> ImageData:
    """Cuts the splits that the data does not have, and mends them as the spec's list says."""
    for name, fraction in (("test", spec.test_fraction), ("validation", spec.validation_fraction)):
        if name not in parts:
            pixels, labels = parts["train"]
            kept, taken = splits.cut(labels, fraction, spec.split_seed, classes, name)
            parts["train"] = (pixels.part(kept), labels[kept])
            parts[name] = (pixels.part(taken), labels[taken])
    if spec.fix_list is not None:
        fingerprint = _fix(spec.fix_list, spec.name, classes, parts, fingerprint, broken)
    if spec.train_fraction < 1:
        pixels, labels = parts["train"]
        _, taken = splits.cut(labels, spec.train_fraction, spec.split_seed, classes, "train")
        parts["train"] = (pixels.part(taken), labels[taken])
    if spec.train_on_validation:
        (pixels, labels), (more, more_labels) = parts["train"], parts["validation"]
        joined = pixels.joined(more)  # type: ignore[arg-type]  # of one data set: of one kind
        parts["train"] = (joined, np.concatenate([labels, more_labels]))
    ordered = {
        name: Split(name, parts[name][1], parts[name][0])
        for name in ("train", "validation", "test")
    }
    needed = sum(split.size for split in ordered.values()) * math.prod(shape)
    cache = choose(spec, needed)
    repeated = grey and shape[-1] == 3
    return ImageData(spec, classes, shape, ordered, fingerprint, cache, sizes_differ, repeated)


def _fix(
    path: str,
    name: str,
    classes: tuple[str, ...],
    parts: _Parts,
    fingerprint: str,
    broken: Iterable[str],
) -> str:
    """Leaves images out of splits, or gives them another class; returns the new fingerprint.

    It is done after the cut: all other images stay in the split that they were in.
    """
    fixes = read_fixes(path)
    seen = set(broken)
    for split, (pixels, labels) in parts.items():
        examples = pixels.identities()
        rows, given = fixed(fixes, examples, labels, classes)
        lost = set(labels.tolist()) - set(given.tolist())
        if lost and split == "train":
            raise UserError(f"{path}: leaves no training image of class '{classes[min(lost)]}'")
        if not len(rows):
            raise UserError(f"{path}: leaves no image in {split}")
        parts[split] = (pixels.part(rows), given)
        seen.update(examples)
    strange = [example for example in fixes if example not in seen]
    if strange:
        raise UserError(f"{path}: {name} has no image {first_names(strange)}")
    content = repr([(fix.example, fix.label) for _, fix in sorted(fixes.items())])
    return hashlib.sha256((fingerprint + content).encode()).hexdigest()[:16]


def _digits(spec: DataSpec) -> ImageData:
    pixels, labels = digits.read()
    shape = (*(spec.image_size or digits.BITMAP), 3 if spec.colour == "rgb" else 1)
    fitted = images.resize(pixels, shape, spec.resize)
    whole = ArrayImages(fitted, np.arange(len(fitted)))
    digest = hashlib.sha256(labels.tobytes() + pixels.tobytes()).hexdigest()[:16]
    return _data(spec, digits.CLASSES, shape, {"train": (whole, labels)}, digest, grey=True)


def _records(name: str, spec: DataSpec) -> ImageData:
    found = records.open_set(name)
    height, width, channels = found.image_shape
    own = (height, width) if height and width else COMMON_SIZE
    shape = (
        *(spec.image_size or own),
        {"auto": channels, "grey": 1, "rgb": 3}[spec.colour],
    )
    digest = hashlib.sha256()
    parts: _Parts = {}
    for split, files in found.splits.items():
        labels = files.labels()
        if len(labels) == 0 or labels.min() < 0:
            continue  # a test split whose labels are not public
        parts[split] = (RecordImages(files, np.arange(files.size)), labels)
        digest.update(split.encode() + files.digest() + labels.tobytes())
    if "test" not in parts and "validation" in parts:
        parts["test"] = parts.pop("validation")  # the split that papers report on
    fingerprint = digest.hexdigest()[:16]
    return _data(
        spec,
        found.classes,
        shape,
        parts,
        fingerprint,
        grey=channels == 1,
        sizes_differ=height is None,
    )


def _files(source: sources.Source, spec: DataSpec) -> ImageData:
    listing = folders.scan(source)
    parts: _Parts = {}
    digest = hashlib.sha256()
    seen: list[ImageFacts] = []
    broken: dict[str, str] = {}
    fixes = read_fixes(spec.fix_list) if spec.fix_list is not None else {}
    total = sum(len(paths) for paths, _ in listing.splits.values())
    with progress("reading images", total) as advance:
        for split, (paths, labels) in listing.splits.items():
            full = [listing.root / path for path in paths]
            facts = list(inspect_all(full, advance))
            good = np.array([fact.fault is None for fact in facts], bool)
            broken |= {p: f.fault for p, f in zip(paths, facts, strict=True) if f.fault}
            for path, fact, label in zip(paths, facts, labels, strict=True):
                if fact.fault is None:
                    digest.update(f"{split} {path} {fact.digest} {label}\n".encode())
            seen += [fact for fact in facts if fact.fault is None]
            files = FileImages(
                np.array([os.fsencode(path) for path in full], dtype=object)[good],
                np.array(paths, dtype=object)[good],
                np.array([fact.decoder for fact in facts], np.int32)[good],
                np.array([fact.size for fact in facts], np.int64)[good],
                np.array([(fact.height, fact.width) for fact in facts], np.int32)[good],
            )
            parts[split] = (files, labels[good])
    told = [f"{path} ({fault})" for path, fault in broken.items() if path not in fixes]
    if told and not spec.skip_broken:
        raise UserError(broken_message(spec.name, told, total))
    for split in listing.splits:
        _check_left(listing, split, parts[split][1])
    sizes = {(fact.height, fact.width) for fact in seen}
    grey = all(fact.grey for fact in seen)
    channels = 1 if spec.colour == "grey" or (spec.colour == "auto" and grey) else 3
    size = spec.image_size or (next(iter(sizes)) if len(sizes) == 1 else COMMON_SIZE)
    shape = (*size, channels)
    fingerprint = digest.hexdigest()[:16]
    return _data(
        spec,
        listing.classes,
        shape,
        parts,
        fingerprint,
        grey=grey,
        sizes_differ=len(sizes) > 1,
        broken=broken,
    )


def broken_message(name: str, broken: list[str], total: int) -> str:
    """Returns the one line that lists broken files, the first ten by name."""
    return (
        f"{name}: {len(broken)} of {total} image files cannot be read: "
        f"{first_names(broken)}; mend or remove them, or leave them out with "
        "--skip-broken (data.skip_broken: true)"
    )


def _check_left(listing: folders.Listing, split: str, labels: np.ndarray) -> None:
    """Raises if leaving broken files out has emptied a class of a split."""
    lost = set(listing.splits[split][1].tolist()) - set(labels.tolist())
    if lost:
        name = listing.classes[min(lost)]
        raise UserError(f"{listing.root}: every image of class '{name}' in {split} is broken")
