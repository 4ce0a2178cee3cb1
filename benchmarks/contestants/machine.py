"""The machine itself as a contestant: the rate of oneDNN's products, and of copies in memory.

    python -m benchmarks.contestants.machine

TensorFlow hands both to oneDNN where it can. The shapes are such as suit it: products of square
matrices, and 3x3 convolutions with as many maps as channels, forward and both gradients. Copies
are of arrays far larger than any cache, a part for each processor.
"""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any

import numpy as np

from benchmarks.contestants.answers import answer_questions, begin

_SIDES = (1024, 2048)  # of matrices
_MAPS = ((16, 28, 28, 128), (16, 14, 14, 256))  # (B, H, W, C)
_COPIED = 2**27  # bytes, for each processor


def _products(dtype: str) -> list[tuple[float, Callable[[], Any]]]:
    """Returns what can be timed, with the floating point operations of each."""
    from kerascnn.backend import tf

    def random(*shape: int) -> Any:
        return tf.cast(tf.random.normal(shape), dtype)

    def compiled(function: Callable[..., Any], *tensors: Any) -> Callable[[], Any]:
        traced = tf.function(function, autograph=False)
        traced(*tensors)
        return functools.partial(traced, *tensors)

    same = {"strides": [1, 1, 1, 1], "padding": "SAME"}

    def forward(maps: Any, kernel: Any) -> Any:
        return tf.nn.conv2d(maps, kernel, **same)

    def gradient_of_maps(maps: Any, kernel: Any) -> Any:
        return tf.raw_ops.Conv2DBackpropInput(
            input_sizes=tf.shape(maps), filter=kernel, out_backprop=maps, **same
        )

    def gradient_of_kernel(maps: Any, kernel: Any) -> Any:
        return tf.raw_ops.Conv2DBackpropFilter(
            input=maps, filter_sizes=tf.shape(kernel), out_backprop=maps, **same
        )

    found = [
        (2.0 * side**3, compiled(tf.matmul, random(side, side), random(side, side)))
        for side in _SIDES
    ]
    for shape in _MAPS:
        channels = shape[-1]
        maps, kernel = random(*shape), random(3, 3, channels, channels)
        operations = 2.0 * math.prod(shape) * 9 * channels
        found += [
            (operations, compiled(function, maps, kernel))
            for function in (forward, gradient_of_maps, gradient_of_kernel)
        ]
    return found


def _rate(run: Callable[[], Any], amount: float, seconds: float) -> float:
    """Returns the amount per second, of as many runs as take so many seconds."""
    start = time.perf_counter()
    done = 0
    while (passed := time.perf_counter() - start) < seconds:
        run()
        done += 1
    return amount * done / passed


def main() -> None:
    begin()
    from kerascnn.hardware import processors

    products = functools.cache(_products)
    arrays = [np.ones((2, _COPIED), np.uint8) for _ in range(processors())]
    pool = ThreadPoolExecutor(processors())

    def copy() -> None:
        list(pool.map(lambda pair: np.copyto(pair[0], pair[1]), arrays))

    def answer(what: str, seconds: float) -> dict[str, Any]:
        """The best rate in so many seconds: operations, or bytes read and written, per second."""
        if what == "copy":
            return {"rate": _rate(copy, 2.0 * _COPIED * len(arrays), seconds)}
        found = products(what)
        each = seconds / len(found)
        return {"rate": max(_rate(run, amount, each) for amount, run in found)}

    answer_questions({"versions": f"tensorflow {version('tensorflow')}"}, answer)


if __name__ == "__main__":
    main()
