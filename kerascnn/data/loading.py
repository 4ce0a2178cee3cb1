"""From a data spec to named splits."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from kerascnn.data import digits, folders, images, records, sources, splits
from kerascnn.data.cache import choose
from kerascnn.data.dataset import ArrayImages, FileImages, ImageData, RecordImages, Split, Splits
from kerascnn.data.fix_list import Fix, fixed, name_in, read_fixes
from kerascnn.data.inventory import ImageFacts, inspect_all, progress
from kerascnn.data.labels import present, renumbered, text_of
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError
from kerascnn.text import first_names

# Images of several sizes are brought to this one unless the spec says which.
COMMON_SIZE = (224, 224)

_Source = ArrayImages | FileImages | RecordImages
_Parts = dict[str, tuple[_Source, np.ndarray]]  # where the images are, and their labels


@dataclass(frozen=True)
class _Opened:
    """A data set as it comes, before anything is cut.

    Attributes:
        classes: Names, in the order of the labels.
        shape: (H, W, C) of every image as the model gets it.
        parts: "train" and, where the data has them, "validation" and "test".
        fingerprint: Short hash over labels and content.
        grey: Whether all images are.
        sizes_differ: Whether the images are of several sizes before they are brought to one.
        broken: What files are called that cannot be read.
        contents: Hashes of the files of each part; none where they are no files.
    """

    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    parts: _Parts
    fingerprint: str
    grey: bool
    sizes_differ: bool = False
    broken: tuple[str, ...] = ()
    contents: Mapping[str, frozenset[str]] = field(default_factory=dict)


def load(spec: DataSpec) -> ImageData:
    """Opens a data set and cuts it into training, validation and test images.

    The data's own validation and test splits are used as they are; what is missing is cut from
    the training images, stratified and seeded. Image files are all read once, to find broken ones
    before the first epoch; what was found is remembered.

    Raises:
        UserError: If the data is missing or broken, or cannot be split as asked, or the images to
            test on are of other classes or are the ones that are trained on.
    """
    fixes = read_fixes(spec.fix_list) if spec.fix_list is not None else {}
    opened = _open(spec, fixes)
    if spec.test is not None:
        opened = _with_test(opened, spec, spec.test, fixes)
    return _data(spec, opened, fixes)


def _open(spec: DataSpec, fixes: Mapping[str, Fix]) -> _Opened:
    source = sources.parse(spec.name)
    if source.kind == "digits":
        return _digits(spec)
    if source.kind == "tfds":
        return _records(source.value, spec)
    return _files(source, spec, fixes)


def _with_test(opened: _Opened, spec: DataSpec, name: str, fixes: Mapping[str, Fix]) -> _Opened:
    """Puts another set in the place of the images to test on: its own test images, or all."""
    other = spec.model_copy(update={"name": name}).in_shape(opened.shape)
    start = name_in(name, "")
    own = {fix.removeprefix(start): fixes[fix] for fix in fixes if fix.startswith(start)}
    found = _open(other, own)
    chosen = ["test"] if "test" in found.parts else list(found.parts)
    (pixels, first), *others = (found.parts[part] for part in chosen)
    labels = [first]
    for more, more_labels in others:
        pixels = pixels.joined(more)  # type: ignore[arg-type]  # of one data set: of one kind
        labels.append(more_labels)
    joined = np.concatenate(labels)
    folders.check_test_classes(name, joined, found.classes, opened.classes)
    numbers = {known: number for number, known in enumerate(opened.classes)}
    now = np.array([numbers.get(known, -1) for known in found.classes], np.int64)
    _check_apart(spec.name, opened, name, {part: found.contents.get(part, ()) for part in chosen})
    return dataclasses.replace(
        opened,
        parts=opened.parts | {"test": (pixels, renumbered(joined, now, len(numbers)))},
        fingerprint=_digest(opened.fingerprint, found.fingerprint, repr(chosen)),
        broken=(*opened.broken, *(name_in(name, example) for example in found.broken)),
    )


def _check_apart(
    trained: str, opened: _Opened, tested: str, contents: Mapping[str, Iterable[str]]
) -> None:
    """Refuses to test on nothing but what is trained on, and warns of some of it."""
    known = frozenset[str]().union(
        *(files for part, files in opened.contents.items() if part != "test")
    )
    files = frozenset[str]().union(*contents.values())
    both = len(files & known)
    if both and both == len(files):
        raise UserError(
            f"data.test: every image of {tested} is among those of {trained} that are trained on"
        )
    if both:
        warnings.warn(
            f"data.test: {both:,} of {len(files):,} images of {tested} are among those of "
            f"{trained}, too: the test is too kind",
            stacklevel=2,
        )


def _digest(*parts: str) -> str:
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:16]


def _data(spec: DataSpec, opened: _Opened, fixes: Mapping[str, Fix]) -> ImageData:
    """Cuts the splits that the data does not have, and mends them as the spec's list says."""
    classes, parts, fingerprint = opened.classes, opened.parts, opened.fingerprint
    if spec.folds is not None:
        _pool(spec, spec.folds, opened)
    for name, fraction in (("test", spec.test_fraction), ("validation", spec.validation_fraction)):
        if name not in parts and (name != "test" or spec.folds is None):
            pixels, labels = parts["train"]
            kept, taken = splits.cut(labels, fraction, spec.split_seed, classes, name)
            parts["train"] = (pixels.part(kept), labels[kept])
            parts[name] = (pixels.part(taken), labels[taken])
    if spec.fix_list is not None:
        fingerprint = _fix(spec, opened, fixes)
    if spec.train_fraction < 1:
        pixels, labels = parts["train"]
        _, taken = splits.cut(labels, spec.train_fraction, spec.split_seed, classes, "train")
        parts["train"] = (pixels.part(taken), labels[taken])
    if spec.trains_on_all:
        (pixels, labels), (more, more_labels) = parts["train"], parts["validation"]
        joined = pixels.joined(more)  # type: ignore[arg-type]  # of one data set: of one kind
        parts["train"] = (joined, np.concatenate([labels, more_labels]))
    ordered = Splits(
        (name, Split(name, parts[name][1], parts[name][0]))
        for name in ("train", "validation", "test")
        if name in parts
    )
    needed = sum(split.size for split in ordered.values()) * math.prod(opened.shape)
    cache = choose(spec, needed)
    repeated = opened.grey and opened.shape[-1] == 3
    return ImageData(
        spec, classes, opened.shape, ordered, fingerprint, cache, opened.sizes_differ, repeated
    )


def _pool(spec: DataSpec, folds: int, opened: _Opened) -> None:
    """Puts all images that are not for the test together; cuts one fold of them off to test on."""
    parts = opened.parts
    if "validation" in parts:
        (pixels, labels), (more, more_labels) = parts["train"], parts.pop("validation")
        joined = pixels.joined(more)  # type: ignore[arg-type]  # of one data set: of one kind
        parts["train"] = (joined, np.concatenate([labels, more_labels]))
    pixels, labels = parts["train"]
    if spec.fold is None:
        splits.check_folds(labels, folds, opened.classes)
        return
    kept, taken = splits.fold(labels, folds, spec.fold, spec.split_seed, opened.classes)
    parts["train"] = (pixels.part(kept), labels[kept])
    parts["test"] = (pixels.part(taken), labels[taken])


def _fix(spec: DataSpec, opened: _Opened, fixes: Mapping[str, Fix]) -> str:
    """Leaves images out of splits, or gives them another class; returns the new fingerprint.

    It is done after the cut: all other images stay in the split that they were in.
    """
    seen = set(opened.broken)
    for split, (pixels, labels) in opened.parts.items():
        examples = pixels.identities()
        if split == "test" and spec.test is not None:
            examples = [name_in(spec.test, example) for example in examples]
        rows, given = fixed(fixes, examples, labels, opened.classes)
        lost = present(labels) - present(given)
        if lost and split == "train":
            name = opened.classes[min(lost)]
            raise UserError(f"{spec.fix_list}: leaves no training image of class '{name}'")
        if not len(rows):
            raise UserError(f"{spec.fix_list}: leaves no image in {split}")
        opened.parts[split] = (pixels.part(rows), given)
        seen.update(examples)
    strange = [example for example in fixes if example not in seen]
    if strange and spec.fold is None:  # a fold is without the test images that a list may name
        names = " or ".join(filter(None, (spec.name, spec.test)))
        raise UserError(f"{spec.fix_list}: {names} has no image {first_names(strange)}")
    content = repr([(fix.example, fix.label) for _, fix in sorted(fixes.items())])
    return _digest(opened.fingerprint, content)


def _digits(spec: DataSpec) -> _Opened:
    pixels, labels = digits.read()
    shape = (*(spec.image_size or digits.BITMAP), 3 if spec.colour == "rgb" else 1)
    fitted = images.resize(pixels, shape, spec.resize)
    whole = ArrayImages(fitted, np.arange(len(fitted)))
    digest = hashlib.sha256(labels.tobytes() + pixels.tobytes()).hexdigest()[:16]
    return _Opened(digits.CLASSES, shape, {"train": (whole, labels)}, digest, grey=True)


def _records(name: str, spec: DataSpec) -> _Opened:
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
    return _Opened(
        found.classes, shape, parts, fingerprint, grey=channels == 1, sizes_differ=height is None
    )


def _files(source: sources.Source, spec: DataSpec, fixes: Mapping[str, Fix]) -> _Opened:
    listing = folders.scan(source, spec.labels)
    parts: _Parts = {}
    digest = hashlib.sha256()
    seen: list[ImageFacts] = []
    broken: dict[str, str] = {}
    contents: dict[str, frozenset[str]] = {}
    total = sum(len(paths) for paths, _ in listing.splits.values())
    with progress("reading images", total) as advance:
        for split, (paths, labels) in listing.splits.items():
            full = [listing.root / path for path in paths]
            facts = list(inspect_all(full, advance))
            good = np.array([fact.fault is None for fact in facts], bool)
            broken |= {p: f.fault for p, f in zip(paths, facts, strict=True) if f.fault}
            for path, fact, label in zip(paths, facts, labels, strict=True):
                if fact.fault is None:
                    digest.update(f"{split} {path} {fact.digest} {text_of(label)}\n".encode())
            contents[split] = frozenset(fact.digest for fact in facts if fact.fault is None)
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
    return _Opened(
        listing.classes,
        shape,
        parts,
        fingerprint,
        grey=grey,
        sizes_differ=len(sizes) > 1,
        broken=tuple(broken),
        contents=contents,
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
    lost = present(listing.splits[split][1]) - present(labels)
    if lost:
        name = listing.classes[min(lost)]
        raise UserError(f"{listing.root}: every image of class '{name}' in {split} is broken")
