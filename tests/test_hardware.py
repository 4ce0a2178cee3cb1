"""What this machine is, against what the system says of it; GPUs are made up."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable

import pytest

from kerascnn import hardware
from kerascnn.backend import tf


@pytest.fixture
def with_gpus(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes TensorFlow see GPUs, one for each compute capability."""

    def make(*capabilities: tuple[int, int]) -> None:
        gpus = [tf.config.PhysicalDevice(f"gpu {i}", "GPU") for i in range(len(capabilities))]
        details = {
            gpu: {"device_name": f"Accelerator {index}", "compute_capability": capability}
            for index, (gpu, capability) in enumerate(zip(gpus, capabilities, strict=True))
        }
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
        monkeypatch.setattr(tf.config.experimental, "get_device_details", details.__getitem__)

    return make


def test_processors_are_those_that_this_process_may_use() -> None:
    before = os.sched_getaffinity(0)
    assert hardware.processors() == len(before)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert hardware.processors() == 1
    finally:
        os.sched_setaffinity(0, before)


def test_hardware_is_one_line_with_the_processors_name(with_gpus) -> None:
    with_gpus()
    line = hardware.hardware()
    name, threads = re.fullmatch(r"(.+) \((\d+) threads\)", line).groups()  # type: ignore[union-attr]
    assert int(threads) == hardware.processors()
    if shutil.which("lscpu"):
        told = subprocess.run(["lscpu"], capture_output=True, text=True, check=True).stdout
        if found := re.search(r"^Model name: +(.+?) *$", told, re.M):
            assert name == found[1]
    with_gpus((9, 0), (8, 0))
    assert hardware.hardware() == f"{line}, Accelerator 0, Accelerator 1"


@pytest.mark.skipif(not shutil.which("lscpu"), reason="needs lscpu")
def test_what_the_processor_can_do_is_what_its_flags_say() -> None:
    told = subprocess.run(["lscpu"], capture_output=True, text=True, check=True).stdout
    flags = set(told.split())
    assert hardware.processor_has_bfloat16_units() == ("amx_bf16" in flags)
    known = {"amx_bf16", "avx512_bf16", "bf16"}
    assert hardware.processor_has_bfloat16_instructions() == bool(known & flags)
    assert hardware.instructions() <= flags


def test_a_machine_is_told_from_one_of_other_instructions(with_gpus, monkeypatch) -> None:
    with_gpus()
    machine = hardware.machine()
    assert machine.startswith(hardware.hardware())
    assert "\n" not in machine
    monkeypatch.setattr(hardware, "instructions", lambda: frozenset({"avx512_bf16", "avx2"}))
    assert hardware.machine() == f"{hardware.hardware()} avx2 avx512_bf16"


def test_gpus_have_bfloat16_units_since_ampere(with_gpus) -> None:
    with_gpus((7, 5), (8, 0), (9, 0), (10, 0))
    assert [hardware.gpu_has_bfloat16_units(i) for i in range(4)] == [False, True, True, True]


def test_the_default_device_is_the_first_gpu(with_gpus) -> None:
    with_gpus()
    assert hardware.default_device() == "cpu"
    with_gpus((7, 5))
    assert hardware.default_device() == "gpu:0"


def test_what_is_computed_quickly(with_gpus) -> None:
    def quick() -> list[bool]:
        policies = ("float32", "mixed_bfloat16", "mixed_float16")
        return [hardware.computes_quickly(policy) for policy in policies]

    with_gpus()
    assert quick() == [True, hardware.processor_has_bfloat16_instructions(), False]
    with_gpus((7, 5))
    assert quick() == [True, False, True], "whatever the processor has"
    with_gpus((8, 0))
    assert quick() == [True, True, True]
