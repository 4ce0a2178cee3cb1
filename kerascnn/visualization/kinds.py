"""The kinds of pictures of a network: a class each, with its options as fields.

A kind's class lies in the module of its name, which is imported when the kind is asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from kerascnn.data.folders import find_images
from kerascnn.errors import UserError
from kerascnn.spec import Named
from kerascnn.visualization.contents import DEMOS, KINDS

if TYPE_CHECKING:
    from kerascnn.visualization.picture import Picture, Subject


class _Listed(Named):
    """What is drawn by its name: the class lies in the module of that name."""

    lines: ClassVar[Mapping[str, str]] = {}  # name -> what it shows
    package: ClassVar[str] = ""  # where the modules are
    images: ClassVar[int] = 0  # of how many images it is, at most

    @classmethod
    def names(cls) -> list[str]:
        """Returns every name."""
        return list(cls.lines)

    @classmethod
    def of_name(cls, name: str) -> type[Self]:
        """Returns the class of a name."""
        if name in cls.lines:
            importlib.import_module(f"{cls.package}.{name.replace('-', '_')}")
        return super().of_name(name)


class Kind(_Listed, what="kind of picture"):
    """A kind of picture of a network; its fields are what can be chosen."""

    hint: ClassVar[str] = "'kerascnn visualize --help' lists them"
    lines: ClassVar[Mapping[str, str]] = KINDS
    package: ClassVar[str] = "kerascnn.visualization"
    of_mistakes: ClassVar[int] = 0  # of how many of the worst ones, if no image is named
    one_label: ClassVar[bool] = False  # whether it asks for the class of an image

    def picture(self, subject: Subject) -> Picture:
        """Draws it.

        Raises:
            UserError: If the network has nothing of the kind, or no such layer, unit or class.
        """
        raise NotImplementedError


class Demo(_Listed, what="demo"):
    """A picture that needs no network; its fields are what can be chosen."""

    hint: ClassVar[str] = "'kerascnn demo --help' lists them"
    lines: ClassVar[Mapping[str, str]] = DEMOS
    package: ClassVar[str] = "kerascnn.visualization.demos"

    def picture(self, images: tuple[str, ...] = ()) -> Picture:
        """Draws it.

        Args:
            images: Paths of image files.

        Raises:
            UserError: If an image cannot be read, or the numbers do not fit each other.
        """
        raise NotImplementedError


def check_count(wanted: Kind | Demo, images: Sequence[str | Path]) -> None:
    """Refuses more images than a picture is of.

    Args:
        wanted: The picture.
        images: Whatever names them.

    Raises:
        UserError: If there are too many.
    """
    if len(images) > wanted.images:
        most = {0: "no image", 1: "one image"}.get(wanted.images, f"{wanted.images} images at most")
        raise UserError(f"{wanted.name}: takes {most}, got {len(images)}: {images[0]} ...")


def demo(topic: str | Demo, images: Sequence[str | Path] = (), **options: Any) -> Picture:
    """Draws a picture of the lectures, which needs no network.

    Args:
        topic: Such as "convolution"; `kerascnn demo --help` lists them.
        images: Image files, where the topic takes some.
        **options: Of the topic, such as `kernel="edge"`.

    Raises:
        UserError: For an unknown topic or option, an image that cannot be read, or numbers that do
            not fit each other.
    """
    wanted = topic if isinstance(topic, Demo) else Demo.of({"name": topic, **options})
    check_count(wanted, images)
    return wanted.picture(tuple(str(path) for path in find_images(images)))
