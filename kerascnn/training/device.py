"""Where a run computes: the processor or one GPU, with how many threads."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from kerascnn.backend import tf
from kerascnn.errors import UserError
from kerascnn.hardware import gpu_has_bfloat16_units, processor_has_bfloat16_units
from kerascnn.training.spec import TrainSpec


@dataclass(frozen=True)
class Device:
    """Where a run computes.

    Attributes:
        name: "cpu", or "gpu:0" and so on.
        reason: Why it was chosen.
        bfloat16_units: Whether it multiplies matrices of bfloat16 in units of their own, so that
            this costs less than float32.
        explicit: Whether TensorFlow would choose another one by itself.
    """

    name: str
    reason: str
    bfloat16_units: bool
    explicit: bool

    @property
    def is_gpu(self) -> bool:
        """Whether it is not the processor."""
        return self.name.startswith("gpu")

    @property
    def kind(self) -> str:
        """In words."""
        return "GPU" if self.is_gpu else "processor"

    def __str__(self) -> str:
        """As the user is told."""
        return f"{self.name} ({self.reason})"

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Puts what is built and run in it on the device: the place for a strategy's scope."""
        if not self.explicit:
            yield
            return
        with tf.device(f"/{self.name if self.is_gpu else 'cpu:0'}"):
            yield


def _set_threads(threads: int) -> None:
    now = (
        tf.config.threading.get_intra_op_parallelism_threads(),
        tf.config.threading.get_inter_op_parallelism_threads(),
    )
    if now == (threads, threads):
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError:  # TensorFlow's pools of threads exist from its first operation on
        raise UserError(
            f"training.threads: got {threads}, but this process has computed already and keeps "
            f"its {now[0] or 'default'} threads; start a new one"
        ) from None


def choose_device(spec: TrainSpec) -> Device:
    """Returns the device that a run computes on, and sets the number of threads.

    Args:
        spec: Its `device` and `threads` are read. "auto" is the first GPU where there is one.

    Raises:
        UserError: For a GPU that is not there, or threads that can no longer be set.
    """
    if spec.threads is not None:
        _set_threads(spec.threads)
    gpus = tf.config.list_physical_devices("GPU")
    if spec.device == "cpu" or (spec.device == "auto" and not gpus):
        reason = "as asked" if spec.device == "cpu" else "no GPU is visible"
        return Device("cpu", reason, processor_has_bfloat16_units(), explicit=bool(gpus))
    index = 0 if spec.device in ("auto", "gpu") else int(spec.device.partition(":")[2])
    if index >= len(gpus):
        there = f"gpu:0 to gpu:{len(gpus) - 1}" if gpus else "only cpu"
        raise UserError(f"training.device: got {spec.device}, but TensorFlow sees {there}")
    reason = f"the first of {len(gpus)} GPUs" if spec.device == "auto" else "as asked"
    return Device(f"gpu:{index}", reason, gpu_has_bfloat16_units(index), explicit=index > 0)
