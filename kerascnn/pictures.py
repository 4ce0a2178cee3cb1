"""Pictures of what a run's network has learnt."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kerascnn import tracking
from kerascnn.backend import keras
from kerascnn.data.folders import find_images
from kerascnn.data.images import decode, resize
from kerascnn.data.loading import load
from kerascnn.data.pipeline import pictures
from kerascnn.errors import UserError, unknown
from kerascnn.evaluation.mistakes import mistakes
from kerascnn.evaluation.predictions import file_of
from kerascnn.inspection.layers import last_maps
from kerascnn.inversion import inversion_hints
from kerascnn.models.build import build_model, main_head
from kerascnn.models.spec import entry_of
from kerascnn.recipe import Recipe
from kerascnn.report.pictures import FOLDER
from kerascnn.run_model import data_of, load_model, start_of
from kerascnn.starting_weights import weights_of
from kerascnn.tracking import Run
from kerascnn.training.session import assemble
from kerascnn.training.snapshots import FOLDER as SNAPSHOTS
from kerascnn.training.snapshots import read_snapshots
from kerascnn.visualization.kinds import Kind, check_count
from kerascnn.visualization.picture import Picture, Seen, Subject
from kerascnn.visualization.picture_files import default_ending, file_name, write_picture

_EXAMPLE = re.compile(r"(train|validation|test):([0-9]{1,12})")


def visualize(
    source: Run | str | Path,
    kind: str | Kind,
    images: Sequence[str | Path] = (),
    **options: Any,
) -> Picture:
    """Draws what a network has learnt.

        kerascnn.visualize("latest", "patches", layer="c3").figure

    Args:
        source: A run, what `load_run` takes, the path of a model.keras file, or the name of a
            network, which is then untrained.
        kind: Of picture, such as "filters"; `kerascnn visualize --help` lists them.
        images: What it is to be of: image files, folders, or examples of the run's data, such as
            "test:17". If none, the first test image, or the worst mistakes.
        **options: Of the kind, such as `layer="c3"`.

    Raises:
        UserError: For an unknown run, kind, option, layer, unit or class, or an image that cannot
            be read.
    """
    wanted = kind if isinstance(kind, Kind) else Kind.of({"name": kind, **options})
    subject, lines = _subject(source, wanted, images)
    picture = wanted.picture(subject)
    return dataclasses.replace(picture, lines=(*lines, *picture.lines))


def _subject(
    source: Run | str | Path, kind: Kind, images: Sequence[str | Path]
) -> tuple[Subject, list[str]]:
    """Returns a network with the images that a picture is to be of, and what is to be said."""
    check_count(kind, images)
    if not isinstance(source, Run) and tracking.names_network(str(source)):
        entry = entry_of(str(source))
        model = build_model(entry.name, input_shape=entry.input_shape, classes=entry.classes)
        classes = tuple(map(str, range(entry.classes)))
        subject = Subject(f"{entry.name} (untrained)", main_head(model), classes)
        return _with_images(subject, kind, images, None, None)
    run = None
    if isinstance(source, Run):
        run = source
    elif Path(source).suffix != ".keras":
        run = tracking.load_run(str(source))
    saved = load_model(run or source)
    recipe = saved.recipe
    if kind.one_label and saved.thresholds is not None:
        raise UserError(
            f"{kind.name}: asks for the class of an image, and {run.name if run else source} gives "
            "an image several labels; filters, features and maximize do not ask"
        )
    files = [Path(image) for image in images if Path(image).is_file()]
    hints = inversion_hints(saved, run, files) if run and files else []
    subject = Subject(
        name=run.name if run else Path(str(source)).name,
        model=saved.model,
        classes=saved.classes,
        load_data=lambda: data_of(run) if run else load(recipe.data),
        load_untrained=lambda: assemble(recipe, weights_of=weights_of, start_of=start_of).network,
        load_snapshots=_snapshots_of(run, saved.model) if run else None,
    )
    subject, lines = _with_images(subject, kind, images, recipe, run)
    return subject, [*lines, *hints]


def _snapshots_of(
    run: Run, model: keras.Model
) -> Callable[[], Iterator[tuple[int, keras.Model]]] | None:
    """Returns what reads a run's snapshots; None where it has none."""
    if not run.has(SNAPSHOTS):
        return None
    return lambda: read_snapshots(run.artifact(SNAPSHOTS), model)


def _with_images(
    subject: Subject,
    kind: Kind,
    images: Sequence[str | Path],
    recipe: Recipe | None,
    run: Run | None,
) -> tuple[Subject, list[str]]:
    if not kind.images:
        return subject, []
    if not images and subject.load_data is None:
        raise UserError(f"{kind.name}: {subject.name} has no images of its own: name an image file")
    if not images and kind.of_mistakes and run is not None:
        images = _worst(run, kind.of_mistakes)
    seen, lines = [], []
    for image in images or ("test:0",):
        if (found := _EXAMPLE.fullmatch(str(image))) and not Path(image).exists():
            seen.append(_example(subject, found[1], int(found[2])))
        else:
            for path in find_images([image]):
                shape = subject.model.input_shape[1:]
                pixels = decode(path)
                mode = "crop" if recipe is None else recipe.data.resize
                seen.append(Seen(str(path), resize(pixels, shape, mode)))
                if pixels.shape[:2] != shape[:2]:
                    size = f"{pixels.shape[0]}x{pixels.shape[1]}"
                    lines.append(f"{path}: {size}, seen as {shape[0]}x{shape[1]} ({mode})")
    check_count(kind, [image.name for image in seen])
    return dataclasses.replace(subject, images=tuple(seen)), lines


def _worst(run: Run, count: int) -> list[str]:
    """Returns the worst mistakes among the test images."""
    if not run.has(file_of("test")):
        return []
    return [f"test:{row}" for row in mistakes(run.predictions())[:count]]


def _example(subject: Subject, split: str, number: int) -> Seen:
    data = subject.data
    if split not in data.splits:
        raise unknown("split", split, data.splits)
    size = data.splits[split].size
    if number >= size:
        raise UserError(f"{split}:{number}: {data.name} has {size:,} {split} images, from 0 on")
    (pixels,) = pictures(data, split, np.array([number]))
    label = None if data.several_labels else int(data.splits[split].labels[number])
    return Seen(f"{split}:{number}", pixels, label)


def keep(run: Run, picture: Picture, name: str) -> list[str]:
    """Makes a picture artifacts of a run: PNG, GIF where it moves, and SVG too of charts.

    Args:
        run: Has ended.
        picture: Of its network.
        name: From `file_name`.

    Returns:
        What the artifacts are called.

    Raises:
        UserError: If the store cannot be written.
    """
    endings = [default_ending(picture), *([".svg"] if picture.chart else [])]
    with tracking.new_files(run.id) as made:
        (made / FOLDER).mkdir()
        paths = [
            path.relative_to(made)
            for ending in endings
            for path in write_picture(picture, made / FOLDER / f"{name}{ending}")
        ]
    return [path.as_posix() for path in paths]


def keep_usual(run: Run) -> list[str]:
    """Draws what a report shows of a run's network, and makes it artifacts of the run.

    The patches of its last feature maps, and Grad-CAM of its worst mistakes; nothing of a network
    that has no feature maps, or gives an image several labels.

    Returns:
        What the artifacts are called.

    Raises:
        UserError: If the store cannot be written.
    """
    if run.several_labels:
        return []
    try:
        last_maps(load_model(run).model)
    except UserError:
        return []
    kinds = [Kind.of(name) for name in ("patches", "gradcam")]
    return [name for kind in kinds for name in keep(run, visualize(run, kind), file_name(kind))]
