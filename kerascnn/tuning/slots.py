"""How trials at once share a machine: a GPU each, or its part of the processor's threads."""

from __future__ import annotations

import os

from kerascnn.backend import tf
from kerascnn.tuning.search import Slot

_VISIBLE = "CUDA_VISIBLE_DEVICES"


def processors() -> int:
    """Returns the number of processors that this process may use."""
    return len(os.sched_getaffinity(0))


def make_slots(workers: int) -> list[Slot]:
    """Returns the places for so many trials at once."""
    if workers == 1:
        return [Slot("worker0", None, {})]
    gpus = len(tf.config.list_physical_devices("GPU"))
    visible = os.environ[_VISIBLE].split(",") if os.environ.get(_VISIBLE) else None
    slots = []
    for index in range(workers):
        environment = {}
        if gpus:
            gpu = index % gpus
            environment[_VISIBLE] = visible[gpu] if visible else str(gpu)
            if workers > gpus:  # TensorFlow would take all of its memory
                environment["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
        slots.append(Slot(f"worker{index}", max(1, processors() // workers), environment))
    return slots
