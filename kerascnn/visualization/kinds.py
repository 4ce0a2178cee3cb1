"""The kinds of pictures of a network: a class each, with its options as fields.

A kind's class lies in the module of its name, which is imported when the kind is asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from kerascnn.data.folders import find_images
from kerascnn.errors import UserError
from kerascnn.spec import Named
from kerascnn.visualization.contents import DEMOS, KINDS

if TYPE_CHECKING:
    from kerascnn.visualization.picture import Picture, Subject


def _module_of(package: str, name: str) -> str:
    return f"kerascnn.visualization{package}.{name.replace('-', '_')}"


class Kind(Named, what="kind of picture"):
    """A kind of picture of a network; its fields are what can be chosen."""

    hint: ClassVar[str] = "'kerascnn visualize --help' lists them"
    images: ClassVar[int] = 0  # of how many images it is, at most
    of_mistakes: ClassVar[int] = 0  # of how many of the worst ones, if no image is named

    @classmethod
    def names(cls) -> list[str]:
        """Returns the name of every kind."""
        return list(KINDS)

    @classmethod
    def of_name(cls, name: str) -> type[Self]:
        """Returns the class of a kind."""
        if name in KINDS:
            importlib.import_module(_module_of("", name))
        return super().of_name(name)

    def picture(self, subject: Subject) -> Picture:
        """Draws it.

        Raises:
            UserError: If the network has nothing of the kind, or no such layer, unit or class.
        """
        raise NotImplementedError


class Demo(Named, what="demo"):
    """A picture that needs no network; its fields are what can be chosen."""

    hint: ClassVar[str] = "'kerascnn demo --help' lists them"
    images: ClassVar[int] = 0  # of how many image files it is, at most

    @classmethod
    def names(cls) -> list[str]:
        """Returns the name of every demo."""
        return list(DEMOS)

    @classmethod
    def of_name(cls, name: str) -> type[Self]:
        """Returns the class of a demo."""
        if name in DEMOS:
            importlib.import_module(_module_of(".demos", name))
        return super().of_name(name)

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
