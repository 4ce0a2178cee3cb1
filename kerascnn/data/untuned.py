"""Datasets that tf.data does not tune."""

from __future__ import annotations

from kerascnn.backend import tf


def untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Returns a dataset, with all that is made of it, that tf.data does not tune.

    Its tuning looks at an iteration after 10 ms, 20 ms, 40 ms and so on. Where one ends, the end
    may wait until it looks again: 3 s of images took 5.1 s, known of TensorFlow 2.21. There is
    little to tune: here stages say how many calls they make at once.
    """
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
