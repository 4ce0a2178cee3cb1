"""A saved network of Keras's layers needs nothing of kerascnn: tried where there is none."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from kerascnn import layers
from kerascnn.backend import keras
from kerascnn.kernels.table import quicken
from kerascnn.models.build import build_model
from kerascnn.models.registry import models
from kerascnn.recipe import load_recipe
from kerascnn.serving.archive import SavedModel, save_model
from tests.models.smallest import CLASSES, small_options, smallest_shape

ALONE = """
import sys

class NoKerascnn:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "kerascnn":
            raise ModuleNotFoundError("there is no kerascnn here")

sys.meta_path.insert(0, NoKerascnn())
import keras, numpy as np
from pathlib import Path
for folder in sorted(Path(sys.argv[1]).iterdir()):
    try:
        model = keras.saving.load_model(folder / "model.keras")
    except Exception as error:
        print(folder.name, "needs", str(error).replace("\\n", " "))
        continue
    logits = model(np.load(folder / "images.npy"))
    if isinstance(logits, dict):
        logits = logits["logits"]
    error = np.abs(np.asarray(logits) - np.load(folder / "logits.npy")).max()
    print(folder.name, "differs by", float(error))
"""


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], dict[str, set[str]]]:
    """What a process without kerascnn says of each network, and our layers that it has."""
    place = tmp_path_factory.mktemp("alone")
    ours: dict[str, set[str]] = {}
    recipe = load_recipe("digits-quick")
    for name, entry in models().items():
        shape = smallest_shape(name)
        model = build_model(
            name, input_shape=shape, classes=CLASSES, **small_options(entry, blocks=1)
        )
        folder = place / name
        folder.mkdir()
        images = np.random.default_rng(0).integers(0, 256, (2, *shape), dtype=np.uint8)
        # As training leaves it: quick, which must not be seen in the file.
        saved = SavedModel(quicken(model, "cpu"), tuple("abc"), recipe)
        save_model(saved, folder / "model.keras")
        logits = model(images)
        logits = logits["logits"] if isinstance(logits, dict) else logits
        np.save(folder / "images.npy", images)
        np.save(folder / "logits.npy", np.asarray(logits))
        ours[name] = {
            type(layer).__name__
            for layer in model.layers
            if type(layer).__module__.startswith("kerascnn")
        } | {
            "scaled_tanh"
            for layer in model.layers
            if getattr(layer, "activation", None) is layers.scaled_tanh
        }
        keras.backend.clear_session()
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(place)], capture_output=True, text=True, check=True
    )
    said = (line.partition(" ") for line in done.stdout.splitlines())
    return {name: text for name, _, text in said}, ours


@pytest.mark.slow
def test_every_network_of_keras_layers_gives_its_logits_without_kerascnn(loaded) -> None:
    said, ours = loaded
    alone = [name for name in models() if not ours[name]]
    assert len(alone) >= 20
    for name in alone:
        assert said[name].startswith("differs by "), (name, said[name])
        assert float(said[name].rpartition(" ")[2]) < 1e-5, (name, said[name])


@pytest.mark.slow
def test_residual_networks_are_among_them(loaded) -> None:
    for name in ("resnet50", "resnet152", "cifar-resnet20", "airbench", "vgg16", "lenet5"):
        if name == "airbench":
            assert loaded[1][name] == {"Whitening"}
        elif name.startswith("resnet"):
            assert loaded[1][name] <= {"CeilMaxPooling2D"}  # at odd sizes alone
        else:
            assert not loaded[1][name]


@pytest.mark.slow
def test_the_others_name_a_layer_that_they_need(loaded) -> None:
    said, ours = loaded
    for name, needed in ours.items():
        if needed:
            assert said[name].startswith("needs "), (name, said[name])
            assert any(layer in said[name] for layer in needed), (name, needed, said[name])


@pytest.mark.ci
@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnet152", "plain34"])
def test_at_the_papers_size_residual_networks_have_keras_layers_only(name: str) -> None:
    network = build_model(name, input_shape=(224, 224, 3), classes=1000, abstract=True)
    assert {type(layer).__module__.partition(".")[0] for layer in network.layers} == {"keras"}
