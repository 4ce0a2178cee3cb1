"""How trials at once share a machine: a GPU each, or its part of the processor's threads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from kerascnn.backend import tf
from kerascnn.hardware import processors

_VISIBLE = "CUDA_VISIBLE_DEVICES"


@dataclass(frozen=True)
class Slot:
    """A place for one trial at a time.

    Attributes:
        name: By which the oracle knows it.
        threads: Its share of the processor's threads; None for all.
        environment: Variables for its processes, beside this process's own.
    """

    name: str
    threads: int | None
    environment: Mapping[str, str]


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
