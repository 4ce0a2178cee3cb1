from __future__ import annotations

import subprocess
import sys

import pytest

from kerascnn.errors import UserError
from kerascnn.recipe import load_recipe
from kerascnn.tuning.space import SpaceSpec, buildable, load_space

CONVNET = {"model": {"name": "convnet"}, "data": {"name": "digits"}}
CONDITIONAL = SpaceSpec(
    ranges={
        "model.dense": {"choice": [[], [64], [64, 32]]},
        "model.dense_dropout": {"float": [0, 0.6], "when": {"model.dense": [[64], [64, 32]]}},
        "model.batch_norm": {"choice": [False, True]},
        "training.batch_size": {"fixed": 64},
        "optimizer.learning_rate": {"float": [1e-5, 1e-2], "log": True},
    }
)


def _space(**ranges: object) -> SpaceSpec:
    return SpaceSpec(ranges={name.replace("__", "."): value for name, value in ranges.items()})


def test_a_space_file_reads_back(tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text(CONDITIONAL.to_yaml(), encoding="utf-8")
    assert load_space(path) == CONDITIONAL
    assert "model.dense: {choice: [[], [64], [64, 32]]}" in path.read_text(encoding="utf-8")


def test_settings_leave_out_what_no_condition_asks_for():
    values: dict[str, int | float | str] = {
        "model.dense": "[]",
        "model.dense_dropout": 0.5,
        "model.batch_norm": "true",
        "optimizer.learning_rate": 1e-5,
    }
    assert CONDITIONAL.settings(values) == [
        "model.dense=[]",
        "model.batch_norm=true",
        "training.batch_size=64",
        "optimizer.learning_rate=1.0e-05",
    ]
    assert "model.dense_dropout=0.5" in CONDITIONAL.settings({**values, "model.dense": "[64, 32]"})
    recipe = CONDITIONAL.apply(load_recipe(CONVNET), values)
    assert recipe.model.options["dense"] == ()
    assert recipe.model.options["batch_norm"] is True
    assert recipe.training.batch_size == 64
    assert recipe.optimizer.learning_rate == 1e-5


def test_keras_tuner_gets_the_conditions():
    space = CONDITIONAL.hyperparameters()
    assert [hp.name for hp in space.space] == CONDITIONAL.searched
    space.values["model.dense"] = "[]"
    assert not space.is_active("model.dense_dropout")
    space.values["model.dense"] = "[64]"
    assert space.is_active("model.dense_dropout")


def test_conditions_may_follow_from_each_other():
    space = _space(
        model__batch_norm={"choice": [False, True]},
        model__stages={"int": [1, 3], "when": {"model.batch_norm": True}},
        model__l2={"float": [0, 1], "when": {"model.stages": 2}},
    )
    values: dict[str, int | float | str] = {
        "model.batch_norm": "true",
        "model.stages": 2,
        "model.l2": 0.5,
    }
    assert len(space.settings(values)) == 3
    assert space.settings({**values, "model.stages": 3}) == [
        "model.batch_norm=true",
        "model.stages=3",
    ]
    assert space.settings({**values, "model.batch_norm": "false"}) == ["model.batch_norm=false"]
    tuner = space.hyperparameters()
    tuner.values = {"model.batch_norm": "false", "model.stages": 2}
    assert not tuner.is_active("model.l2")


def test_another_optimizer_starts_from_its_own_defaults():
    space = _space(optimizer__name={"choice": ["sgd", "adamw"]})
    recipe = load_recipe(CONVNET, ["optimizer.name=adam", "training.epochs=3"])
    changed = space.apply(recipe, {"optimizer.name": "adamw"})
    assert changed.optimizer == load_recipe(CONVNET, ["optimizer.name=adamw"]).optimizer
    assert changed.training.epochs == 3
    decayed = load_recipe(CONVNET, ["optimizer.weight_decay=0.5"])
    assert space.apply(decayed, {"optimizer.name": "sgd"}).optimizer.weight_decay == 0.5


def test_networks_are_searched_with_their_own_options():
    space = _space(
        model__name={"choice": ["convnet", "mlp"]},
        model__filters={"int": [8, 16], "when": {"model.name": "convnet"}},
        model__hidden={"choice": [[100], [300]], "when": {"model.name": "mlp"}},
    )
    recipe = load_recipe(CONVNET, ["training.batch_size=16"])
    space.validate_against(recipe)
    mlp = space.apply(recipe, {"model.name": "mlp", "model.hidden": "[100]"})
    assert mlp.model.options["hidden"] == (100,)
    assert mlp.training.batch_size == 16


def test_presets_replace_each_others_operations():
    space = _space(augment__preset={"choice": ["none", "light", "strong"]})
    recipe = load_recipe({**CONVNET, "augment": "strong"})
    for preset in ("none", "light", "strong"):
        expected = load_recipe({**CONVNET, "augment": preset}).augment
        assert space.apply(recipe, {"augment.preset": preset}).augment == expected


@pytest.mark.parametrize(
    ("ranges", "message"),
    [
        ({}, "a space must be a mapping such as"),
        ([1], "a space must be a mapping such as"),
        ({"model.filters": {"int": [64, 16]}}, r"model.filters: got \[64, 16\], upside down"),
        ({"model.filters": {"int": [16, 16]}}, r"has the one value 16: write {fixed: 16}"),
        ({"model.filters": {"int": [16, 20], "step": 8}}, "step 8, which leaves the one value 16"),
        ({"model.filters": {"int": [16, 64], "step": 1, "log": True}}, "got step 1, must be over"),
        ({"model.filters": {"int": [1.5, 3]}}, "model.filters: int.0: got 1.5"),
        ({"model.l2": {"float": [0, 1], "log": True}}, r"\[0.0, 1.0\], a log range must start abo"),
        ({"model.kernel": {"choice": [3]}}, "has the one value 3: write {fixed: 3}"),
        ({"model.kernel": {"choice": []}}, r"got \[\], must be two or more different values"),
        ({"model.kernel": {"choice": [3, 3]}}, r"got \[3, 3\], must be two or more different"),
        ({"model.kernel": {"fixed": 3}}, "a space of one point: every field is fixed"),
        ({"model.kernel": {"integer": [1, 3]}}, r"got {integer: \[1, 3\]}, must be one of {int:"),
        ({"model.kernel": [1, 3]}, r"got \[1, 3\], must be one of"),
        ({"model.kernel": {"int": [1, 3], "logg": 1}}, "unknown field 'logg': did you mean log"),
        ({"model.kernel": {"int": [1, 3], "when": 3}}, "when: got 3, must be {field: value}"),
        (
            {"model.kernel": {"int": [1, 3], "when": {"model.stages": 2}}},
            "model.kernel: when names 'model.stages', which is no field of the space before it",
        ),
        (
            {
                "model.stages": {"int": [1, 3]},
                "model.kernel": {"int": [1, 3], "when": {"model.stages": 4}},
            },
            "when names model.stages: 4, which it never has",
        ),
        (
            {
                "model.l2": {"float": [0, 1]},
                "model.kernel": {"int": [1, 3], "when": {"model.l2": 0.5}},
            },
            "when names model.l2: 0.5, which it never has",
        ),
        (
            {
                "model.stages": {"int": [1, 5], "step": 2},
                "model.kernel": {"int": [1, 3], "when": {"model.stages": 2}},
            },
            "when names model.stages: 2, which it never has",
        ),
    ],
)
def test_a_bad_space_is_one_line(ranges, message):
    with pytest.raises(UserError, match=message) as error:
        SpaceSpec(ranges=ranges)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("field", "range_", "message"),
    [
        ("model.filtres", {"int": [8, 16]}, "unknown space field 'model.filtres': did you mean mo"),
        ("model", {"choice": ["a", "b"]}, "space field model: has fields of its own, model.name"),
        ("data.split_seed", {"int": [0, 3]}, "cannot be searched, trials are compared on the same"),
        ("training.epochs", {"int": [1, 3]}, "cannot be searched, --max-epochs bounds them"),
        ("model.stages", {"int": [1, 9]}, "model.stages: 9 is refused: model.stages: got 9"),
        ("model.pooling", {"choice": ["max", "min"]}, "model.pooling: min is refused"),
        ("augment.preset", {"choice": ["none", "lihgt"]}, "did you mean light"),
        ("optimizer.learning_rate", {"float": [0, 1]}, "optimizer.learning_rate: 0.0 is refused"),
    ],
)
def test_what_the_recipe_refuses_is_one_line(field, range_, message):
    space = SpaceSpec(ranges={field: range_})
    with pytest.raises(UserError, match=message) as error:
        space.validate_against(load_recipe(CONVNET))
    assert "\n" not in str(error.value)


def test_files_that_are_no_space(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        load_space(tmp_path / "missing.yaml")
    path = tmp_path / "space.yaml"
    path.write_text("model.filters: {int: [1", encoding="utf-8")
    with pytest.raises(UserError, match="not YAML"):
        load_space(path)
    path.write_text("model.filters: {int: [4, 1]}", encoding="utf-8")
    with pytest.raises(UserError, match="space.yaml: space field model.filters: got"):
        load_space(path)


@pytest.mark.parametrize(("side", "stages"), [(8, 3), (28, 4), (32, 5)])
def test_convnet_stages_are_rejected_exactly_where_building_fails(side, stages):
    from kerascnn.models.build import build_model

    shape = (side, side + 1, 1)
    fits = load_recipe(CONVNET, [f"model.stages={stages}"])
    assert buildable(fits, shape, 10) is None
    build_model(fits.model, input_shape=shape, classes=10, abstract=True)
    deep = load_recipe(CONVNET, [f"model.stages={stages + 1}"])
    reason = buildable(deep, shape, 10)
    assert reason == f"at most {stages} stages fit {side} pixels, not {stages + 1}"
    with pytest.raises(UserError, match=f"at most {stages} stages"):
        build_model(deep.model, input_shape=shape, classes=10, abstract=True)


def test_other_networks_are_built_for_their_shapes():
    lenet = load_recipe({"model": {"name": "lenet5"}, "data": {"name": "digits"}})
    assert buildable(lenet, (28, 28, 1), 10) is None
    assert "the smallest input is 12x12" in (buildable(lenet, (8, 8, 1), 10) or "")


def test_validation_imports_no_tensorflow():
    code = (
        "import sys\n"
        "from kerascnn.recipe import load_recipe\n"
        "from kerascnn.tuning.builtin import builtin_space\n"
        "from kerascnn.tuning.space import buildable\n"
        "recipe = load_recipe({'model': {'name': 'convnet'}, 'data': {'name': 'digits'}})\n"
        "builtin_space('convnet').validate_against(recipe)\n"
        "buildable(recipe, (8, 8, 1), 10)\n"
        "assert not {'tensorflow', 'keras', 'keras_tuner', 'mlflow'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_dumped_space_is_the_space():
    values = CONDITIONAL.model_dump(mode="json")
    assert values["ranges"]["training.batch_size"] == {"fixed": 64}
    assert SpaceSpec(**values) == CONDITIONAL
