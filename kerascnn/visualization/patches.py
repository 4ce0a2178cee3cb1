"""The images that excite a layer's units most, beside what the units see in them.

The figure of Zeiler and Fergus 2014 (figure 2): of each unit nine patches, cut at the receptive
field, one from each image, and their reconstructions by a deconvnet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import ClassVar, Literal

import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from pydantic import Field

from kerascnn.arithmetic import analyze
from kerascnn.backend import keras
from kerascnn.data.dataset import ImageData
from kerascnn.data.pipeline import evaluation_batches, pictures
from kerascnn.errors import UserError
from kerascnn.inspection.deconvnet import Deconvnet
from kerascnn.inspection.layers import FeatureMaps, feature_maps, last_maps, maps_of
from kerascnn.inspection.receptive_field import check_unit, clipped, receptive_field_of
from kerascnn.inspection.strongest import Strongest, batch_size, strongest
from kerascnn.visualization.contact_sheet import draw_sheet
from kerascnn.visualization.kinds import Kind
from kerascnn.visualization.picture import Picture, Subject
from kerascnn.visualization.writing import in_style

ALL = "all"
_SIDE = 3
_PATCHES = _SIDE**2
_UNITS, _UNITS_OF_EACH = 6, 3  # of one layer, and of each of several
_BLOCKS = 2  # side by side, of one layer
_MOST_LAYERS = 18
_PIXELS, _LEAST = 64, 32  # side of a patch in the picture
_GAP, _BETWEEN, _AROUND = 2, 5, 6  # of patches, of a block's halves, of blocks
_WHITE, _GREY = 255, 128
_NEARLY = 0.99  # of a reconstruction's numbers are no larger
_BEYOND = (212, 224, 241)  # an image's edge: no grey that an image may have


@dataclass(frozen=True)
class Excited:
    """A unit, and the images that excite it most.

    Attributes:
        unit: Number of the feature map.
        activations: Falling, (9,); -inf where there were fewer images.
        images: Numbers in the split, (9,); -1 likewise.
        positions: Row and column in the feature map, (9, 2).
        patches: Cut at the receptive field, uint8 (9, h, w, C), white beyond the image's edge.
        reconstructions: Of the same pixels, float32 (9, h, w, C), not a number beyond the edge.
    """

    unit: int
    activations: np.ndarray
    images: np.ndarray
    positions: np.ndarray
    patches: np.ndarray
    reconstructions: np.ndarray


@in_style
def draw_patches(
    rows: Sequence[Sequence[tuple[Excited, str]]],
    *,
    title: str,
    note: str = "",
    names: Sequence[str] | None = None,
) -> Figure:
    """Draws units as blocks: nine reconstructions at the left, their nine patches at the right.

    Each reconstruction is stretched to its own contrast; grey stands for zero. What lies beyond the
    image's edge is pale blue.

    Args:
        rows: The units of each row, with the caption under each.
        title: Over the sheet.
        note: Under the title.
        names: Of the rows, at their left.
    """
    sides = [max(unit.patches.shape[1:3]) for row in rows for unit, _ in row]
    # Several layers: smaller, but still as large as the smallest images are.
    room = _PIXELS if len(set(sides)) == 1 else min(_PIXELS, max(_LEAST, max(sides) // 4))
    cell = max(max(_size(unit.patches.shape[1:3], room)) for row in rows for unit, _ in row)
    blocks = [[(_block(unit, room, cell), text) for unit, text in row] for row in rows]
    side = max(blocks[0][0][0].shape[:2])
    return draw_sheet(blocks, title=title, note=note, names=names, side=side)


def _size(shape: Sequence[int], room: int) -> tuple[int, int]:
    """Returns height and width of a patch in the picture, enlarged by a whole factor."""
    longest = max(shape)
    scale: float = max(1, round(room / longest))
    if longest * scale > 1.25 * room:
        scale = room / longest
    return max(1, round(shape[0] * scale)), max(1, round(shape[1] * scale))


def _block(unit: Excited, room: int, cell: int) -> np.ndarray:
    """Returns both halves of a unit's block, uint8 (height, width, 3)."""
    beyond = np.isnan(unit.reconstructions).all(axis=-1)
    values = np.nan_to_num(unit.reconstructions)
    halves = []
    for images in (np.stack([_stretched(one) for one in values]), unit.patches):
        colours = np.broadcast_to(images, (*images.shape[:-1], 3)).copy()
        colours[beyond] = _BEYOND
        halves.append(_mosaic([_resized(pixels, room) for pixels in colours], cell))
    white = np.full((len(halves[0]), _AROUND, 3), _WHITE, np.uint8)
    return np.concatenate([white, halves[0], white[:, :_BETWEEN], halves[1], white], axis=1)


def _stretched(reconstruction: np.ndarray) -> np.ndarray:
    """Returns a reconstruction as uint8: zero is grey, what is nearly the largest black or white.

    Not the largest itself: behind strided layers a few pixels stand out.
    """
    sizes = np.abs(reconstruction)
    largest = np.quantile(sizes, _NEARLY, method="higher") or sizes.max() or 1
    scaled = _GREY + (reconstruction / largest).clip(-1, 1) * (_WHITE - _GREY)
    return scaled.round().astype(np.uint8)


def _resized(pixels: np.ndarray, room: int) -> np.ndarray:
    height, width = _size(pixels.shape[:2], room)
    image = Image.fromarray(pixels)
    larger = height >= pixels.shape[0]
    kind = Image.Resampling.NEAREST if larger else Image.Resampling.LANCZOS
    return np.asarray(image.resize((width, height), kind))


def _mosaic(images: Sequence[np.ndarray], cell: int) -> np.ndarray:
    """Returns nine images, each in the middle of its cell, as one."""
    pitch = cell + _GAP
    sheet = np.full((_SIDE * pitch - _GAP,) * 2 + (3,), _WHITE, np.uint8)
    for number, image in enumerate(images):
        row, column = divmod(number, _SIDE)
        top = row * pitch + (cell - image.shape[0]) // 2
        left = column * pitch + (cell - image.shape[1]) // 2
        sheet[top : top + image.shape[0], left : left + image.shape[1]] = image
    return sheet


def excited(
    model: keras.Model,
    data: ImageData,
    split: str,
    found: dict[str, Strongest],
    units: dict[str, Sequence[int]],
) -> dict[str, list[Excited]]:
    """Cuts the patches that excite units most, and reconstructs what the units see in them.

    Args:
        model: Functional, from uint8 images to logits.
        data: That `found` was found in.
        split: Its part that `found` was found in.
        found: By layer.
        units: Of each layer, which are wanted.
    """
    wanted = [found[name].images[list(chosen)] for name, chosen in units.items()]
    numbers = np.unique(np.concatenate([part.ravel() for part in wanted]))
    numbers = numbers[numbers >= 0]
    pixels = pictures(data, split, numbers)
    deconvnet, maps = Deconvnet(model, list(units)), feature_maps(model)
    return {
        name: _excited_of(maps[name], deconvnet, found[name], list(chosen), numbers, pixels)
        for name, chosen in units.items()
    }


def _excited_of(
    maps: FeatureMaps,
    deconvnet: Deconvnet,
    found: Strongest,
    units: list[int],
    numbers: np.ndarray,
    pixels: np.ndarray,
) -> list[Excited]:
    """Returns some units of one layer.

    Args:
        maps: The layer.
        deconvnet: Knows the layer.
        found: Of the layer.
        units: Which.
        numbers: Of the images at hand, ascending.
        pixels: Theirs, uint8 (N, H, W, C).
    """
    images, positions = found.images[units], found.positions[units]
    there = images >= 0
    seen = pixels[np.searchsorted(numbers, images[there])]
    which = np.repeat(units, there.sum(axis=1))
    back = deconvnet.reconstruct(maps.name, seen, which, positions[there])
    shape = pixels.shape[1:]
    size = tuple(min(field.size, side) for field, side in zip(maps.fields, shape[:2], strict=True))
    patches = np.full((*images.shape, *size, shape[2]), _WHITE, np.uint8)
    reconstructions = np.full(patches.shape, np.nan, np.float32)
    for number, (slot, position) in enumerate(
        zip(np.argwhere(there), positions[there].tolist(), strict=True)
    ):
        inside, place = _cut(maps, position, shape, size)
        patches[tuple(slot)][place] = seen[number][inside]
        reconstructions[tuple(slot)][place] = back[number][inside]
    return [
        Excited(
            unit,
            found.activations[unit],
            found.images[unit],
            found.positions[unit],
            patches[index],
            reconstructions[index],
        )
        for index, unit in enumerate(units)
    ]


def _cut(
    maps: FeatureMaps, position: Sequence[int], shape: Sequence[int], size: Sequence[int]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Returns what of an image a unit sees, and where that goes in a patch."""
    sides = receptive_field_of(maps, (position[0], position[1]))
    inside = clipped(sides, tuple(shape))
    places = []
    for (first, _), part, room in zip(sides, inside, size, strict=True):
        length = part.stop - part.start
        start = min(part.start - first, room - length)
        places.append(slice(start, start + length))
    return inside, (places[0], places[1])


def layers_in_rows(model: keras.Model) -> list[str]:
    """Returns the layers that stand for a network from the first to the last, 18 at most.

    Those that all paths from the image to the logits pass, without pooling and normalisation: every
    convolution of a chain, and the ends of blocks with branches.

    Raises:
        UserError: If the network has no feature maps.
    """
    last_maps(model)  # it has some
    maps = feature_maps(model)
    rows = analyze(model).main
    readers = Counter(chain.from_iterable(row.inputs for row in rows))
    open_rows: dict[str, int] = {}
    names = []
    for row in rows:
        for name in row.inputs:
            open_rows[name] -= 1
            if not open_rows[name]:
                del open_rows[name]
        open_rows[row.name] = readers[row.name]
        passed = row.kind.endswith("pool") or row.kind in ("LRN", "LCN")
        if len(open_rows) == 1 and row.name in maps and not passed:
            names.append(row.name)
    if len(names) > _MOST_LAYERS:
        places = np.linspace(0, len(names) - 1, _MOST_LAYERS).round().astype(int)
        names = [names[i] for i in places]
    return names


class Patches(Kind, name="patches"):
    """The images that excite a layer's units most, and what the units see in them.

    Zeiler and Fergus 2014, figure 2.
    """

    one_label: ClassVar[bool] = True
    layer: str | None = Field(
        None,
        description="Of the units, as 'kerascnn summary' lists it, or 'all' for the layers that "
        "all paths pass, a row each; the last one with feature maps if not given.",
    )
    units: int | None = Field(
        None,
        ge=1,
        le=64,
        description="How many units, those whose nine strongest activations have the largest mean; "
        "6 if not given, 3 of each layer with --layer all.",
    )
    unit: tuple[int, ...] = Field(
        (), description="Number of a unit, from 0, instead of the strongest ones."
    )
    examples: int = Field(
        10_000, ge=1, le=10_000_000, description="How many images are looked through, at most."
    )
    split: Literal["train", "validation", "test"] = Field(
        "validation", description="Which images are looked through."
    )

    def picture(self, subject: Subject) -> Picture:
        """Draws it.

        Raises:
            UserError: For a network without feature maps, a layer or unit that it has not, or
                without images.
        """
        model, several = subject.model, self.layer == ALL
        if several and self.unit:
            raise UserError(f"unit: got {self.unit[0]}, but --layer all has units of many layers")
        if several:
            names = layers_in_rows(model)
        else:
            names = [maps_of(model, self.layer).name if self.layer else last_maps(model).name]
        for unit in self.unit:
            check_unit(maps_of(model, names[0]), unit)
        data = subject.data
        size = data.splits[self.split].size
        if not size:
            raise UserError(f"split: got {self.split}, {data.name} has no such images")
        found = strongest(model, _images(data, self.split, self.examples), names, k=_PATCHES)
        count = self.units or (_UNITS_OF_EACH if several else _UNITS)
        units = {
            name: list(dict.fromkeys(self.unit)) or one.order()[:count].tolist()
            for name, one in found.items()
        }
        units = {name: chosen for name, chosen in units.items() if chosen}
        if not units:
            raise UserError(f"no image excites any unit of {', '.join(names)}")
        shown = excited(model, data, self.split, found, units)
        looked = f"{min(size, self.examples):,} {self.split} images of {data.name}"
        return Picture(
            frames=(self._drawn(subject, data, shown, several, looked),),
            arrays=dict(_arrays(shown)),
            lines=tuple(_lines(model, found, looked)),
        )

    def _drawn(
        self,
        subject: Subject,
        data: ImageData,
        shown: dict[str, list[Excited]],
        several: bool,
        looked: str,
    ) -> Figure:
        labels = data.splits[self.split].labels
        captioned = {
            name: [(unit, _caption(unit, labels, data.classes)) for unit in row]
            for name, row in shown.items()
        }
        note = f"left: deconvnet reconstructions; right: the patches, of {looked}"
        if several:
            maps = feature_maps(subject.model)
            return draw_patches(
                list(captioned.values()),
                title=f"{subject.name}: what excites its units most",
                note=note,
                names=[
                    f"{name} {'x'.join(str(field.size) for field in maps[name].fields)}"
                    for name in shown
                ],
            )
        ((name, units),) = captioned.items()
        return draw_patches(
            [units[start : start + _BLOCKS] for start in range(0, len(units), _BLOCKS)],
            title=f"{subject.name}: what excites the units of {name} most",
            note=note,
        )


def _images(data: ImageData, split: str, most: int) -> Iterator[np.ndarray]:
    """Yields the first images of a split in batches."""
    left = most
    for pixels, _ in evaluation_batches(data, split, batch_size=batch_size(data.image_shape)):
        yield pixels[:left]
        left -= len(pixels)
        if left <= 0:
            return


def _caption(unit: Excited, labels: np.ndarray, classes: Sequence[str]) -> str:
    """Returns what stands under a unit: its number, how strong it gets, and for which class."""
    there = unit.images[unit.images >= 0]
    label, count = Counter(labels[there].tolist()).most_common(1)[0]
    return (
        f"unit {unit.unit}, up to {unit.activations[0]:.3g}\n"
        f"class {classes[label]}: {count} of {len(there)}"
    )


def _arrays(shown: dict[str, list[Excited]]) -> Iterator[tuple[str, np.ndarray]]:
    for name, row in shown.items():
        prefix = f"{name}_" if len(shown) > 1 else ""
        yield f"{prefix}units", np.array([unit.unit for unit in row])
        for field in ("activations", "images", "positions", "patches", "reconstructions"):
            yield f"{prefix}{field}", np.stack([getattr(unit, field) for unit in row])


def _lines(model: keras.Model, found: dict[str, Strongest], looked: str) -> Iterator[str]:
    maps = feature_maps(model)
    for name, one in found.items():
        height, width = (field.size for field in maps[name].fields)
        dead = len(one.dead)
        yield (
            f"{name}: its units see {height}x{width} pixels; "
            f"{dead or 'none'} of {maps[name].shape[2]} "
            f"{'are' if dead > 1 else 'is'} dead over {looked}"
        )
