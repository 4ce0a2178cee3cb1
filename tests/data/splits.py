"""The images of a split, of the kind that a test knows them to be."""

from __future__ import annotations

from kerascnn.data.dataset import ArrayImages, FileImages, Split


def array_images(split: Split) -> ArrayImages:
    assert isinstance(split.images, ArrayImages)
    return split.images


def file_images(split: Split) -> FileImages:
    assert isinstance(split.images, FileImages)
    return split.images
