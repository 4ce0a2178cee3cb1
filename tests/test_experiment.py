"""The main job from Python: train, evaluate, predict; networks of one's own through all of it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from kerascnn import assessment, experiment, tracking
from kerascnn.backend import keras
from kerascnn.cache import clear
from kerascnn.errors import TrainingError, UserError
from kerascnn.evaluation.scores import Scores
from kerascnn.models.own import source_digest
from kerascnn.models.spec import ModelSpec
from kerascnn.recipe import load_recipe
from kerascnn.run_model import load_model
from kerascnn.training import measured_computation

OWN = """
from kerascnn.backend import keras

@keras.saving.register_keras_serializable(package="mine")
class Twice(keras.layers.Layer):
    def call(self, x):
        return 2 * x

def net(x, classes, *, units: int = 3):
    x = Twice()(keras.layers.Flatten()(x))
    return keras.layers.Dense(classes)(keras.layers.Dense(units)(x))
"""


@pytest.fixture(scope="module")
def own_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """A working directory with one run, "own", of a network of one's own; and what came of it."""
    place = tmp_path_factory.mktemp("own")
    lines: list[str] = []
    epochs: list[int] = []
    watch = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(epoch))
    with contextlib.chdir(place):
        Path("mine.py").write_text(OWN)
        trained = experiment.train(
            "mine.py:net", "digits", epochs=1, batch_size=64, settings=["model.units=5"],
            name="own", callbacks=[watch], report=lines.append,
        )  # fmt: skip
    yield SimpleNamespace(place=place, trained=trained, lines=lines, epochs=epochs)
    sys.modules.pop("mine", None)


@pytest.fixture
def own(own_place: SimpleNamespace, work_in: Callable[[Path], Path]) -> SimpleNamespace:
    work_in(own_place.place)
    return own_place


def test_train_without_a_recipe_needs_a_run() -> None:
    with pytest.raises(UserError, match="train needs data, a recipe, or continue_from, a run"):
        experiment.train(epochs=3)
    with pytest.raises(UserError, match="a network and data of its own: leave digits out"):
        experiment.train(data="digits", continue_from="latest")


def test_a_run_on_files_says_how_fast_its_stages_were(work_in, tmp_path: Path) -> None:
    work_in(tmp_path)
    random = np.random.default_rng(0)
    for name, side in (("a", 20), ("b", 30)):
        Path("data", name).mkdir(parents=True)
        for number in range(8):
            pixels = random.integers(0, 256, (side, side, 3), np.uint8)
            Image.fromarray(pixels).save(Path("data", name, f"{number}.jpg"))
    lines: list[str] = []
    trained = experiment.train(
        "linear", "folder:data", epochs=1, batch_size=4, report=lines.append,
        settings=["data.image_size=16", "augment=inception"],
    )  # fmt: skip
    (line,) = (line for line in lines if line.startswith("images/s: reading "))
    assert ", training " in line
    assert line.endswith("% of the training time waited for data")
    metrics = trained.run.metrics
    assert metrics["reading_images_per_second"] > 0
    assert metrics["training_images_per_second"] >= metrics["images_per_second"] * 0.999
    assert "augmenting_images_per_second" not in metrics  # nothing is left after the crop


def test_what_train_leaves(own: SimpleNamespace) -> None:
    trained = own.trained
    assert own.epochs == [0], "one's own callbacks are called"
    assert trained.run == tracking.load_run("own")
    assert trained.run.status == "FINISHED"
    assert trained.run.recipe == trained.model.recipe
    assert trained.run.recipe != trained.model.recipe.model_copy(
        update={"model": ModelSpec(name="mine.py:net", units=6)}
    )
    assert load_model("own").recipe == trained.run.recipe
    assert trained.run.recipe.model.options["units"] == 5
    assert trained.run.recipe.training.batch_size == 64
    assert {name: scores.count for name, scores in trained.scores.items()} == {
        "train": 1374, "validation": 153, "test": 270
    }  # fmt: skip
    for split, scores in trained.scores.items():
        assert trained.run.metrics[f"{split}_accuracy"] == scores.accuracy
    accuracy = f"{trained.scores['test'].accuracy:.2%}"
    assert repr(trained) == f"<Trained own ({trained.run.id[:8]}): test accuracy {accuracy}>"
    assert "<td>validation</td>" in trained._repr_html_()
    assert not list(Path("mlruns/checkpoints").iterdir())


def test_lines_for_the_user(own: SimpleNamespace) -> None:
    lines = own.lines
    assert lines[0].startswith("digits: 1,374 train, 153 validation, 270 test images")
    parameters = 1024 * 5 + 5 + 5 * 10 + 10
    assert lines[1].startswith(f"mine.py:net: {parameters:,} parameters, on ")
    assert any(line.startswith("run own (") for line in lines)
    assert lines[-1].startswith("epoch 1/1  loss ")


def test_a_run_knows_the_file_of_its_network(own: SimpleNamespace) -> None:
    tags = own.trained.run.tags
    assert tags["model_source"] == str(own.place / "mine.py")
    assert tags["model_source_sha256"] == source_digest(Path("mine.py"))
    assert tags["python"]
    assert tags["data_fingerprint"]


def test_its_model_is_loaded_with_the_layers_of_its_file(own: SimpleNamespace) -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 32, 32, 1), np.uint8)
    expected = own.trained.model.model(images)
    for source in ("own", own.trained.run):
        loaded = load_model(source)
        np.testing.assert_allclose(loaded.model(images), expected, rtol=1e-5, atol=1e-5)
    scores = assessment.evaluate("own")
    assert isinstance(scores, Scores)
    assert scores.accuracy == own.trained.scores["test"].accuracy
    np.testing.assert_array_equal(scores.confusion, own.trained.scores["test"].confusion)


@pytest.mark.parametrize(
    ("content", "now"), [(None, "is not there any more"), (OWN + "\n", "has changed since")]
)
def test_a_file_that_is_gone_or_another_is_not_run(own: SimpleNamespace, content, now) -> None:
    file = Path("mine.py")
    try:
        file.unlink()
        if content is not None:
            file.write_text(content)
        with pytest.raises(
            UserError, match=rf"names code of 'mine'.*; run own was made by .*{now}"
        ):
            load_model("own")
    finally:
        file.write_text(OWN)
    assert load_model("own").classes == tuple("0123456789")


def test_a_finished_run_is_not_resumed(own: SimpleNamespace) -> None:
    with pytest.raises(UserError, match="^run own is finished: there is nothing to resume$"):
        experiment.resume("own", report=None)


def test_a_failed_start_leaves_no_run(own: SimpleNamespace) -> None:
    before = [run.id for run in tracking.list_runs()]
    for arguments, message in (
        (("mine.py:nets", "digits"), "unknown network of mine.py 'nets': did you mean net"),
        (("mlp", "folder:gone"), "gone: no such folder"),
        (("lenet5", "digits"), "c3 would get a 4x4 map"),
    ):
        with pytest.raises(UserError, match=message):
            experiment.train(*arguments, report=None, image_size=8)
    assert [run.id for run in tracking.list_runs()] == before


def test_a_loss_that_is_not_finite_is_a_failed_run(own: SimpleNamespace) -> None:
    with pytest.raises(TrainingError, match="the learning rate, 1e.38, is too high; no weights to"):
        experiment.train(
            "linear", "digits", optimizer="sgd", learning_rate=1e38, name="bad", report=None
        )
    run = tracking.load_run("bad")
    assert run.status == "FAILED"
    with pytest.raises(UserError, match=r"run bad \(FAILED\) has no model.keras"):
        load_model("bad")


def test_images_are_classified_by_run_file_or_model(trained: Path, tmp_path: Path) -> None:
    from kerascnn.data import digits

    images, labels = digits.read()
    for number in range(4):
        pixels = Image.fromarray(images[number, ..., 0]).resize((32, 32))
        pixels.save(tmp_path / f"{number}.png")
    first = experiment.predict("first", tmp_path, top=1)
    assert [one.classes for one in first] == [(str(label),) for label in labels[:4]]
    model = load_model("first")
    files = sorted(tmp_path.iterdir())
    for again in (
        experiment.predict(model, files, top=1),
        experiment.predict("first", files, top=1),
    ):
        assert again == first
    assert experiment.predict(model, str(files[2]))[0].classes[0] == first[2].classes[0]
    with pytest.raises(UserError, match="gone.png: no such file or folder"):
        experiment.predict("no run is looked for yet", "gone.png")


def test_a_learning_rate_is_found_and_nothing_kept(workplace: Path) -> None:
    found = experiment.lr_find(
        "mlp", "digits", optimizer="sgd", low=1e-5, high=100.0, steps=60,
        settings=["model.hidden=[16]"],
    )  # fmt: skip
    assert 1e-3 < found.suggestion < 10
    assert repr(found).startswith(f"<RangeTest of {len(found.rates)} steps: ")
    assert not list(workplace.iterdir())


def test_a_recipe_may_be_changed_by_the_words_of_the_command_line() -> None:
    recipe = load_recipe("digits-quick")
    with pytest.raises(UserError, match="unknown option 'epoch': did you mean epochs"):
        experiment.train(recipe, epoch=3, report=None)


@pytest.mark.ci
@pytest.mark.parametrize(
    ("model", "way"),
    [
        ({"name": "linear"}, measured_computation.HALF),
        ({"name": "convnet", "filters": 64, "dense": [16]}, measured_computation.PRODUCTS),
    ],
)
def test_a_run_goes_on_as_was_measured(model, way, workplace: Path, monkeypatch) -> None:
    ways = [measured_computation.HALF, measured_computation.PRODUCTS][: 1 + way.products]

    def measured(float32: float, other: float) -> None:
        found = measured_computation.Finding(
            {each: ((float32, other if each == way else 9.0),) for each in ways}
        )
        monkeypatch.setattr(measured_computation, "measure", lambda *_: found)
        clear(["speeds"])

    class End(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = True

    def press(epoch: int, logs: object) -> None:
        if epoch == 1:
            os.kill(os.getpid(), signal.SIGINT)

    # Another test's run may have made this process deterministic, where nothing is measured.
    monkeypatch.setattr(measured_computation, "ops_are_deterministic", lambda: False)
    measured(2.0, 1.0)
    recipe = load_recipe({"model": model, "data": {"name": "digits", "image_size": 8}})
    run = experiment.train(
        recipe, epochs=10**9, batch_size=256, name="measured", report=None,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_begin=press)],
    ).run  # fmt: skip
    assert (run.status, run.params["precision"]) == ("KILLED", way.policy)
    assert run.tags["precision_reason"] == "2.00 times float32 here"
    measured(1.0, 2.0)
    trained = experiment.resume("measured", callbacks=[End()], report=None)
    assert (trained.run.status, trained.run.params["precision"]) == ("FINISHED", way.policy)
    assert trained.run.tags["precision_reason"] == "2.00 times float32 here"
    assert trained.run.params.get("kernel_gradients") == ("products" if way.products else None)
    layers = trained.model.model.layers
    bits = way.policy.removeprefix("mixed_")
    assert {layer.compute_dtype for layer in layers if layer.weights} == {bits}
    clear(["speeds"])


class _PressOnce(keras.callbacks.Callback):
    """Presses Ctrl-C in the second epoch of the second training; counts trainings."""

    def __init__(self) -> None:
        super().__init__()
        self.trainings = 0

    def on_train_begin(self, logs=None):
        self.trainings += 1

    def on_epoch_begin(self, epoch, logs=None):
        if (self.trainings, epoch) == (2, 1):
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.ci
def test_a_cross_validation_that_is_interrupted_goes_on(workplace: Path) -> None:
    watch, lines = _PressOnce(), list[str]()
    with pytest.raises(KeyboardInterrupt):
        experiment.train(
            "linear", "digits", folds=3, epochs=3, batch_size=256, learning_rate=0.01, name="cv",
            callbacks=[watch], report=lines.append,
        )  # fmt: skip
    assert "to go on: kerascnn train --resume cv" in lines
    run = tracking.load_run("cv")
    before = tracking.folds_of(run.id)
    assert [run.status, *(fold.status for fold in before.values())] == [
        "KILLED", "FINISHED", "KILLED",
    ]  # fmt: skip
    trained = experiment.resume("cv", callbacks=[watch], report=None)
    assert watch.trainings == 5  # the second goes on, the third and the last begin
    assert [run.name for run in tracking.list_runs()] == ["cv"]
    folds = tracking.folds_of(run.id)
    assert {number: fold.id for number, fold in folds.items() if number < 3} == {
        number: fold.id for number, fold in before.items()
    }
    assert folds[1].metrics == before[1].metrics
    run = trained.run
    assert run.status == "FINISHED"
    pooled = run.predictions()
    assert (pooled.split, pooled.size) == ("folds", 1797)
    assert sorted(map(int, pooled.examples)) == list(range(1797))
    known = load_digits().target
    np.testing.assert_array_equal(pooled.labels, known[pooled.examples.astype(int)])
    accuracies = [fold.metrics["test_accuracy"] for fold in folds.values()]
    assert run.metrics["folds_accuracy"] == pytest.approx(np.mean(accuracies))
    together = trained.scores["folds"]
    assert isinstance(together, Scores)
    assert together.accuracy == pytest.approx(np.mean(accuracies))  # of equal size
    assert "test" not in trained.scores
    best = np.mean([fold.metrics["best_epoch"] for fold in folds.values()])
    assert trained.model.recipe.training.epochs == round(best)
    assert trained.scores["train"].count == 1797
    assert assessment.evaluate("cv").count == 1797
    with pytest.raises(UserError, match="was trained on all of its images: what its folds said"):
        assessment.evaluate("cv", tta="flips")
    with pytest.raises(UserError, match="run cv was trained on its validation images"):
        assessment.calibrate("cv")
    with pytest.raises(UserError, match=r"folds: leave it out: the run of training\.continue_from"):
        experiment.train(continue_from="cv")
    with pytest.raises(UserError, match="is finished: there is nothing to resume"):
        experiment.resume("cv")
