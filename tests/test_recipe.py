"""Recipes: validation, overrides, round trips."""

from __future__ import annotations

import subprocess
import sys

import pytest

from kerascnn.errors import UserError
from kerascnn.recipe import Recipe, load_recipe, override, recipe_names


def test_every_recipe_that_ships_is_valid_and_survives_its_own_yaml() -> None:
    import yaml

    assert "digits-quick" in recipe_names()
    for name in recipe_names():
        recipe = load_recipe(name)
        assert recipe.name == name
        assert recipe.description
        assert Recipe(**yaml.safe_load(recipe.to_yaml())) == recipe


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("model.name=lenet6", r"^unknown model 'lenet6': did you mean lenet5"),
        ("model.filtres=3", r"^model: unknown field 'filtres'"),
        ("model.pooling=mx", r"^model.pooling: got 'mx', should be 'max' or 'average'$"),
        ("training.epochs=0", r"^training.epochs: got 0, should be greater than or equal to 1$"),
        ("trainig.epochs=3", r"^unknown field 'trainig': did you mean training\?$"),
        ("optimizer.schedule.patience=x", r"^optimizer.schedule.patience: got 'x', .*integer"),
        ("data.name=minst", r"did you mean mnist"),
        ("training.epochs.x=1", r"--set training.epochs.x=1: epochs has no fields of its own"),
        ("training.epochs", r"--set training.epochs: must be field=value"),
        ("training.epochs=[1", r"--set training.epochs=\[1: "),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(setting: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as raised:
        load_recipe("digits-quick", [setting])
    assert "\n" not in str(raised.value)


def test_several_mistakes_are_told_at_once() -> None:
    with pytest.raises(UserError, match=r"epochs: .*; .*batch_size: "):
        load_recipe("digits-quick", ["training.epochs=0", "training.batch_size=0"])


def test_unknown_recipe_names_the_closest() -> None:
    with pytest.raises(UserError, match="unknown recipe 'digit-quick': did you mean digits-quick"):
        load_recipe("digit-quick")


def test_recipe_files(tmp_path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("model: {name: linear}\ndata: {name: digits}\n")
    assert load_recipe(path).name == "mine"
    with pytest.raises(UserError, match="No such file"):
        load_recipe(tmp_path / "other.yaml")
    path.write_text("model: {name: [\n")
    with pytest.raises(UserError, match="not YAML"):
        load_recipe(path)
    path.write_text("- 1\n")
    with pytest.raises(UserError, match="must be a mapping"):
        load_recipe(path)
    path.write_text("model: {name: linear}\n")
    with pytest.raises(UserError, match=f"^recipe {path}: data: is required$"):
        load_recipe(path)
    path.write_text("model: linear\ndata: digits\ntraining:\n  epochs: 0\n")
    with pytest.raises(UserError, match=f"^recipe {path}, line 4: training.epochs: got 0, "):
        load_recipe(path)
    with pytest.raises(UserError, match="^training.epochs: got -1, "):  # not the file's fault
        load_recipe(path, ["training.epochs=-1"])
    assert load_recipe(path, ["training.epochs=1"]).data.name == "digits"


def test_override_leaves_its_input_alone() -> None:
    values = {"training": {"epochs": 3}}
    assert override(values, ["training.epochs=5", "model.hidden=[3, 4]"]) == {
        "training": {"epochs": 5},
        "model": {"hidden": [3, 4]},
    }
    assert values == {"training": {"epochs": 3}}


def test_recipes_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_recipe("digits-quick").training.epochs = 3  # type: ignore[misc]  # the mistake


def test_nothing_heavy_is_imported_by_validation() -> None:
    code = (
        "import sys; from kerascnn.recipe import load_recipe; "
        "load_recipe({'model': {'name': 'convnet'}, 'data': {'name': 'mnist'}}); "
        "print({'tensorflow', 'keras', 'mlflow', 'click', 'pipelines'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_all_images_leave_none_to_choose_an_epoch_by() -> None:
    values = {"model": {"name": "lenet5"}, "data": {"name": "digits", "train_on_validation": True}}
    with pytest.raises(UserError, match="leaves no images to choose an epoch by; give"):
        load_recipe(values)
    recipe = load_recipe(values, ["training.keep=last", "training.early_stopping=null"])
    assert recipe.data.train_on_validation


def test_a_recipe_with_another_network_and_for_other_data(tmp_path) -> None:
    recipe = load_recipe("finetune", data="folder:photos", model="resnet50", epochs=9)
    assert (recipe.model.name, recipe.data.name) == ("resnet50", "folder:photos")
    assert recipe.data.image_size == (224, 224)
    assert (recipe.training.head_epochs, recipe.training.epochs) == (5, 9)
    assert load_recipe("cifar-resnet20", data="digits").training.epochs == 20, "it is a network"
    assert load_recipe("cifar-resnet20", data="digits", model="mlp").training.steps == 64_000
    path = tmp_path / "mine.yaml"
    path.write_text("model: lenet5\ndata: {name: digits, test: digits, image_size: 28}")
    data = load_recipe(path, data="mnist").data
    assert (data.name, data.test, data.image_size) == ("mnist", None, (28, 28))
    with pytest.raises(UserError, match="with data set 'digits' the first name must be a network"):
        load_recipe({"model": "lenet5"}, data="digits")
    with pytest.raises(UserError, match="unknown model 'lenet6'"):
        load_recipe("finetune", model="lenet6")


def test_a_warm_up_comes_after_the_head() -> None:
    settings = ["training.epochs=4", "training.head_epochs=3", "optimizer.schedule.warmup=2"]
    with pytest.raises(UserError, match=r"warmup: got 2 epochs, the run has only 1$"):
        load_recipe("finetune", settings)
    assert load_recipe("finetune", [*settings, "training.epochs=3"]).training.head_epochs == 3


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["model.name=lenet5-1998"], "data.labels: lenet5-1998 answers with the distance"),
        (["training.loss=focal"], "training.loss: got 'focal', with several labels"),
        (["training.costs={cat: {dog: 2}}"], "training.costs: is of one label an image"),
        (["training.class_weights={cat: 2}"], "training.class_weights: is of one label an image"),
        (["data.name=digits"], "data.labels: several are read from csv:FILE"),
    ],
)
def test_what_does_not_go_with_several_labels(settings: list[str], message: str) -> None:
    values = {"model": {"name": "lenet5"}, "data": {"name": "csv:x.csv"}}
    with pytest.raises(UserError, match=message) as raised:
        load_recipe(values, settings, labels="several")
    assert "\n" not in str(raised.value)
