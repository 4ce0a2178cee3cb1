"""What the user sees while a network trains."""

from __future__ import annotations

from typing import Any

import pytest

from kerascnn.training.budget import Budget
from kerascnn.training.position import Position
from kerascnn.training.progress import EpochLines, epoch_line
from kerascnn.training.spec import TrainSpec


def _logs(val_loss: float = 0.25, **more: Any) -> dict[str, Any]:
    return {
        "loss": 1.23456, "accuracy": 0.5, "val_loss": val_loss, "val_accuracy": 1.0,
        "learning_rate": 0.00123, "images_per_second": 12345.6, "epoch_seconds": 2.04, **more,
    }  # fmt: skip


def _lines(report: Any, **spec: Any) -> EpochLines:
    return EpochLines(Budget(TrainSpec(**spec), Position(0, 0, 10)), 32, report)


@pytest.mark.parametrize(("best", "end"), [(True, "2.0 s  *"), (False, "2.0 s")])
def test_an_epochs_line(best: bool, end: str) -> None:
    assert epoch_line("3/20", _logs(), best) == (
        "epoch 3/20  loss 1.2346  accuracy  50.00%  | validation loss 0.2500  accuracy 100.00%"
        f"  | lr 0.0012  12,346 images/s  {end}"
    )


def test_a_star_marks_the_best_so_far() -> None:
    said: list[str] = []
    lines = _lines(said.append, epochs=12)
    lines.on_train_begin()
    for epoch, loss in enumerate((3.0, 2.0, 2.5, 2.0, 1.0)):
        lines.on_epoch_begin(epoch)
        lines.on_train_batch_end(0)
        lines.on_epoch_end(epoch, _logs(loss))
    lines.close()
    assert [line.endswith("*") for line in said] == [True, True, False, False, True]
    assert [line[:13] for line in said] == [f"epoch  {n}/12  " for n in range(1, 6)]


def test_the_star_goes_by_what_the_recipe_does() -> None:
    said: list[str] = []
    lines = EpochLines(Budget(TrainSpec(), Position(0, 0, 10)), 32, said.append, monitor="accuracy")
    for epoch, (loss, accuracy) in enumerate([(1.0, 0.5), (2.0, 0.6), (0.5, 0.5), (1.0, 0.6)]):
        lines.on_epoch_end(epoch, _logs(loss, val_accuracy=accuracy))
    assert [line.endswith("*") for line in said] == [True, True, False, True]


def test_stars_go_on_after_a_checkpoint() -> None:
    said: list[str] = []
    first, second = _lines(said.append), _lines(said.append)
    first.on_epoch_end(0, _logs(1.0))
    second.set_state(first.get_state())
    second.on_epoch_end(1, _logs(1.5))
    second.on_epoch_end(2, _logs(0.5))
    assert [line.endswith("*") for line in said] == [True, False, True]


def test_where_the_clock_ends_the_run_the_number_of_epochs_is_a_guess() -> None:
    said: list[str] = []
    lines = _lines(said.append, time_limit="1h")
    lines.on_epoch_end(0, _logs())
    lines.on_epoch_end(99, _logs())  # more than were guessed
    assert said[0].startswith("epoch   1/~20 ")
    assert said[1].startswith("epoch 100/~100  ")


def test_printed_off_a_terminal_as_plain_lines_or_not_at_all(capsys) -> None:
    for report, lines in ((print, 1), (None, 0)):
        progress = _lines(report)
        progress.on_train_begin()
        progress.on_epoch_begin(0)
        progress.on_epoch_end(0, _logs())
        progress.close()
        out = capsys.readouterr().out
        assert out.count("\n") == lines
        assert "\x1b" not in out
