"""Where a run computes: what is chosen and why; GPUs are made up."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from kerascnn.backend import tf
from kerascnn.errors import UserError
from kerascnn.hardware import processor_has_bfloat16_units
from kerascnn.training.device import Device, choose_device
from kerascnn.training.spec import TrainSpec


@pytest.fixture
def with_gpus(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes TensorFlow see GPUs, one for each compute capability."""

    def make(*capabilities: tuple[int, int]) -> None:
        gpus = [tf.config.PhysicalDevice(str(i), "GPU") for i in range(len(capabilities))]
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: gpus)
        monkeypatch.setattr(
            tf.config.experimental,
            "get_device_details",
            lambda gpu: {"compute_capability": capabilities[int(gpu.name)]},
        )

    return make


def test_auto_and_cpu_on_this_machine() -> None:
    gpus = len(tf.config.list_physical_devices("GPU"))
    assert choose_device(TrainSpec()).name == ("gpu:0" if gpus else "cpu")
    device = choose_device(TrainSpec(device="cpu"))
    assert str(device) == "cpu (as asked)"
    assert device.explicit == bool(gpus)
    with pytest.raises(UserError, match=r"training.device: got gpu:99, but TensorFlow sees"):
        choose_device(TrainSpec(device="gpu:99"))


def test_an_explicit_device_gets_what_is_built_in_its_scope() -> None:
    device = Device("cpu", "for a test", bfloat16_units=False, explicit=True)
    with device.scope():
        assert "CPU:0" in tf.constant(1.0).device


THREADS = """
from kerascnn.backend import tf
from kerascnn.training.device import choose_device
from kerascnn.training.spec import TrainSpec
choose_device(TrainSpec(threads=1))
tf.constant(1.0) + 1.0
choose_device(TrainSpec(threads=1))  # no change: fine
print(tf.config.threading.get_intra_op_parallelism_threads())
try:
    choose_device(TrainSpec(threads=2))
except ValueError as error:
    print(error)
"""


def test_threads_are_set_before_the_first_operation_and_never_after() -> None:
    done = subprocess.run(
        [sys.executable, "-c", THREADS], capture_output=True, text=True, check=True
    )
    threads, error = done.stdout.splitlines()
    assert threads == "1"
    assert error == (
        "training.threads: got 2, but this process has computed already and keeps its 1 threads; "
        "start a new one"
    )


@pytest.mark.parametrize(
    ("asked", "text", "units", "explicit"),
    [
        ("auto", "gpu:0 (the first of 2 GPUs)", False, False),
        ("gpu", "gpu:0 (as asked)", False, False),
        ("gpu:0", "gpu:0 (as asked)", False, False),
        ("gpu:1", "gpu:1 (as asked)", True, True),
        ("cpu", "cpu (as asked)", processor_has_bfloat16_units(), True),
    ],
)
def test_of_two_gpus(with_gpus, asked: str, text: str, units: bool, explicit: bool) -> None:
    with_gpus((7, 5), (8, 0))
    device = choose_device(TrainSpec(device=asked))
    assert str(device) == text
    assert (device.bfloat16_units, device.explicit) == (units, explicit)
    assert device.is_gpu == asked.startswith(("auto", "gpu"))
    assert device.kind == ("GPU" if device.is_gpu else "processor")


def test_gpus_that_are_not_there(with_gpus) -> None:
    with_gpus((8, 0), (8, 0))
    message = "^training.device: got gpu:2, but TensorFlow sees gpu:0 to gpu:1$"
    with pytest.raises(UserError, match=message):
        choose_device(TrainSpec(device="gpu:2"))
    with_gpus()
    assert str(choose_device(TrainSpec())) == "cpu (no GPU is visible)"
    for asked in ("gpu", "gpu:0"):
        with pytest.raises(UserError, match=f"got {asked}, but TensorFlow sees only cpu$"):
            choose_device(TrainSpec(device=asked))
