"""Which images a run is of: the part of a recipe."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from kerascnn.data.sources import parse
from kerascnn.errors import UserError
from kerascnn.spec import Spec

Size = Annotated[
    tuple[Annotated[int, Field(ge=1, le=16_384)], Annotated[int, Field(ge=1, le=16_384)]],
    BeforeValidator(lambda value: (value, value) if isinstance(value, int) else value),
]

LabelKind = Literal["one", "several"]


def check_label_kind(name: str, labels: LabelKind) -> None:
    """Refuses data whose images cannot have several labels.

    Args:
        name: Of the data set.
        labels: "one" of each image, or "several".

    Raises:
        UserError: For several labels of anything but a CSV file.
    """
    if labels == "several" and parse(name).kind != "csv":
        raise UserError(
            f"labels: several are read from csv:FILE, with cat|dog as a label or a 0/1 column a "
            f"class; {name} has one label an image"
        )


# Fields of one label an image: {field: why they do not go with several}.
_OF_ONE_LABEL = {
    "folds": "the parts would have to be alike in every label: give an image one label, or leave "
    "folds out",
    "train_on_validation": "the threshold of each label is chosen on the validation images",
    "balance": "an image of a rare label may have frequent ones too: leave it at none",
}


class DataSpec(Spec):
    """Which images, at which size, and how they are split; a bare name stands for a set."""

    name: str = Field(description="digits, a TFDS name such as mnist, folder:PATH or csv:PATH")
    test: str | None = Field(
        None,
        description="another set, named as `name` is, whose images are tested on: its own test "
        "split, or all of it; classes are matched by name",
    )
    labels: LabelKind = Field(
        "one", description="of an image; several, or none, are read from a csv:FILE"
    )
    image_size: Size | None = Field(None, description="(height, width); the data's own if unset")
    resize: Literal["crop", "stretch", "pad"] = Field(
        "crop", description="to image_size: cut out the centre, ignore the aspect, or pad"
    )
    colour: Literal["auto", "grey", "rgb"] = Field("auto", description="auto: the data's own")
    validation_fraction: float = Field(0.1, gt=0, lt=1, description="cut from the training split")
    test_fraction: float = Field(0.15, gt=0, lt=1, description="where the data has no test split")
    folds: int | None = Field(
        None,
        ge=2,
        le=1000,
        description="cross-validation: a network is tested on each of so many parts of the images "
        "and trained on the others, and a last one is trained on all",
    )
    fold: int | None = Field(
        None, ge=1, description="which of the folds is tested on, from 1; unset: all are trained on"
    )
    split_seed: int = Field(0, ge=0, le=2**32 - 1)
    train_fraction: float = Field(
        1.0, gt=0, le=1, description="of the training images that are used, the same of each class"
    )
    train_on_validation: bool = Field(
        False, description="train on the validation images too, once nothing is left to choose"
    )
    balance: Literal["none", "weights", "oversample"] = Field(
        "none", description="make up for classes of different size: in the loss, or in the batches"
    )
    skip_broken: bool = Field(False, description="leave unreadable files out instead of stopping")
    fix_list: str | None = Field(
        None, description="file of 'datasets check --fix-list': images to leave out or to relabel"
    )
    cache: Literal["auto", "memory", "disk", "none"] = Field(
        "auto", description="where decoded images are kept; auto: in memory if within the budget"
    )
    memory_budget: float | None = Field(
        None,
        gt=0,
        le=10**6,
        description="GiB of decoded images; a quarter of the free memory if unset",
    )
    shuffle_buffer: int = Field(
        10_000, ge=1, le=10**9, description="examples; only TFDS sets that are streamed need one"
    )

    @model_validator(mode="before")
    @classmethod
    def _named(cls, values: Any) -> Any:
        return {"name": values} if isinstance(values, str) else values

    @property
    def trains_on_all(self) -> bool:
        """Whether the validation images are trained on, too."""
        return self.train_on_validation or self.cross_validated

    @property
    def cross_validated(self) -> bool:
        """Whether each of the folds is tested on in its turn."""
        return self.folds is not None and self.fold is None

    @model_validator(mode="after")
    def _folds_agree(self) -> DataSpec:
        if self.fold is not None:
            if self.folds is None or self.fold > self.folds:
                count = "there are none" if self.folds is None else f"there are {self.folds}"
                raise UserError(f"fold: got {self.fold}, {count} (data.folds)")
            if self.test is not None:
                raise UserError("fold: is what is tested on: leave test out")
        if self.folds is not None and self.train_on_validation:
            raise UserError("train_on_validation: folds have their last network do so anyway")
        return self

    @model_validator(mode="after")
    def _labels_agree(self) -> DataSpec:
        if self.labels == "one":
            return self
        for name in filter(None, (self.name, self.test)):
            check_label_kind(name, self.labels)
        for field, reason in _OF_ONE_LABEL.items():
            value = getattr(self, field)
            if value != type(self).model_fields[field].default:
                raise UserError(f"{field}: got {value!r}, with several labels an image: {reason}")
        return self

    @field_validator("name", "test")
    @classmethod
    def _known(cls, name: str | None) -> str | None:
        if name is not None:
            parse(name)
        return name

    def in_shape(self, image_shape: tuple[int, int, int]) -> DataSpec:
        """Returns the same data, brought to the shape (H, W, C) that a network takes."""
        height, width, channels = image_shape
        colour = "grey" if channels == 1 else "rgb"
        return self.model_copy(update={"image_size": (height, width), "colour": colour})
