"""The part of a recipe that names the images."""

from __future__ import annotations

import pytest

from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError


@pytest.mark.parametrize(
    ("given", "size"), [(None, None), (28, (28, 28)), ((12, 16), (12, 16)), ([5, 6], (5, 6))]
)
def test_a_single_number_is_both_sides(given: object, size: tuple[int, int] | None) -> None:
    spec = DataSpec(name="digits", image_size=given)
    assert spec.image_size == size
    assert DataSpec(**spec.model_dump(mode="json")) == spec


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "^name: is required$"),
        ({"name": "minst"}, "unknown data set 'minst': did you mean mnist"),
        ({"name": "folder:"}, "'folder:': must be folder:PATH"),
        ({"image_size": 0}, "^image_size.0: got 0, should be greater than or equal to 1; "),
        ({"image_size": [28]}, "^image_size.1: is required$"),
        ({"image_size": "large"}, "^image_size: got 'large'"),
        ({"resize": "squash"}, "^resize: got 'squash', should be 'crop', 'stretch' or 'pad'$"),
        ({"colour": "gray"}, "^colour: got 'gray', should be 'auto', 'grey' or 'rgb'$"),
        ({"color": "grey"}, r"^unknown field 'color': did you mean colour\?$"),
        ({"validation_fraction": 0}, "^validation_fraction: got 0, should be greater than 0$"),
        ({"test_fraction": 1}, "^test_fraction: got 1, should be less than 1$"),
        ({"train_fraction": 1.5}, "^train_fraction: got 1.5, should be less than or equal to 1$"),
        ({"split_seed": -1}, "^split_seed: got -1"),
        ({"balance": "weight"}, "^balance: got 'weight'"),
        ({"cache": "ram"}, "^cache: got 'ram'"),
        ({"memory_budget": 0}, "^memory_budget: got 0, should be greater than 0$"),
        ({"shuffle_buffer": 0}, "^shuffle_buffer: got 0"),
    ],
)
def test_mistakes_are_one_line(fields: dict, message: str) -> None:
    given = fields if "name" in fields or not fields else {"name": "digits", **fields}
    with pytest.raises(UserError, match=message) as raised:
        DataSpec(**given)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": "digits"}, r"labels: several are read from csv:FILE, .*; digits has one label"),
        ({"name": "folder:x"}, "folder:x has one label an image"),
        ({"test": "folder:x"}, "folder:x has one label an image"),
        ({"folds": 5}, "folds: got 5, with several labels an image: the parts"),
        ({"train_on_validation": True}, "train_on_validation: got True, with .* threshold"),
        ({"balance": "oversample"}, "balance: got 'oversample', with several"),
        ({"labels": "severl"}, "labels: got 'severl', should be 'one' or 'several'"),
    ],
)
def test_what_does_not_go_with_several_labels(fields: dict, message: str) -> None:
    with pytest.raises(UserError, match=message) as raised:
        DataSpec(**{"name": "csv:x.csv", "labels": "several", **fields})
    assert "\n" not in str(raised.value)
