from __future__ import annotations

import pytest

from kerascnn.errors import UserError
from kerascnn.models.registry import models
from kerascnn.recipe import load_recipe
from kerascnn.tuning.builtin import builtin_space


@pytest.mark.parametrize("name", models())
def test_every_network_has_a_space_that_its_recipe_takes(name):
    space = builtin_space(name)
    space.validate_against(load_recipe({"model": {"name": name}, "data": {"name": "digits"}}))
    assert {"optimizer.learning_rate", "training.batch_size"} <= set(space.searched)


def test_the_convnet_is_searched_in_depth_width_and_dropout():
    assert len(builtin_space("convnet").searched) == 14


def test_families_are_searched_in_what_they_have():
    searched = builtin_space("vgg16").searched
    assert {"model.convolutions", "model.filters", "model.dropout", "optimizer.name"} <= {*searched}
    assert builtin_space("lenet5-1998").searched[0] == "optimizer.name"


def test_an_unknown_network():
    with pytest.raises(UserError, match="unknown model 'lenet': did you mean lenet5"):
        builtin_space("lenet")
