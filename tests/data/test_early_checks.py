"""What is told before anything is imported that takes long."""

from __future__ import annotations

import subprocess
import sys

import pytest

from kerascnn.data.early_checks import check_class_names, check_data
from kerascnn.data.spec import DataSpec
from kerascnn.errors import UserError

TRAIN = """
import sys
from kerascnn_pipelines import output
from kerascnn_pipelines.cli import main
from kerascnn_pipelines import train

def starting(what):
    slow = "numpy PIL mlflow tensorflow keras scipy sklearn matplotlib"
    print(what, set(slow.split()) & set(sys.modules))
    sys.exit()

train.starting = starting
sys.argv = ["kerascnn", "train", "lenet5", "digits", "--epochs", "5"]
main()
"""


def test_the_first_line_waits_for_no_library_that_takes_long() -> None:
    done = subprocess.run([sys.executable, "-c", TRAIN], capture_output=True, text=True)
    assert done.stdout == "lenet5 on digits, 5 epochs set()\n", done.stderr


def test_names_of_classes_are_those_of_the_data(image_folder) -> None:
    folder = f"folder:{image_folder({'cat': 2, 'dog': 2})}"
    for name, right, wrong in (("digits", "7", "x"), (folder, "cat", "cow")):
        check_data(DataSpec(name=name), {"class_weights": [right]})
        with pytest.raises(UserError, match=f"unknown class in class_weights '{wrong}'"):
            check_data(DataSpec(name=name), {"class_weights": [wrong]})
    with pytest.raises(UserError, match="did you mean cat"):
        check_class_names({"costs": ["cet"]}, ("cat", "dog"))
