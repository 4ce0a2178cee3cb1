"""Networks with auxiliary heads, and how their figures are named."""

from __future__ import annotations

from typing import Any

import pytest

from kerascnn.models.build import build_model
from kerascnn.training.heads import MainHead, heads_of


def test_the_outputs_of_networks_with_and_without_auxiliary_heads() -> None:
    shape: dict[str, Any] = {"input_shape": (224, 224, 3), "classes": 10, "abstract": True}
    googlenet = build_model("googlenet", **shape)
    assert heads_of(googlenet)[0] == "logits"
    assert len(heads_of(googlenet)) == 3
    assert heads_of(build_model("googlenet", auxiliary=False, **shape)) == []
    assert heads_of(build_model("lenet5", input_shape=(28, 28, 1), classes=10)) == []


def test_the_main_heads_figures_are_named_as_those_of_any_network() -> None:
    logs = {
        "loss": 1.6, "logits_loss": 1.0, "head1_loss": 2.0, "logits_accuracy": 0.5,
        "val_loss": 1.9, "val_logits_loss": 1.1, "val_head1_loss": 2.5, "val_logits_accuracy": 0.4,
    }  # fmt: skip
    MainHead().on_epoch_end(0, logs)
    assert logs == {
        "loss": 1.6, "accuracy": 0.5, "head1_loss": 2.0,  # what is trained is the sum
        "val_loss": 1.1, "val_accuracy": 0.4, "val_head1_loss": 2.5,  # and what chooses is not
    }  # fmt: skip


@pytest.mark.parametrize("logs", [{"loss": 1.0, "val_loss": 2.0, "accuracy": 0.5}, {}])
def test_figures_of_other_networks_stay(logs: dict[str, float]) -> None:
    before = dict(logs)
    MainHead().on_epoch_end(0, logs)
    assert logs == before
