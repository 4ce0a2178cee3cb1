"""How a network is computed while it is trained: with which numbers, and by which kernels."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from kerascnn.arithmetic import Analysis
from kerascnn.backend import keras
from kerascnn.hardware import processor_has_bfloat16_instructions
from kerascnn.training.device import Device
from kerascnn.training.spec import TrainSpec

# From this many channels on a training step in mixed bfloat16 takes 1.6 to 4.5 times less processor
# time than in float32 (two AMX cores). Below, from 2.4 times less to 6 times more: narrow maps do
# not fill the matrix units, and there are sizes that the kernels do not like.
WIDE = 32


@dataclass(frozen=True)
class Computation:
    """How a network is computed; its weights, logits and loss are float32 in any case.

    Attributes:
        policy: Name of a Keras dtype policy: "float32", "mixed_bfloat16" or "mixed_float16".
        reason: Why it was chosen.
        products: Whether the gradients of wide convolutions' kernels are matrix products
            (`kerascnn.kernels.product_gradient`).
    """

    policy: str
    reason: str = ""
    products: bool = False

    @property
    def way(self) -> str:
        """In words, without the reason."""
        return self.policy.replace("_", " ") + ", gradients by products" * self.products

    def __str__(self) -> str:
        """As the user is told."""
        return f"{self.way} ({self.reason})"

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Makes it the policy of the layers built within, and of nothing after."""
        before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self.policy)
        try:
            yield
        finally:
            keras.config.set_dtype_policy(before)


FLOAT32 = Computation("float32", "what every network is built in, to be looked at")


def width(analysis: Analysis) -> int:
    """Returns the number of channels that at least half of a network's MACs reach or exceed."""
    rows = sorted(analysis.main, key=lambda row: row.output_shape[-1], reverse=True)
    seen = 0
    for row in rows:
        seen += row.macs
        if 2 * seen >= analysis.macs:
            return row.output_shape[-1]
    raise AssertionError("the MACs of the rows are the network's")


def choose_by_rule(spec: TrainSpec, analysis: Analysis, device: Device) -> Computation:
    """Returns what a network is to compute with on a device, without measuring anything.

    "auto" takes mixed bfloat16 where the device has matrix units for it and the network is wide
    enough to gain.

    Args:
        spec: Its `precision` is read.
        analysis: The analysis of the network, which need not have weights yet; None where the
            choice does not depend on it.
        device: From `choose_device`.
    """
    if spec.precision != "auto":
        quick = device.bfloat16_units or (
            not device.is_gpu and processor_has_bfloat16_instructions()
        )
        slow = spec.precision == "mixed_bfloat16" and not quick
        why = f"as asked; slow, as the {device.kind} has no units for it" if slow else "as asked"
        return Computation(spec.precision, why)
    if not device.bfloat16_units:
        return Computation("float32", f"the {device.kind} has no bfloat16 matrix units")
    channels = width(analysis)
    if channels < WIDE:
        return Computation("float32", f"{channels} channels are too few to gain from bfloat16")
    return Computation(
        "mixed_bfloat16", f"{channels} channels gain from the {device.kind}'s matrix units for it"
    )
