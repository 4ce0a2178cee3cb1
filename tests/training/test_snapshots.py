"""Weights that are kept while a network trains: which, when, and at no price."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest

from kerascnn.backend import keras
from kerascnn.errors import UserError
from kerascnn.experiment import resume, train
from kerascnn.models.build import build_model
from kerascnn.recipe import load_recipe
from kerascnn.run_model import load_model
from kerascnn.training.checkpoint_file import Checkpoint
from kerascnn.training.fit import fit
from kerascnn.training.snapshots import Snapshots, read_snapshots
from tests.assembled import prepare

SETTINGS = ("model={name: mlp, hidden: [16], dropout: 0.2}", "training.batch_size=64")


def _fit(folder: Path, *settings: str, resumed=None):
    recipe = load_recipe("digits-quick", [*SETTINGS, *settings])
    data, model = prepare(recipe)
    checkpoint = Checkpoint(folder)
    start = model.get_weights()
    outcome = fit(model, data, recipe, checkpoint=checkpoint, resumed=resumed)
    return start, model, outcome, checkpoint


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A training of two epochs whose snapshots were kept."""
    settings = ("training.epochs=2", "training.keep=last", "training.snapshots=1")
    return _fit(tmp_path_factory.mktemp("kept"), *settings)


@pytest.fixture
def folder(kept, tmp_path) -> Path:
    """A copy of its snapshots."""
    return shutil.copytree(kept[3].snapshots, tmp_path / "copy")


def _epochs(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_training_comes_out_the_same_to_the_bit(kept, tmp_path) -> None:
    _, model, with_them, checkpoint = kept
    _, plain, without, _ = _fit(tmp_path, "training.epochs=2", "training.keep=last")
    for left, right in zip(plain.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    for name in ("loss", "val_loss", "accuracy"):
        assert without.history[name] == with_them.history[name]
    assert _epochs(checkpoint.snapshots) == ["epoch-000.npz", "epoch-001.npz", "epoch-002.npz"]
    assert not (tmp_path / "snapshots").exists()


def test_the_first_are_those_before_training_and_the_last_those_after_it(kept) -> None:
    start, model, _, checkpoint = kept
    before = model.get_weights()
    found = [(n, seen.get_weights()) for n, seen in read_snapshots(checkpoint.snapshots, model)]
    assert [number for number, _ in found] == [0, 1, 2]
    for (_, weights), expected in ((found[0], start), (found[2], before)):
        for left, right in zip(weights, expected, strict=True):
            np.testing.assert_array_equal(left, right)
    assert not np.array_equal(found[1][1][0], found[2][1][0])
    for left, right in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(left, right, "the network itself stays as it is")


def test_averages_are_kept_where_those_are_scored(tmp_path) -> None:
    _, model, _, checkpoint = _fit(
        tmp_path,
        "training.epochs=2",
        "training.keep=last",
        "training.snapshots=2",
        "optimizer.ema=0.9",
    )
    *_, (epoch, last) = read_snapshots(checkpoint.snapshots, model)
    assert epoch == 2
    for left, right in zip(last.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_auxiliary_heads_are_left_out(tmp_path) -> None:
    images = keras.Input((4,))
    hidden = keras.layers.Dense(3, name="hidden")(images)
    heads = {name: keras.layers.Dense(2, name=f"{name}_fc")(hidden) for name in ("logits", "aux")}
    model = keras.Model(images, heads)
    model.compile("sgd")
    snapshots = Snapshots(tmp_path, 1)
    snapshots.set_model(model)
    snapshots.on_train_begin()
    with np.load(tmp_path / "epoch-000.npz") as kept:
        names = {"hidden.kernel", "hidden.bias", "logits_fc.kernel", "logits_fc.bias"}
        assert set(kept.files) == names


def test_a_run_that_goes_on_forgets_the_course_it_gave_up(folder) -> None:
    model = build_model("mlp", input_shape=(8, 8, 1), classes=10)
    model.compile("sgd")
    before = (folder / "epoch-000.npz").read_bytes()
    for resumed, left in ((True, ["epoch-000.npz", "epoch-001.npz"]), (False, ["epoch-000.npz"])):
        snapshots = Snapshots(folder, 1, epoch=1, resumed=resumed)
        snapshots.set_model(model)
        snapshots.on_train_begin()
        assert _epochs(folder) == left
        assert ((folder / "epoch-000.npz").read_bytes() == before) is resumed


def test_only_every_so_many_epochs(tmp_path) -> None:
    model = build_model("linear", input_shape=(8, 8, 1), classes=10)
    model.compile("sgd")
    snapshots = Snapshots(tmp_path, 3)
    snapshots.set_model(model)
    snapshots.on_train_begin()
    for epoch in range(7):
        snapshots.on_epoch_end(epoch)
    assert _epochs(tmp_path) == ["epoch-000.npz", "epoch-003.npz", "epoch-006.npz"]


class _Stop(keras.callbacks.Callback):
    """Presses Ctrl-C at the end of an epoch."""

    def __init__(self, epoch: int):
        super().__init__()
        self._epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self._epoch:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.ci
def test_a_run_keeps_them_among_its_artifacts_and_through_an_interruption(workplace) -> None:
    more = ("training.epochs=2", "training.keep=last", "training.snapshots=1")
    recipe = load_recipe("digits-quick", [*SETTINGS, *more])
    cut = train(recipe, report=None, callbacks=[_Stop(0)]).run
    assert cut.status == "KILLED"
    assert _epochs(cut.artifact("snapshots")) == ["epoch-000.npz", "epoch-001.npz"]
    first = (cut.artifact("snapshots") / "epoch-000.npz").read_bytes()
    run = resume(cut, report=None, callbacks=[_Stop(9)]).run
    assert run.status == "FINISHED"
    model = load_model(run).model
    *_, (epoch, last) = read_snapshots(run.artifact("snapshots"), model)
    assert epoch == 2
    for left, right in zip(last.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
    assert (run.artifact("snapshots") / "epoch-000.npz").read_bytes() == first
    assert not list(workplace.glob("mlruns/checkpoints/*/*")), "nothing is kept twice"


def test_one_that_is_damaged_or_of_another_network(kept, folder) -> None:
    other = build_model("linear", input_shape=(8, 8, 1), classes=10)
    with pytest.raises(UserError, match=r"snapshot .*epoch-000.npz cannot be read \((Value|Key)"):
        list(read_snapshots(folder, other))
    path = folder / "epoch-001.npz"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(UserError, match=r"snapshot .*epoch-001.npz cannot be read \(BadZipFile"):
        list(read_snapshots(folder, kept[1]))


def test_where_they_cannot_be_written_it_is_said_once_and_the_run_goes_on(tmp_path) -> None:
    (tmp_path / "snapshots").write_text("a file is in the way")
    model = build_model("linear", input_shape=(8, 8, 1), classes=10)
    model.compile("sgd")
    snapshots = Snapshots(tmp_path / "snapshots", 1)
    snapshots.set_model(model)
    with pytest.warns(UserWarning, match="cannot write a snapshot, the run goes on: "):
        snapshots.on_train_begin()
    snapshots.on_epoch_end(0)  # a second warning would be an error
