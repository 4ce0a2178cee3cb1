"""The layers around an exported network: raw images become its input, and its logits one answer."""

from __future__ import annotations

from typing import Any

from kerascnn.augment.views import ViewSpec, views
from kerascnn.backend import keras, tf


@keras.saving.register_keras_serializable(package="kerascnn")
class FitImages(keras.layers.Layer):
    """Brings images of any one size to a network's, as `kerascnn.data.images.fit` does.

    Bilinear with antialiasing, written as two products of matrices, which every format can express:
    `tf.image.resize(antialias=True)`, whose numbers it gives, is an operation of TensorFlow alone.
    Each output pixel is a weighted mean of input pixels, with the weights of a triangle that is as
    wide as the image shrinks (Heckbert 1989, "Fundamentals of texture mapping", 3.5).

    From uint8 (B, h, w, 3) to uint8 (B, height, width, channels).

    Args:
        height: Of the network's images.
        width: Of the network's images.
        channels: 1 or 3; 1 makes ITU-R 601 grey.
        mode: "crop", "stretch" or "pad", as `data.resize`.
    """

    def __init__(self, height: int, width: int, channels: int, mode: str, **arguments: Any):
        super().__init__(**{"dtype": "float32", "trainable": False, **arguments})
        self.height, self.width, self.channels, self.mode = height, width, channels, mode

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Returns uint8 (B, height, width, channels)."""
        shape = tf.shape(images)
        # As in `fit`: of a very long image, what would be cut away is not enlarged before.
        sides = tf.cast(shape[1:3], tf.float32)
        frame = tf.constant([self.height, self.width], tf.float32)
        if self.mode == "crop":
            seen = tf.reduce_min(tf.math.ceil(sides / frame))
            kept = tf.minimum(sides, 16 * frame * seen)
        else:
            kept = sides
        start = tf.math.floor((sides - kept) / 2)
        if self.mode == "stretch":
            scaled = frame
        else:
            ratios = frame / kept
            crop = self.mode == "crop"
            scale = tf.reduce_max(ratios) if crop else tf.reduce_min(ratios)
            scaled = tf.round(kept * scale)
            scaled = tf.maximum(scaled, frame if crop else tf.ones_like(frame))
            if not crop:
                scaled = tf.minimum(scaled, frame)
        # Where the frame begins in the scaled image: negative where that is padded.
        difference = scaled - frame
        offset = tf.where(
            difference >= 0, tf.math.floor(difference / 2), -tf.math.floor(-difference / 2)
        )
        rows, columns = (
            _weights(size, sides[i], kept[i], start[i], scaled[i], offset[i])
            for i, size in enumerate((self.height, self.width))
        )
        pixels = tf.cast(images, tf.float32)
        if self.channels == 1:
            # Rounded as Pillow does; a float32 holds these sums exactly.
            grey = tf.constant([19595.0, 38470.0, 7471.0])
            levels = tf.reduce_sum(pixels * grey, axis=-1, keepdims=True)
            pixels = tf.math.floor((levels + 32768) / 65536)
        lines = tf.reshape(pixels, [shape[0], shape[1], shape[2] * self.channels])
        lines = tf.matmul(rows, lines)
        lines = tf.reshape(lines, [shape[0], self.height, shape[2], self.channels])
        pixels = tf.matmul(columns, lines)
        pixels = tf.reshape(pixels, [shape[0], self.height, self.width, self.channels])
        return tf.cast(tf.clip_by_value(tf.round(pixels), 0, 255), tf.uint8)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns (B, height, width, channels)."""
        return (shape[0], self.height, self.width, self.channels)

    def compute_output_spec(self, images: Any) -> Any:
        """Returns it with uint8."""
        return keras.KerasTensor(self.compute_output_shape(images.shape), dtype="uint8")

    def get_config(self) -> dict[str, Any]:
        """Returns what makes it."""
        own = {name: getattr(self, name) for name in ("height", "width", "channels", "mode")}
        return dict(super().get_config(), **own)


def _weights(size: int, side: Any, kept: Any, start: Any, scaled: Any, offset: Any) -> tf.Tensor:
    """Returns what each input pixel is to each output pixel of one axis, float32 (size, side)."""
    places = tf.range(size, dtype=tf.float32) + offset  # in the scaled image
    shrinking = kept / scaled
    centres = (places + 0.5) * shrinking + start
    pixels = tf.range(side)
    distances = tf.abs(pixels[None] + 0.5 - centres[:, None]) / tf.maximum(shrinking, 1.0)
    weights = tf.maximum(1.0 - distances, 0.0)
    inside = (pixels >= start) & (pixels < start + kept)
    weights *= tf.cast(inside, tf.float32)[None]
    weights /= tf.maximum(tf.reduce_sum(weights, axis=1, keepdims=True), 1e-6)
    shown = (places >= 0) & (places < scaled)  # else it is padding
    return weights * tf.cast(shown, tf.float32)[:, None]


@keras.saving.register_keras_serializable(package="kerascnn")
def gelu(x: tf.Tensor) -> tf.Tensor:
    """Returns x times the normal distribution function of x (Hendrycks and Gimpel 2016).

    Keras's own becomes TensorFlow's Erfc, for which ONNX has no operation; of Erf it has.
    """
    return 0.5 * x * (1.0 + keras.ops.erf(x * 0.7071067811865476))


@keras.saving.register_keras_serializable(package="kerascnn")
class ViewsOfImages(keras.layers.Layer):
    """The views of each image that a recipe's `augment.test_time` asks for.

    From uint8 (B, h, w, C) to uint8 (views * B, height, width, C), view by view.

    Args:
        height: Of the network's images.
        width: Of the network's images.
        spec: Fields of a `ViewSpec`.
    """

    def __init__(self, height: int, width: int, spec: dict[str, Any], **arguments: Any):
        super().__init__(**{"dtype": "float32", "trainable": False, **arguments})
        self.height, self.width, self.spec = height, width, spec

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Returns uint8 (views * B, height, width, C)."""
        shape = (self.height, self.width, images.shape[-1])
        return tf.reshape(views(images, ViewSpec(**self.spec), shape), [-1, *shape])

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns (None, height, width, C)."""
        return (None, self.height, self.width, shape[-1])

    def compute_output_spec(self, images: Any) -> Any:
        """Returns it with uint8."""
        return keras.KerasTensor(self.compute_output_shape(images.shape), dtype="uint8")

    def get_config(self) -> dict[str, Any]:
        """Returns what makes it."""
        return dict(super().get_config(), height=self.height, width=self.width, spec=self.spec)


@keras.saving.register_keras_serializable(package="kerascnn")
class Probabilities(keras.layers.Layer):
    """The probabilities of the classes: the mean over an image's views of what its logits say.

    From float32 (views * B, classes) to (B, classes).

    Args:
        count: How many views an image has.
        several_labels: Whether an image may have several: the sigmoid of each logit, instead of
            their softmax.
    """

    def __init__(self, count: int, several_labels: bool, **arguments: Any):
        super().__init__(**{"dtype": "float32", "trainable": False, **arguments})
        self.count, self.several_labels = count, several_labels

    def call(self, logits: tf.Tensor) -> tf.Tensor:
        """Returns float32 (B, classes), 0..1."""
        each = tf.sigmoid(logits) if self.several_labels else tf.nn.softmax(logits)
        if self.count == 1:
            return each
        by_view = tf.reshape(each, [self.count, -1, logits.shape[-1]])
        return tf.reduce_mean(by_view, axis=0)

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns (B, classes)."""
        return (None, shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Returns what makes it."""
        return dict(super().get_config(), count=self.count, several_labels=self.several_labels)
