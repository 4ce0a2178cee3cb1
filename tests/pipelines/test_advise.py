"""`kerascnn advise`, and `train` of a data set alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PIL import Image

from kerascnn.recipe import load_recipe


def test_choices_are_printed_as_settings_with_reasons(kerascnn: Callable, workplace: Path) -> None:
    done = kerascnn("advise", "digits", "--set", "optimizer.learning_rate=0.05", "--out", "d.yaml")
    assert "no mirror: the classes are single letters or digits:\n  augment" in done.out
    assert "  model.name=airbench\n" in done.out
    assert "optimizer.learning_rate=" not in done.out
    assert done.out.endswith("to train so: kerascnn train --recipe d.yaml\n")
    recipe = load_recipe("d.yaml")
    assert (recipe.model.name, recipe.optimizer.learning_rate) == ("airbench", 0.05)


def test_a_data_set_alone_is_trained_as_advised(kerascnn: Callable, workplace: Path) -> None:
    done = kerascnn("train", "digits", "--image-size", "16", "--epochs", "1", "--dry-run")
    assert "  model.name=airbench\n" in done.out
    assert "name: airbench" in done.out
    assert "epochs: 1" in done.out


def test_mistakes_take_one_line(kerascnn: Callable, workplace: Path) -> None:
    for arguments, said in (
        (("advise", "digit"), "did you mean digits"),
        (("advise", "folder:nowhere"), "nowhere"),
        (("advise", "digits", "--out", "d.txt"), "--out d.txt: must end in .yaml"),
        (("train", "digits", "--epochs", "0"), "training.epochs"),
        (("train", "lenet5"), "train needs MODEL and DATASET"),
    ):
        done = kerascnn(*arguments)
        assert done.code == 2
        assert said in done.err
        assert done.err.count("\n") == 1


def test_a_table_of_several_labels_alone(kerascnn: Callable, workplace: Path) -> None:
    rows = ["path,label"]
    for number in range(16):
        Image.new("RGB", (20, 20), (15 * number, 0, 0)).save(workplace / f"{number}.png")
        rows.append(f"{number}.png,{'dark|soft' if number % 2 else 'soft'}")
    (workplace / "photos.csv").write_text("\n".join(rows))
    done = kerascnn("train", "csv:photos.csv", "--labels", "several", "--dry-run")
    assert done.code == 0
    assert "labels: several" in done.out
