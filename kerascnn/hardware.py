"""What the processor and the GPUs can do."""

from __future__ import annotations

import functools
from pathlib import Path

from kerascnn.backend import tf


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
