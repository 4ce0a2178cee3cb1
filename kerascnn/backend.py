"""Keras and TensorFlow, imported on first use and without their start-up chatter.

`from kerascnn.backend import keras, tf` costs nothing; the first attribute read imports. That
lets models, options and recipes be named and validated without the seconds TensorFlow takes.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

from kerascnn.postponed import postponed

F = TypeVar("F", bound=Callable[..., Any])

# Lines that TensorFlow prints at start-up whatever the log level is (known of 2.21: oneDNN, absl,
# CPU features, CUDA probing on machines without it). Everything else on stderr passes through.
_CHATTER = re.compile(
    r"All log messages before absl::InitializeLog|oneDNN custom operations are on"
    r"|Could not find cuda drivers|This TensorFlow binary is optimized"
    r"|To enable the following instructions|failed call to cuInit"
)


@contextlib.contextmanager
def _without_chatter() -> Iterator[None]:
    """Holds back file descriptor 2 (C++ writes there) and passes on all but the known chatter."""
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
            held.seek(0)
            for line in held.read().decode(errors="replace").splitlines(keepends=True):
                if not _CHATTER.search(line):
                    sys.stderr.write(line)


# Keras walks a model's graph by recursion: that of cifar-resnet1202 is deeper than the 1000 calls
# that Python allows unless told otherwise.
_RECURSION_LIMIT = 20_000


def _import(name: str) -> ModuleType:
    sys.setrecursionlimit(max(sys.getrecursionlimit(), _RECURSION_LIMIT))
    if "tensorflow" not in sys.modules or "keras" not in sys.modules:
        import_quietly()
    return importlib.import_module(name)


# Keras's interface to scikit-learn and its galleries: parts that import scikit-learn, SciPy's
# statistics and Matplotlib, for a quarter of all the time that TensorFlow and Keras take.
_POSTPONED = ("keras.wrappers", "keras.visualization", "keras.src.visualization")


def import_quietly(*, probe: bool = True) -> None:
    """Imports TensorFlow and Keras.

    Args:
        probe: Look for GPUs now, and not in the middle of a run. A process that will fork must
            not: CUDA does not live through it.
    """
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    # TensorFlow leaves oneDNN out where there is AVX2 and nothing newer: 2 to 4 times slower there.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    # Errors are raised, too; what oneDNN cannot do on such a processor is logged as one, and done.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with _without_chatter(), postponed(*_POSTPONED):
        tensorflow = importlib.import_module("tensorflow")
        importlib.import_module("keras")
        if probe:
            tensorflow.config.list_physical_devices()
    # A last, smaller batch of each split makes a trace of its own; TensorFlow warns of the fifth.
    logging.getLogger("tensorflow").addFilter(
        lambda record: "triggered tf.function retracing" not in record.getMessage()
    )


def tensorflow_on_processor() -> bool:
    """Whether TensorFlow computes, and on the processor: no GPU is to be seen."""
    return keras.backend.backend() == "tensorflow" and not tf.config.list_logical_devices("GPU")


def graph_native(function: F) -> F:
    """Lets TensorFlow trace a function as it is written.

    A function of `tf.data`, and all that it calls, is else translated first, so that its `if` and
    `for` may depend on tensors: some 0.05 s each, for nothing where none does.
    """
    native: F = tf.autograph.experimental.do_not_convert(function)
    return native


class _LazyModule:
    """Stands for a module until one of its attributes is read."""

    def __init__(self, name: str):
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return getattr(_import(self._name), attribute)

    def __repr__(self) -> str:
        return f"<lazy module {self._name}>"


if TYPE_CHECKING:
    import keras
    import tensorflow as tf
else:
    keras = _LazyModule("keras")
    tf = _LazyModule("tensorflow")

__all__ = ["graph_native", "keras", "tensorflow_on_processor", "tf"]
