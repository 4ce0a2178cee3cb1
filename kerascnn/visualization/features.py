"""The feature maps of one image, stage by stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from PIL import Image
from pydantic import Field

from kerascnn.inspection.activations import dead_maps, is_signed, last_of_stages, maps_of_image
from kerascnn.inspection.layers import maps_of
from kerascnn.visualization.contact_sheet import draw_sheet
from kerascnn.visualization.kinds import Kind
from kerascnn.visualization.picture import Picture, Subject
from kerascnn.visualization.writing import in_style

_SIDE = 72  # pixels of a map
_PER_ROW = 16
_STAGE, _LAYER = 16, 256  # maps of a layer: of each of several, and of one alone


@dataclass(frozen=True)
class LayerMaps:
    """The feature maps of a layer for one image.

    Attributes:
        name: The layer.
        values: float32 (H, W, C).
    """

    name: str
    values: np.ndarray


@in_style
def draw_features(
    layers: Sequence[LayerMaps], pixels: np.ndarray, *, title: str = "", most: int = _STAGE
) -> Figure:
    """Draws feature maps, a row for every sixteen, each map in a scale of its own.

    Maps without negative values run from black at zero to yellow at their largest value, others
    from blue through white at zero to red; dead ones are grey and crossed out.

    Args:
        layers: From the input on; of maps of any size.
        pixels: The image, uint8 (H, W, 1 or 3).
        title: Over the picture.
        most: Maps of a layer that are drawn at most, the first ones.
    """
    names = ["image"]
    rows = [[(_resized(np.broadcast_to(pixels, (*pixels.shape[:2], 3))), "")]]
    for layer in layers:
        height, width, count = layer.values.shape
        dead, signed = dead_maps(layer.values), is_signed(layer.values)
        cells = []
        for number in range(min(count, most)):
            tile = _crossed() if dead[number] else _coloured(layer.values[..., number], signed)
            cells.append((tile, f"{number} dead" if dead[number] else str(number)))
        shown = f"{min(count, most)} of {count}" if count > most else str(count)
        for start in range(0, len(cells), _PER_ROW):
            first = start == 0
            names.append(f"{layer.name}: {height}x{width}, {shown} maps" if first else "")
            rows.append(cells[start : start + _PER_ROW])
    return draw_sheet(rows, title=title, names=names, side=_SIDE)


def _coloured(values: np.ndarray, signed: bool) -> np.ndarray:
    """Returns a map (H, W) as an image in colours."""
    scale = np.abs(values).max() or 1.0
    shares = 0.5 + values / (2 * scale) if signed else values / scale
    colours = colormaps["RdBu_r" if signed else "inferno"](shares)[..., :3]
    return _resized(np.rint(255 * colours).astype(np.uint8))


def _crossed() -> np.ndarray:
    """Returns the tile of a dead map."""
    tile = np.full((_SIDE, _SIDE, 3), 225, np.uint8)
    along = np.arange(_SIDE)
    for shift in (0, 1):
        tile[along[: _SIDE - shift], along[shift:]] = 170
        tile[along[: _SIDE - shift], along[shift:][::-1] - shift] = 170
    return tile


def _resized(pixels: np.ndarray) -> np.ndarray:
    """Returns an image (H, W, 3) in the size of a tile, its cells still to be seen."""
    height, width = pixels.shape[:2]
    kind = Image.Resampling.NEAREST if max(height, width) < _SIDE else Image.Resampling.BOX
    scale = _SIDE / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    tile = Image.new("RGB", (_SIDE, _SIDE), "white")
    resized = Image.fromarray(np.ascontiguousarray(pixels)).resize(size, kind)
    tile.paste(resized, ((_SIDE - size[0]) // 2, (_SIDE - size[1]) // 2))
    return np.asarray(tile)


class Features(Kind, name="features"):
    """The feature maps of every stage for one image, each in its own scale."""

    images: ClassVar[int] = 1
    layer: str | None = Field(
        None, description="all maps of this one; the last layer of every size of maps if left out"
    )
    maps: int | None = Field(
        None,
        ge=1,
        le=4096,
        description="of a layer at most; 16 if left out, 256 where there is one layer",
    )

    def picture(self, subject: Subject) -> Picture:
        """Draws it.

        Raises:
            UserError: If the network has no feature maps, or no such layer.
        """
        model, seen = subject.model, subject.images[0]
        chosen = [maps_of(model, self.layer)] if self.layer else last_of_stages(model)
        most = self.maps or (_LAYER if self.layer else _STAGE)
        values, logits = maps_of_image(model, seen.pixels, chosen)
        layers = [LayerMaps(maps.name, found) for maps, found in zip(chosen, values, strict=True)]
        said = subject.classes[int(logits.argmax())]
        lines = []
        for maps, found in zip(chosen, values, strict=True):
            height, width, count = maps.shape
            dead = int(dead_maps(found).sum())
            cut = f", the first {most} drawn" if count > most else ""
            lines.append(
                f"{maps.name} ({maps.what}): {count} maps of {height}x{width}{cut}; "
                f"{dead or 'none'} dead for this image"
            )
        return Picture(
            frames=(
                draw_features(
                    layers,
                    seen.pixels,
                    title=f"{subject.name}: feature maps of {seen.name}, taken for '{said}'",
                    most=most,
                ),
            ),
            arrays={"image": seen.pixels, **{layer.name: layer.values for layer in layers}},
            lines=tuple(lines),
        )
