"""What would soon fail, told before anything is imported that takes long: TensorFlow, NumPy too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kerascnn.data.digits import CLASSES
from kerascnn.data.sources import Source, parse
from kerascnn.data.spec import DataSpec, LabelKind, check_label_kind
from kerascnn.errors import unknown


def check_source(name: str, fix_list: str | None = None, labels: LabelKind = "one") -> None:
    """Raises where `load` would soon fail.

    Args:
        name: The name of a data set, as in a recipe.
        fix_list: The path of a list of what is to be left out or relabelled, as in a recipe.
        labels: "one" of each image, or "several", as in a recipe.

    Raises:
        UserError: If the name is unknown, or the folder or CSV file is missing or holds too little,
            or the list cannot be read.
    """
    source = parse(name)
    check_label_kind(name, labels)
    if _of_files(source):
        from kerascnn.data.folders import scan

        scan(source, labels)
    if fix_list is not None:
        from kerascnn.data.fix_list import read_fixes

        read_fixes(fix_list)


def check_data(spec: DataSpec, named: Mapping[str, Iterable[str]] | None = None) -> None:
    """Raises where `load` would soon fail.

    Args:
        spec: Of a recipe.
        named: Classes that other fields of the recipe name, by field.

    Raises:
        UserError: As `check_source`, and where `data.test` has classes of its own or a field names
            one that is not there.
    """
    check_source(spec.name, spec.fix_list, spec.labels)
    source = parse(spec.name)
    if named and source.kind == "digits":
        check_class_names(named, CLASSES)
    if spec.test is not None:
        check_source(spec.test, labels=spec.labels)
    if _of_files(source) and (named or spec.folds is not None or spec.test is not None):
        _check_files(spec, source, named or {})


def _of_files(source: Source) -> bool:
    return source.kind in ("folder", "csv")


def _check_files(spec: DataSpec, source: Source, named: Mapping[str, Iterable[str]]) -> None:
    import numpy as np

    from kerascnn.data.folders import check_test_classes, scan
    from kerascnn.data.splits import check_folds

    listing = scan(source, spec.labels)
    check_class_names(named, listing.classes)
    if spec.folds is not None:
        pooled = [labels for split, (_, labels) in listing.splits.items() if split != "test"]
        check_folds(np.concatenate(pooled), spec.folds, listing.classes)
    if spec.test is not None and _of_files(other := parse(spec.test)):
        tested = scan(other, spec.labels)
        parts = [tested.splits["test"]] if "test" in tested.splits else tested.splits.values()
        found = np.concatenate([labels for _, labels in parts])
        check_test_classes(spec.test, found, tested.classes, listing.classes)


def check_class_names(named: Mapping[str, Iterable[str]], known: Sequence[str]) -> None:
    """Refuses names of classes that the data has not.

    Args:
        named: By the field of the recipe that has them.
        known: The classes of the data.

    Raises:
        UserError: If there is one; names the closest one.
    """
    for field, names in named.items():
        for name in names:
            if name not in known:
                raise unknown(f"class in {field}", name, known)
