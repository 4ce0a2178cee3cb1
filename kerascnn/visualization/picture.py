"""A picture with the numbers behind it, and the network that it may be of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from matplotlib.figure import Figure

from kerascnn.backend import keras
from kerascnn.data.dataset import ImageData
from kerascnn.errors import UserError, unknown
from kerascnn.visualization.writing import png_of


@dataclass(frozen=True)
class Picture:
    """What is drawn: one figure, or the frames of an animation, in their order.

    Attributes:
        frames: The figures; the last one alone stands for all where nothing can move.
        arrays: The numbers that are drawn, by name.
        lines: What is to be said beside the picture.
        chart: Whether it is made of lines and text, and not of pixels.
        seconds: That each frame is to be seen.
    """

    frames: tuple[Figure, ...]
    arrays: Mapping[str, np.ndarray]
    lines: tuple[str, ...] = ()
    chart: bool = False
    seconds: float = 0.5

    @property
    def figure(self) -> Figure:
        """The picture, or the last frame."""
        return self.frames[-1]

    def __repr__(self) -> str:
        """On one line."""
        frames = f"{len(self.frames)} frames of " if len(self.frames) > 1 else ""
        return f"<Picture: {frames}{', '.join(self.arrays)}>"

    def _repr_png_(self) -> bytes:
        """As a notebook shows it."""
        return png_of(self.figure)


@dataclass(frozen=True)
class Seen:
    """An image that a network looks at.

    Attributes:
        name: Of the file, or such as "test:17".
        pixels: As the network takes it, uint8 (H, W, C).
        label: Its class, an index; None where it is not known.
    """

    name: str
    pixels: np.ndarray
    label: int | None = None


@dataclass(frozen=True)
class Subject:
    """A network that pictures are made of.

    Attributes:
        name: Of the run, the file or the network.
        model: From uint8 images (B, H, W, C) to logits, in Keras's own layers.
        classes: Names, in the order of the logits.
        images: That the pictures are to be of; empty where none were named.
        load_data: Loads what the network was trained on; None for a network that has not been
            trained.
        load_untrained: Builds the network with the weights that its training began with; None where
            that cannot be known.
        load_snapshots: Yields the network as it was while it was trained, as
            `kerascnn.training.snapshots.read_snapshots` does; None where nothing of that was kept.
    """

    name: str
    model: keras.Model
    classes: tuple[str, ...]
    images: tuple[Seen, ...] = ()
    load_data: Callable[[], ImageData] | None = field(default=None, repr=False)
    load_untrained: Callable[[], keras.Model] | None = field(default=None, repr=False)
    load_snapshots: Callable[[], Iterator[tuple[int, keras.Model]]] | None = field(
        default=None, repr=False
    )

    @cached_property
    def data(self) -> ImageData:
        """What the network was trained on.

        Raises:
            UserError: If it was not trained, or the data is not there any more.
        """
        if self.load_data is None:
            raise UserError(f"{self.name} has not been trained: it has no images to look at")
        return self.load_data()

    @cached_property
    def untrained(self) -> keras.Model:
        """The network with the weights that its training began with.

        Raises:
            UserError: If they cannot be known.
        """
        if self.load_untrained is None:
            raise UserError(f"{self.name}: the weights before training are not known")
        return self.load_untrained()

    def snapshots(self) -> Iterator[tuple[int, keras.Model]]:
        """Yields how many epochs the network had trained for, and the network as it was then.

        It is one network, whose weights change.

        Raises:
            UserError: If no such weights were kept.
        """
        if self.load_snapshots is None:
            raise UserError(
                f"{self.name} has kept no weights of its epochs: "
                "'kerascnn train MODEL DATASET --snapshots 1' does"
            )
        return self.load_snapshots()

    def target(self, name: str | None, image: Seen, logits: np.ndarray) -> int:
        """Returns the class that a picture of an image explains.

        Args:
            name: Of a class; if None, the class of the image, and the likeliest one where that is
                not known.
            image: The image.
            logits: The network's answer, (classes,).

        Raises:
            UserError: If there is no such class.
        """
        if name is not None:
            if name not in self.classes:
                raise unknown("class", name, self.classes)
            return self.classes.index(name)
        return int(np.argmax(logits)) if image.label is None else image.label
