"""Image files of any number, read and decoded in parallel, in batches of the model's size.

A file gives the pixels that `decode` and `resize` of `kerascnn.data.images` give. Most files are
decoded by TensorFlow, many with one call; what it would not read just so is left to Pillow.
"""

from __future__ import annotations

import functools
import io
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TypeAlias

import numpy as np

from kerascnn.backend import tf
from kerascnn.data import images
from kerascnn.data.images import LARGE, OTHER, PNG, ResizeMode, UnreadableImageError
from kerascnn.data.inventory import decoder_of
from kerascnn.data.reading import sound_pixels
from kerascnn.data.structure import plain_png
from kerascnn.files import legible, read_small
from kerascnn.hardware import processors

Shape = tuple[int, int, int]

_SMALL = 2**20  # bytes of a file that is kept until others are decoded with it
_TOGETHER = 2**23  # bytes of such files

# Of files, by their place: the images that could be read, in order, and what is wrong with others.
_Decoded: TypeAlias = "tuple[np.ndarray, dict[int, str]]"


@dataclass(frozen=True)
class FileBatch:
    """Some files and what is in them.

    Attributes:
        paths: The paths of the files.
        images: uint8 (N, H, W, C), of those that could be read, in order.
        errors: Why others could not, by their place among the paths.
    """

    paths: Sequence[Path]
    images: np.ndarray
    errors: Mapping[int, str]


def read_batches(
    paths: Sequence[Path], image_shape: Shape, mode: ResizeMode, *, batch_size: int
) -> Iterator[FileBatch]:
    """Reads image files, on all processors, a few batches ahead of who takes them.

    Args:
        paths: The paths of the files.
        image_shape: (H, W, C) that the images are brought to.
        mode: How, as `resize` has it.
        batch_size: The last batch may be smaller.

    Yields:
        Every file once, in order.
    """
    workers = processors()
    # Of many files a batch is one worker's; of few, all workers share each.
    parts = 1 if len(paths) >= 2 * workers * batch_size else workers
    read = functools.partial(_read, _Ways(image_shape, mode))
    pool = ThreadPoolExecutor(workers)
    ahead: deque[tuple[Sequence[Path], list[Future[_Decoded]]]] = deque()
    try:
        for start in range(0, len(paths), batch_size):
            batch = paths[start : start + batch_size]
            step = -(-len(batch) // parts)
            jobs = [pool.submit(read, batch[i : i + step]) for i in range(0, len(batch), step)]
            ahead.append((batch, jobs))
            if len(ahead) > 2 * workers:
                yield _together(*ahead.popleft())
        while ahead:
            yield _together(*ahead.popleft())
    finally:
        pool.shutdown(cancel_futures=True)


def _together(paths: Sequence[Path], jobs: Sequence[Future[_Decoded]]) -> FileBatch:
    found = [job.result() for job in jobs]
    if len(found) == 1:
        return FileBatch(paths, *found[0])
    errors: dict[int, str] = {}
    start = 0
    for pixels, wrong in found:
        errors |= {start + place: reason for place, reason in wrong.items()}
        start += len(pixels) + len(wrong)
    return FileBatch(paths, np.concatenate([pixels for pixels, _ in found]), errors)


class _Way(NamedTuple):
    """How a file is decoded: by which decoder, to how many channels, already of the size wanted."""

    decoder: int
    channels: int = 3
    fits: bool = False


class _Ways:
    """Decodes files to images of one shape.

    Args:
        image_shape: (H, W, C).
        mode: How images are brought to it.
    """

    def __init__(self, image_shape: Shape, mode: ResizeMode):
        self.image_shape, self._mode = image_shape, mode
        self._decode = functools.cache(self._decode_function)

    def way_of(self, content: bytes) -> _Way:
        """Returns how a file is decoded."""
        png = plain_png(content)
        if png is not None and png[0] * png[1] <= LARGE:
            return _Way(PNG, png[2], png[:2] == self.image_shape[:2])
        try:
            with images.opened(io.BytesIO(content)) as image:
                decoder = decoder_of(image, content)
                return _Way(decoder, fits=(image.height, image.width) == self.image_shape[:2])
        except UnreadableImageError:
            return _Way(OTHER)

    def decoded(self, way: _Way, contents: Sequence[bytes]) -> list[np.ndarray | str]:
        """Returns the image in each file, or what is wrong with it."""
        if way.decoder != OTHER:
            try:
                return [*self._decode(way)(tf.constant(contents)).numpy()]
            except tf.errors.OpError:  # of one of them, which Pillow will name or read
                pass
        return [self._by_pillow(content) for content in contents]

    def _by_pillow(self, content: bytes) -> np.ndarray | str:
        try:
            pixels = images.decode(io.BytesIO(content))
        except UnreadableImageError as error:
            return str(error).removeprefix("image: ")
        return images.resize(pixels, self.image_shape, self._mode)

    def _decode_function(self, way: _Way) -> Callable[[tf.Tensor], tf.Tensor]:
        sides = self.image_shape[:2] if way.fits else (None, None)

        def one(content: tf.Tensor) -> tf.Tensor:
            pixels = sound_pixels(content, way.decoder, way.channels)
            pixels = tf.ensure_shape(pixels, (*sides, way.channels))
            return pixels if way.fits else images.fit(pixels, self.image_shape, self._mode)

        shape = (*sides, way.channels) if way.fits else self.image_shape

        def decode(contents: tf.Tensor) -> tf.Tensor:
            # One after the other: there is a thread for each processor, and images may be large.
            with tf.device("CPU"):
                pixels = tf.map_fn(
                    one,
                    contents,
                    fn_output_signature=tf.TensorSpec(shape, tf.uint8),
                    parallel_iterations=1,
                )
                return images.fit(pixels, self.image_shape, self._mode)

        signature = [tf.TensorSpec([None], tf.string)]
        function: Callable[[tf.Tensor], tf.Tensor] = tf.function(
            decode, input_signature=signature, autograph=False
        )
        return function


def _read(ways: _Ways, paths: Sequence[Path]) -> _Decoded:
    """Reads some files; small ones that are decoded the same way together."""
    found: list[np.ndarray | str] = [""] * len(paths)
    waiting: dict[_Way, list[tuple[int, bytes]]] = defaultdict(list)

    def decode_waiting() -> None:
        for way, files in waiting.items():
            done = ways.decoded(way, [content for _, content in files])
            for (place, _), one in zip(files, done, strict=True):
                found[place] = one
        waiting.clear()

    held = 0
    for place, path in enumerate(paths):
        content = read_small(path, _SMALL)
        if content is None:
            found[place] = _read_alone(ways, path)
            continue
        waiting[ways.way_of(content)].append((place, content))
        held += len(content)
        if held > _TOGETHER:
            decode_waiting()
            held = 0
    decode_waiting()
    pixels = [one for one in found if not isinstance(one, str)]
    errors = {
        place: f"{legible(paths[place])}: {one}"
        for place, one in enumerate(found)
        if isinstance(one, str)
    }
    return np.stack(pixels) if pixels else np.empty((0, *ways.image_shape), np.uint8), errors


def _read_alone(ways: _Ways, path: Path) -> np.ndarray | str:
    """Reads a file that is not small, or finds out why it cannot be read."""
    try:
        with images.content_of(path) as content:
            return ways.decoded(ways.way_of(content), [content])[0]
    except UnreadableImageError as error:
        return str(error).removeprefix(f"{legible(path)}: ")
