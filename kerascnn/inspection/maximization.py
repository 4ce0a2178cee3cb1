"""Images that excite a unit most, found by climbing, and what real images reach."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerascnn.backend import keras, tf
from kerascnn.inspection.backward import Rule, with_backward
from kerascnn.inspection.layers import (
    FeatureMaps,
    feature_maps,
    images_at_once,
    output_of,
)

_GREY = 127.5
_STEP = 12.0  # grey levels that the pixels that matter move in a step, at the start
_WAKING = 0.1  # of the steps, in which ReLUs that are off are switched on
_LEAST_BLUR = 0.2  # pixels; less does next to nothing
_START = 8.0  # standard deviation of the noise that all begins with


@dataclass(frozen=True)
class Units:
    """The units of one layer, one for each of its maps where it has maps.

    Attributes:
        network: From images to what they compute.
        output: Name of the Keras layer that this comes out of.
        maps: The layer's feature maps; None where it has none.
    """

    network: keras.Model
    output: str
    maps: FeatureMaps | None

    @property
    def count(self) -> int:
        """How many there are."""
        return int(self.network.output_shape[-1])

    @property
    def middle(self) -> tuple[int, int] | None:
        """Row and column of the unit in the middle of the maps; None where there are none."""
        return (self.maps.shape[0] // 2, self.maps.shape[1] // 2) if self.maps else None

    def window(self, place: tuple[int, int] | None) -> tuple[int, int, int, int]:
        """Returns the pixels that a unit sees: first row and column, and those behind the last.

        Args:
            place: Row and column in the maps. What it sees may lie outside of the image.
        """
        sides: tuple[int, int] = self.network.input_shape[1:3]
        if place is None or self.maps is None:
            return 0, 0, *sides
        ends = [field.interval(at) for field, at in zip(self.maps.fields, place, strict=True)]
        if any(last - first >= side for (first, last), side in zip(ends, sides, strict=True)):
            return 0, 0, *sides
        (top, bottom), (left, right) = ((round(first), round(last)) for first, last in ends)
        return top, left, bottom, right


def units_of(model: keras.Model, layer: str | None = None) -> Units:
    """Returns the units of a layer.

    Args:
        model: Functional, from uint8 images (B, H, W, C) to logits.
        layer: As `kerascnn summary` lists it; the logits if None.

    Raises:
        UserError: If there is no such layer.
    """
    if layer is None:
        return Units(model, model.output_names[0], None)
    output = output_of(model, layer)
    network = keras.Model(model.inputs[0], model.get_layer(output).output)
    return Units(network, output, feature_maps(model).get(layer))


def activations(units: Units, images: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Returns what one unit does at one image each, float32 (N,); of a map the one in the middle.

    Args:
        units: Of a layer.
        images: uint8 (N, H, W, C).
        numbers: The unit of each, (N,).
    """
    values = units.network.predict_on_batch(images)
    if units.middle is not None:
        values = values[:, units.middle[0], units.middle[1]]
    return np.asarray(values[np.arange(len(images)), numbers], np.float32)


def maximize(
    model: keras.Model,
    units: Units,
    numbers: np.ndarray,
    *,
    steps: int = 256,
    decay: float = 0.005,
    blur: float = 1.0,
    jitter: int = 1,
    seed: int = 0,
) -> np.ndarray:
    """Finds for each of some units an image that excites it, uint8 (N, H, W, C).

    From grey with a little noise, steps up the derivative, which shrink to nothing; of a map it is
    the unit in the middle that is excited. A ReLU of the unit's own is left out meanwhile, and the
    first tenth of the steps goes through others that are off, or nothing would lead up from where
    all are. Erhan et al. 2009; decay and blur as in Yosinski et al. 2015, section 3, shifts and the
    way through ReLUs as in Olah et al. 2017. Both blur and shifts are less for units that see few
    pixels: at most a sixteenth and an eighth of that.

    Args:
        model: Functional, from uint8 images (B, H, W, C) to logits.
        units: Of `model`, from `units_of`.
        numbers: Which of them, (N,).
        steps: How many.
        decay: What part of its distance from grey each pixel loses in the first step; later steps
            take less, as they climb less.
        blur: Standard deviation, in pixels, of the Gaussian that every fourth step ends with; it
            shrinks to nothing by the end.
        jitter: How many pixels the image is shifted at most, before each step, and back.
        seed: Of the noise and the shifts.
    """
    place, shape = units.middle, model.input_shape[1:]
    top, left, bottom, right = units.window(place)
    sees = min(bottom - top, right - left)
    jitter, blur = min(jitter, sees // 8), min(blur, sees / 16)

    def climber(rule: Rule) -> Any:
        copy = with_backward(model, rule, linear=units.output)
        network = keras.Model(copy.inputs[0], copy.get_layer(units.output).output)

        def climb(
            pixels: tf.Tensor, wanted: tf.Tensor, shift: tf.Tensor, remaining: tf.Tensor
        ) -> tf.Tensor:
            shifted = tf.roll(pixels, shift, axis=(1, 2))
            with tf.GradientTape() as tape:
                tape.watch(shifted)
                values = tf.cast(network(shifted, training=False), tf.float32)
                if place is not None:
                    values = values[:, place[0], place[1]]
                reached = tf.gather(values, wanted, batch_dims=1)
            slope = tf.roll(tape.gradient(reached, shifted), -shift, axis=(1, 2))
            most = tf.reduce_max(tf.abs(slope), axis=(1, 2, 3), keepdims=True)
            moved = pixels + _STEP * remaining * tf.math.divide_no_nan(slope, most)
            kept = 1 - decay * remaining
            return tf.clip_by_value(_GREY + kept * (moved - _GREY), 0.0, 255.0)

        return tf.function(climb, reduce_retracing=True)

    climbing, waking = climber("gradient"), climber("redirected")
    found = []
    at_once = images_at_once(model)
    for first in range(0, len(numbers), at_once):
        wanted = tf.constant(numbers[first : first + at_once], tf.int32)
        # The same start and shifts for all: a unit's image is the same whoever is beside it.
        generator = np.random.default_rng(seed)
        start = generator.normal(_GREY, _START, shape)
        pixels = tf.constant(np.broadcast_to(start, (len(wanted), *shape)), tf.float32)
        for number in range(steps):
            remaining = 1 - number / steps
            shift = tf.constant(generator.integers(-jitter, jitter + 1, 2), tf.int32)
            climb = waking if number < _WAKING * steps else climbing
            pixels = climb(pixels, wanted, shift, tf.constant(remaining, tf.float32))
            if blur * remaining > _LEAST_BLUR and number % 4 == 3:
                pixels = _blurred(pixels, blur * remaining)
        found.append(np.asarray(np.round(pixels), np.uint8))
    return np.concatenate(found)


def _blurred(pixels: tf.Tensor, deviation: float) -> tf.Tensor:
    reach = max(1, round(3 * deviation))
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    kernel = (kernel / kernel.sum()).astype(np.float32)
    channels = pixels.shape[-1]
    for axis in (1, 2):
        around = [[0, 0]] * 4
        around[axis] = [reach, reach]
        padded = tf.pad(pixels, around, mode="SYMMETRIC")
        along = kernel.reshape([-1 if i + 1 == axis else 1 for i in range(4)])
        pixels = tf.nn.depthwise_conv2d(
            padded, tf.tile(along, [1, 1, channels, 1]), [1, 1, 1, 1], "VALID"
        )
    return pixels


@dataclass(frozen=True)
class Best:
    """The real images that excite some units most.

    Attributes:
        values: What each unit does, at any position, float32 (N,).
        images: The image of each, uint8 (N, H, W, C).
        places: Row and column of the unit in its map, int (N, 2); zeros where there are no maps.
        positions: Which of the images given each is, (N,).
        seen: How many images were looked at.
    """

    values: np.ndarray
    images: np.ndarray
    places: np.ndarray
    positions: np.ndarray
    seen: int


def best_images(units: Units, numbers: np.ndarray, batches: Iterable[np.ndarray]) -> Best:
    """Finds for each of some units the image, and the position in it, where it does most.

    Args:
        units: Of a layer.
        numbers: Which of them, (N,).
        batches: Images, uint8 (B, H, W, C); at least one. None but the best are kept.
    """
    values = np.full(len(numbers), -np.inf, np.float32)
    images = np.zeros((len(numbers), *units.network.input_shape[1:]), np.uint8)
    places, positions = np.zeros((len(numbers), 2), int), np.zeros(len(numbers), int)
    seen = 0
    for batch in batches:
        found = units.network.predict_on_batch(batch)[..., numbers]
        columns = found.shape[2] if found.ndim == 4 else 1
        flat = found.reshape(len(batch), -1, len(numbers))
        by_image = flat.max(axis=1)
        rows = by_image.argmax(axis=0)
        for number in np.flatnonzero(by_image.max(axis=0) > values):
            row = rows[number]
            values[number], images[number] = by_image[row, number], batch[row]
            places[number] = divmod(int(flat[row, :, number].argmax()), columns)
            positions[number] = seen + row
        seen += len(batch)
    return Best(values, images, places, positions, seen)
