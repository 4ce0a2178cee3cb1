"""The part of a recipe that says how long a run trains, on what and from which state."""

from __future__ import annotations

import pytest

from kerascnn.errors import UserError
from kerascnn.recipe import load_recipe
from kerascnn.training.spec import TrainSpec


@pytest.mark.parametrize(
    ("fields", "epochs"),
    [
        ({}, 20),
        ({"epochs": None}, 20),
        ({"batch_size": 7}, 20),
        ({"epochs": 3, "steps": 9}, 3),
        ({"steps": 9}, None),
        ({"time_limit": "10m"}, None),
    ],
)
def test_twenty_epochs_where_no_end_is_given(fields: dict, epochs: int | None) -> None:
    spec = TrainSpec(**fields)
    assert spec.epochs == epochs
    assert TrainSpec(**spec.model_dump(mode="json")) == spec


def test_times_are_read_as_seconds() -> None:
    assert TrainSpec(time_limit="1h30m").time_limit == 5400
    assert TrainSpec(time_limit=90).time_limit == 90


@pytest.mark.parametrize("given", [64, "64", "auto"])
def test_batch_sizes(given: object) -> None:
    spec = TrainSpec(batch_size=given)
    assert str(spec.batch_size) == str(given)
    if given == "auto":
        with pytest.raises(AssertionError, match="see training.session"):
            spec.images_per_step  # noqa: B018
    else:
        assert spec.images_per_step == 64


@pytest.mark.parametrize("name", ["auto", "cpu", "gpu", "gpu:0", "gpu:12"])
def test_devices(name: str) -> None:
    assert TrainSpec(device=name).device == name


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("training.time_limit=soon", r"^training.time_limit: got 'soon', must be seconds or such"),
        ("training.time_limit=0", r"^training.time_limit: got 0, should be greater than 0"),
        ("training.steps=0", r"^training.steps: got 0"),
        ("training.batch_size=0", r"^training.batch_size: got 0, must be a whole number from 1"),
        ("training.batch_size=many", r"^training.batch_size: got 'many', must be a whole number"),
        ("training.device=tpu", r"^training.device: got 'tpu', must be auto, cpu, gpu or gpu:"),
        ("training.threads=0", r"^training.threads: got 0"),
        ("training.precision=int8", r"^training.precision: got 'int8'"),
        ("training.initialize_layers=[c1]", r"^training.initialize_layers: needs initialize"),
    ],
)
def test_impossible_values(setting: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_recipe("digits-quick", [setting])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["deterministic=true", "time_limit=9"], r"deterministic: cannot hold with time_limit, as"),
        (["head_epochs=1"], r"head_epochs: needs initialize, the weights of the layers that wait"),
        (["precision=mixed_float16", "device=cpu"], r"precision: mixed_float16 is for GPUs, got"),
    ],
)
def test_contradictions_are_refused_with_the_reason(settings, message) -> None:
    with pytest.raises(UserError, match=rf"^training.{message}"):
        load_recipe("digits-quick", [f"training.{setting}" for setting in settings])
