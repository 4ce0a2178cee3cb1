"""Filters and feature maps over the epochs of a training, as an animation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from pydantic import Field

from kerascnn.inspection.evolution import SETTLED, Evolution, evolution
from kerascnn.visualization.filters import columns_for
from kerascnn.visualization.kinds import Kind
from kerascnn.visualization.picture import Picture, Subject
from kerascnn.visualization.writing import in_style, new_figure

_MOST = 48  # filters or maps


@in_style
def draw_epoch(
    found: Evolution,
    number: int,
    pixels: np.ndarray,
    classes: Sequence[str],
    *,
    title: str = "",
) -> Figure:
    """Draws one frame: filters and maps after an epoch, and how far every layer has come.

    The shade of a filter or a map has one scale for all epochs, each its own.

    Args:
        found: From `evolution`.
        number: Of the snapshot, from 0.
        pixels: The image, uint8 (H, W, 1 or 3).
        classes: Names.
        title: Before what the network says at that epoch.
    """
    figure = new_figure(10.5, 7.2, dpi=100, layout=None)
    said = int(found.probabilities[number].argmax())
    share = found.probabilities[number, said]
    epoch, last = found.epochs[number], found.epochs[-1]
    figure.suptitle(
        f"{title}epoch {epoch} of {last}, takes the image for '{classes[said]}' ({share:.0%})",
        x=0.04,
        ha="left",
    )
    panels = [(f"filters of {found.filter_layer}", _filter_sheet(found.filters, number))]
    if found.maps is not None:
        panels.append((f"feature maps of {found.map_layer}", _map_sheet(found.maps, number)))
    for place, (name, sheet) in enumerate(panels):
        axes = figure.add_axes((0.04 + 0.49 * place, 0.4, 0.45, 0.49))
        axes.imshow(sheet, interpolation="nearest")
        axes.set_axis_off()
        axes.set_title(name, fontsize="medium")
    axes = figure.add_axes((0.9, 0.9, 0.07, 0.09))
    axes.imshow(np.broadcast_to(pixels, (*pixels.shape[:2], 3)), interpolation="nearest")
    axes.set_axis_off()
    axes = figure.add_axes((0.09, 0.08, 0.72, 0.27))
    colours = colormaps["viridis"](np.linspace(0, 0.92, len(found.layers)))
    for layer, (name, distances) in enumerate(zip(found.layers, found.distances.T, strict=True)):
        label = f" {name}"[not name.startswith("_") :] if _named(layer, len(found.layers)) else None
        axes.plot(found.epochs, distances, color=colours[layer], label=label)
    axes.axvline(epoch, color=to_rgb("0.3"), linewidth=1)
    axes.set(xlabel="epoch", ylabel="way left to the last weights", ylim=(0, None))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False)
    return figure


def _named(layer: int, count: int) -> bool:
    """Whether a layer is in the legend, which has room for eight."""
    return layer in np.linspace(0, count - 1, min(count, 8)).round().astype(int)


def _filter_sheet(filters: np.ndarray, number: int) -> np.ndarray:
    """Returns the filters (E, h, w, C, N) of one epoch as one image (H, W, 3)."""
    chosen = filters[..., :_MOST]
    if chosen.shape[3] not in (1, 3):
        chosen = chosen.mean(axis=3, keepdims=True)
    largest = np.abs(chosen).max(axis=(0, 1, 2, 3))  # zero is grey in all of them
    shades = 0.5 + chosen[number] / (2 * np.where(largest > 0, largest, 1))
    return _sheet(np.broadcast_to(shades, (*shades.shape[:2], 3, shades.shape[3])))


def _map_sheet(maps: np.ndarray, number: int) -> np.ndarray:
    """Returns the maps (E, H, W, M) of one epoch as one image (H, W, 3)."""
    chosen = maps[..., :_MOST]
    largest = np.abs(chosen).max(axis=(0, 1, 2))
    shares = chosen[number] / np.where(largest > 0, largest, 1)
    signed = chosen.min() < 0
    colours = colormaps["RdBu_r" if signed else "inferno"](0.5 + shares / 2 if signed else shares)
    return _sheet(colours[..., :3].transpose(0, 1, 3, 2))


def _sheet(tiles: np.ndarray) -> np.ndarray:
    """Returns tiles (h, w, 3, N) side by side, white between them."""
    height, width, _, count = tiles.shape
    columns = columns_for(count)
    rows = -(-count // columns)
    gap = max(1, height // 8)
    sheet = np.ones((rows * (height + gap) - gap, columns * (width + gap) - gap, 3))
    for number in range(count):
        top, left = number // columns * (height + gap), number % columns * (width + gap)
        sheet[top : top + height, left : left + width] = tiles[..., number]
    return sheet


class EvolutionKind(Kind, name="evolution"):
    """Filters and feature maps over the epochs, and when each layer is done."""

    images: ClassVar[int] = 1
    layer: str | None = Field(
        None, description="whose feature maps are shown; the last with maps of 8x8 if left out"
    )
    frames: int = Field(60, ge=2, le=1000, description="at most, of snapshots that are more")

    def picture(self, subject: Subject) -> Picture:
        """Draws it.

        Raises:
            UserError: If no weights of the epochs were kept, or there is no such layer.
        """
        subject.snapshots()
        seen = subject.images[0]
        found = evolution(subject.snapshots, seen.pixels, self.layer)
        count = len(found.epochs)
        chosen = np.unique(np.linspace(0, count - 1, min(count, self.frames)).round().astype(int))
        title = f"{subject.name}, {seen.name}: "
        lines = [
            f"{name}: within {SETTLED:.0%} of its way to its last weights after epoch {epoch}"
            for name, epoch in zip(found.layers, found.settled(), strict=True)
        ]
        arrays = {
            "image": seen.pixels,
            "epochs": found.epochs,
            "filters": found.filters,
            "probabilities": found.probabilities,
            "layers": np.array(found.layers),
            "distances": found.distances,
        }
        if found.maps is not None:
            arrays["maps"] = found.maps
        return Picture(
            frames=tuple(
                draw_epoch(found, number, seen.pixels, subject.classes, title=title)
                for number in chosen
            ),
            arrays=arrays,
            lines=tuple(lines),
            seconds=0.5,
        )
