from __future__ import annotations

import pytest

from kerascnn.augment.crops import ScaleCrop
from kerascnn.augment.operation import Operation
from kerascnn.augment.spec import PRESETS, AugmentSpec
from kerascnn.augment.views import NAMED, ViewSpec
from kerascnn.errors import UserError
from kerascnn.recipe import load_recipe

RECIPE = {"model": {"name": "lenet5"}, "data": {"name": "digits"}}


@pytest.mark.parametrize("preset", PRESETS)
def test_a_bare_preset_name_is_resolved_and_reads_back(preset):
    recipe = load_recipe({**RECIPE, "augment": preset})
    assert recipe.augment == AugmentSpec(preset=preset)
    assert load_recipe(recipe.model_dump(mode="json")) == recipe


def test_a_resolved_recipe_prints_every_value():
    text = load_recipe({**RECIPE, "augment": "cifar-flip-crop"}).to_yaml()
    assert "- name: pad-crop\n    probability: 1.0\n    pixels: 4" in text
    assert "fill: constant" in text


def test_operations_come_after_the_presets_own():
    spec = AugmentSpec(preset="cifar-flip-crop", operations=["cutout"])
    assert [op.name for op in spec.operations] == ["horizontal-flip", "pad-crop", "cutout"]


def test_fields_beside_a_preset_replace_its_own():
    spec = AugmentSpec(preset="alexnet", test_time="ten-crop")
    assert spec.test_time == ViewSpec(**NAMED["ten-crop"])


@pytest.mark.parametrize("setting", ["augment=cifar-flip-crop", "augment.preset=cifar-flip-crop"])
def test_command_line_settings(setting):
    assert len(load_recipe(RECIPE, [setting]).augment.operations) == 2


def test_a_field_of_a_bare_preset_can_be_set():
    recipe = load_recipe({**RECIPE, "augment": "cifar-flip-crop"}, ["augment.fill=reflect"])
    assert recipe.augment.fill == "reflect"
    assert len(recipe.augment.operations) == 2


def test_every_operation_has_defaults_of_its_own_kind():
    for name, operation in Operation.kinds.items():
        assert operation().name == name


def test_framing_is_a_crop_that_comes_first_and_a_flip_after_it():
    def framing(*operations):
        return [found.name for found in AugmentSpec(operations=operations).framing]

    crop, flip = "random-resized-crop", "horizontal-flip"
    assert framing(crop, flip, "brightness") == [crop, flip]
    assert framing(crop, "brightness", flip) == framing(crop) == [crop]
    assert framing(flip, crop) == framing() == []
    cropped = AugmentSpec(preset="vgg").framing[0]
    assert isinstance(cropped, ScaleCrop)
    assert cropped.short_side == (256, 512)


def test_alexnet_is_256_to_224_with_lighting():
    operations = AugmentSpec(preset="alexnet").operations
    assert [op.name for op in operations] == ["scale-crop", "horizontal-flip", "lighting"]
    crop = operations[0]
    assert isinstance(crop, ScaleCrop)
    assert crop.short_side == (256, 256)
    assert crop.crop == 224


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        ("alexnt", "unknown augmentation preset 'alexnt': did you mean alexnet"),
        ({"operations": ["rotaton"]}, "unknown augmentation operation 'rotaton': did you mean rot"),
        ({"operations": [3]}, "got 3, must be {name: ..."),
        ({"operations": 3}, "augment.operations: got 3"),
        ({"operations": [{"name": "rotation", "degrees": [5, -5]}]}, r"got \[5, -5\], must be"),
        (
            {"operations": [{"name": "rotation", "degrees": [-200, 0]}]},
            r"rotation degrees: got \[-200, 0\], must lie within \[-180, 180\]",
        ),
        ({"operations": [{"name": "rotation", "degrees": 15}]}, "rotation degrees: got 15"),
        ({"operations": [{"name": "blur", "probability": 1.5}]}, "blur probability: got 1.5"),
        ({"operations": [{"name": "blur", "sigm": 1}]}, "unknown field 'sigm': did you mean sigma"),
        ({"operations": [{"name": "cutout", "size": 0}]}, "cutout size: got 0"),
        (
            {"operations": [{"name": "scale-crop", "short_side": [100, 200]}]},
            r"short_side: got 100, must be at least crop \(224\)",
        ),
        ({"operations": [{"name": "mixup", "alpha": 0}]}, "mixup alpha: got 0"),
        ({"fill": "mirror"}, "augment.fill: got 'mirror'"),
        ({"test_time": "tencrop"}, "unknown test-time augmentation 'tencrop': did you mean ten-cr"),
        (
            {"operations": [{"name": "horizontal-flip", "alternate": True, "probability": 1}]},
            r"horizontal-flip probability: got 1 with alternate, must be 0.5",
        ),
        ({"test_time": {"scales": []}}, "test_time.scales: got"),
    ],
)
def test_bad_input_is_one_line(augment, message):
    with pytest.raises(UserError, match=message) as error:
        load_recipe({**RECIPE, "augment": augment})
    assert "\n" not in str(error.value)
