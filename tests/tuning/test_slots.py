"""How trials at once share a machine; GPUs are made up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kerascnn.backend import tf
from kerascnn.tuning import slots
from kerascnn.tuning.slots import Slot, make_slots


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the machine have so many processors and GPUs, of which the variable shows these."""

    def make(processors: int, gpus: int = 0, visible: str | None = None) -> None:
        monkeypatch.setattr(slots, "processors", lambda: processors)
        monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [kind] * gpus)
        if visible is None:
            monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        else:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)

    return make


def test_one_trial_has_everything(machine) -> None:
    machine(8, gpus=2)
    assert make_slots(1) == [Slot("worker0", None, {})]


@pytest.mark.parametrize(
    ("processors", "workers", "threads"), [(8, 2, 4), (8, 3, 2), (2, 4, 1), (1, 2, 1)]
)
def test_processors_are_shared(machine, processors: int, workers: int, threads: int) -> None:
    machine(processors)
    found = make_slots(workers)
    assert [slot.name for slot in found] == [f"worker{i}" for i in range(workers)]
    assert {slot.threads for slot in found} == {threads}
    assert all(slot.environment == {} for slot in found)


def test_each_has_a_gpu_of_its_own_where_there_are_enough(machine) -> None:
    machine(8, gpus=3)
    assert [slot.environment for slot in make_slots(2)] == [
        {"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "1"}
    ]  # fmt: skip


def test_on_too_few_gpus_memory_is_taken_as_it_is_needed(machine) -> None:
    machine(8, gpus=2)
    found = make_slots(3)
    assert [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in found] == ["0", "1", "0"]
    assert {slot.environment["TF_FORCE_GPU_ALLOW_GROWTH"] for slot in found} == {"true"}


def test_only_gpus_that_this_process_may_use_are_given_out(machine) -> None:
    machine(8, gpus=2, visible="5,GPU-8f2a")
    found = [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in make_slots(2)]
    assert found == ["5", "GPU-8f2a"]
    machine(8, gpus=2, visible="")  # as if it were not set
    found = [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in make_slots(2)]
    assert found == ["0", "1"]
