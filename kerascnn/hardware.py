"""What the processor and the GPUs are, and what they can do."""

from __future__ import annotations

import functools
import os
import platform
from pathlib import Path

from kerascnn.backend import tf


def processors() -> int:
    """Returns the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # macOS and Windows have none
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@functools.cache
def _told(*fields: str) -> str | None:
    """Returns what Linux says of the first processor under one of these words."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            field, _, value = line.partition(":")
            if field.strip() in fields:
                return value.strip()
    except OSError:
        pass
    return None


def _processor() -> str:
    return _told("model name") or platform.processor() or platform.machine()


def hardware() -> str:
    """Returns the processor, its threads and any GPUs, on one line."""
    gpus = [
        tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    return ", ".join([f"{_processor()} ({processors()} threads)", *gpus])


def instructions() -> frozenset[str]:
    """Returns the names of what the processor can do beside the usual, as Linux has them."""
    return frozenset((_told("flags", "Features") or "").split())


def processor_has_bfloat16_units() -> bool:
    """Whether the processor multiplies matrices of bfloat16 in units of their own (AMX)."""
    return "amx_bf16" in instructions()


def processor_has_bfloat16_instructions() -> bool:
    """Whether the processor multiplies numbers of bfloat16 at all: AMX, AVX-512 or Arm's."""
    return not instructions().isdisjoint({"amx_bf16", "avx512_bf16", "bf16"})


def machine() -> str:
    """Returns what tells machines of different speed apart, on one line.

    The processor's name alone does not: that of a virtual machine may say little.
    """
    return f"{hardware()} {' '.join(sorted(instructions()))}"


def gpu_has_bfloat16_units(index: int) -> bool:
    """Whether a GPU does: since Ampere, compute capability 8.0."""
    gpu = tf.config.list_physical_devices("GPU")[index]
    details = tf.config.experimental.get_device_details(gpu)
    return bool(details.get("compute_capability", (0, 0)) >= (8, 0))


def computes_quickly(policy: str) -> bool:
    """Whether this machine has units for a Keras dtype policy, such as "mixed_bfloat16"."""
    gpus = len(tf.config.list_physical_devices("GPU"))
    if policy == "mixed_float16":
        return gpus > 0
    if policy == "mixed_bfloat16":
        return gpu_has_bfloat16_units(0) if gpus else processor_has_bfloat16_instructions()
    return True


def default_device() -> str:
    """Returns what TensorFlow computes on by itself: "gpu:0" where there is one, or "cpu"."""
    return "gpu:0" if tf.config.list_physical_devices("GPU") else "cpu"
