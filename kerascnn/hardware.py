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


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def hardware() -> str:
    """Returns the processor, its threads and any GPUs, on one line."""
    gpus = [
        tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)
        for gpu in tf.config.list_physical_devices("GPU")
    ]
    return ", ".join([f"{_processor()} ({processors()} threads)", *gpus])


@functools.cache
def processor_has_bfloat16_units() -> bool:
    """Whether the processor multiplies matrices of bfloat16 in units of their own (AMX)."""
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False


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
        return gpu_has_bfloat16_units(0) if gpus else processor_has_bfloat16_units()
    return True


def default_device() -> str:
    """Returns what TensorFlow computes on by itself: "gpu:0" where there is one, or "cpu"."""
    return "gpu:0" if tf.config.list_physical_devices("GPU") else "cpu"
