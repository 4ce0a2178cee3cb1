"""What is chosen for a data set where nothing is said, and that what is said is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import kerascnn
from kerascnn.advice import Advice, advise
from kerascnn.errors import UserError


def _folder(root: Path, counts: dict[str, int], side: int = 40) -> str:
    """Noise of a brightness that each class has for itself."""
    draws = np.random.default_rng(0)
    for level, (label, count) in enumerate(counts.items()):
        (root / label).mkdir(parents=True)
        for number in range(count):
            pixels = draws.integers(60 * level, 60 * level + 90, (side, side + number % 5, 3))
            Image.fromarray(pixels.astype(np.uint8)).save(root / label / f"{number}.png")
    return f"folder:{root}"


def _reason(advice: Advice, field: str) -> str:
    return next(choice.why for choice in advice.choices if field in choice.values)


def test_digits_are_not_mirrored_and_the_last_weights_are_kept() -> None:
    advice = advise("digits")
    names = [operation.name for operation in advice.recipe.augment.operations]
    assert "horizontal-flip" not in names
    assert "rotation" in names
    assert "single letters or digits" in _reason(advice, "augment.preset")
    assert (advice.recipe.training.keep, advice.recipe.training.early_stopping) == ("last", None)
    assert advice.recipe.optimizer.schedule.name == "one-cycle"
    assert advice.data.startswith("digits: 1,374 train")


def test_photographs_are_mirrored_and_brought_to_one_size(tmp_path: Path) -> None:
    advice = advise(_folder(tmp_path / "photos", {"dark": 12, "light": 12}, side=70))
    assert advice.recipe.augment.operations[0].name == "horizontal-flip"
    assert advice.recipe.augment.test_time.flip
    assert advice.recipe.data.image_size is not None
    assert "median is 70" in _reason(advice, "data.image_size")
    assert advice.recipe.data.balance == "none"


def test_the_fewer_images_the_more_epochs(tmp_path: Path) -> None:
    few = advise(_folder(tmp_path / "photos", {"dark": 12, "light": 12}))
    many = advise("digits")
    assert (few.recipe.training.epochs or 0) > (many.recipe.training.epochs or 0) > 0


def test_classes_of_different_size_are_weighted(tmp_path: Path) -> None:
    advice = advise(_folder(tmp_path / "photos", {"rare": 8, "common": 60}))
    assert advice.recipe.data.balance == "weights"
    assert "'common'" in _reason(advice, "data.balance")


@pytest.mark.realdata
def test_a_part_of_the_images_is_validated_with_a_part(test_data: Path) -> None:
    advice = advise("mnist", ["data.train_fraction=0.01"])
    assert advice.recipe.data.validation_fraction == pytest.approx(0.001)
    given = advise("mnist", ["data.train_fraction=0.01", "data.validation_fraction=0.05"])
    assert given.recipe.data.validation_fraction == 0.05


def test_several_labels_are_neither_weighted_nor_compared(tmp_path: Path) -> None:
    folder = _folder(tmp_path / "photos", {"dark": 8, "light": 8}).removeprefix("folder:")
    rows = [f"{path.relative_to(folder)},dark|soft" for path in Path(folder).rglob("*.png")]
    rows[3:8] = [row.replace("dark|soft", "soft") for row in rows[3:8]]
    (Path(folder) / "labels.csv").write_text("\n".join(["path,label", *rows]))
    advice = advise(f"csv:{folder}/labels.csv", labels="several")
    assert advice.recipe.data.labels == "several"
    assert "nothing tells" in _reason(advice, "augment.operations")


def test_what_is_given_stays_and_what_hangs_on_it_is_not_chosen() -> None:
    recipe = advise(
        "digits", ["model.filters=[8,8]"], epochs=3, optimizer="adam", augment="light"
    ).recipe
    assert recipe.model.options["filters"] == (8, 8)
    assert (recipe.training.epochs, recipe.training.time_limit) == (3, None)
    assert (recipe.optimizer.name, recipe.optimizer.ema) == ("adam", None)
    assert recipe.augment.preset == "light"
    assert recipe.training.keep == "last"


def test_a_longer_time_takes_the_place_of_both_ends() -> None:
    recipe = advise("digits", time_limit="10m").recipe
    assert (recipe.training.epochs, recipe.training.time_limit) == (None, 600)


def test_what_is_chosen_is_told_and_nothing_else() -> None:
    advice = advise("digits", learning_rate=0.05)
    fields = [field for choice in advice.choices for field in choice.values]
    assert "optimizer.learning_rate" not in fields
    assert "optimizer.momentum" in fields
    assert len(fields) == len(set(fields))
    assert all(choice.why for choice in advice.choices)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"epochs": 0}, "training.epochs"),
        ({"optimizer": "adm"}, "adam"),
        ({"epoch": 3}, "epochs"),
    ],
)
def test_what_cannot_be_is_said_before_the_data_is_read(
    fields: dict[str, Any], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=message):
        advise(f"folder:{tmp_path / 'none'}", **fields)


def test_a_network_of_small_images_is_moved_by_crops_and_further_than_one_of_photographs(
    trained: Path,
) -> None:
    advice = advise("digits", weights="first")
    recipe = advice.recipe
    assert (recipe.model.name, recipe.training.initialize) == ("lenet5", "first")
    assert [operation.name for operation in recipe.augment.operations] == ["pad-crop"]
    assert recipe.optimizer.learning_rate == 0.01
    assert "more to learn" in _reason(advice, "optimizer.learning_rate")
    assert (recipe.optimizer.backbone_rate, recipe.training.head_epochs) == (0.1, 5)
    fields = [field for choice in advice.choices for field in choice.values]
    assert len(fields) == len(set(fields))


@pytest.mark.ci
def test_data_alone_is_trained(workplace: Path) -> None:
    small = ["model.filters=[8,16,16]", "augment=none"]
    trained = kerascnn.train(
        data="digits", settings=small, epochs=3, image_size=16, batch_size=128, report=None
    )
    assert trained.run.params["model.name"] == "airbench"
    assert trained.run.recipe.training.keep == "last"
    assert trained.run.metrics["test_accuracy"] > 0.5
