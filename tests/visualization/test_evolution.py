"""A network over the epochs, frame by frame."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.visualization.evolution import EvolutionKind
from kerascnn.visualization.kinds import Kind
from kerascnn.visualization.writing import png_of, write_animation
from tests.visualization.seeing import sees_squares, subject


def _trained(epochs: int):
    model = keras.models.clone_model(sees_squares())
    last = sees_squares().get_weights()

    def snapshots():
        for epoch in range(epochs):
            model.set_weights([weight * (epoch + 1) / epochs for weight in last])
            yield epoch, model

    return replace(subject(1), load_snapshots=snapshots)


def test_a_frame_for_each_epoch(tmp_path) -> None:
    picture = EvolutionKind().picture(_trained(4))
    assert len(picture.frames) == 4
    titles = [frame.get_suptitle() for frame in picture.frames]
    assert [title.partition("epoch ")[2][:6] for title in titles] == [
        "0 of 3",
        "1 of 3",
        "2 of 3",
        "3 of 3",
    ]
    assert picture.arrays["filters"].shape == (4, 3, 3, 1, 2)
    assert picture.arrays["maps"].shape == (4, 10, 10, 2)
    assert picture.lines[0] == "conv1: within 10% of its way to its last weights after epoch 3"
    assert png_of(picture.frames[0]) != png_of(picture.frames[1])
    write_animation(picture.frames, tmp_path / "evolution.gif")


def test_no_more_frames_than_wanted() -> None:
    picture = Kind.of({"name": "evolution", "frames": 3}).picture(_trained(9))
    assert [frame.get_suptitle().partition("epoch ")[2][0] for frame in picture.frames] == [
        "0",
        "4",
        "8",
    ]


def test_without_snapshots_it_says_how_to_get_them() -> None:
    with pytest.raises(UserError, match="^squares has kept no weights .*--snapshots 1' does$"):
        EvolutionKind().picture(subject(1))
