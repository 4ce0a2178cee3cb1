"""The confusion matrix as a picture: what is in it, read back."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.patches import Rectangle

from kerascnn.visualization.confusion import draw_confusion, similar_first

CONFUSION = np.array([[90, 10, 0], [0, 0, 0], [1, 0, 1]])
CLASSES = ("cat", "dog", "a name that is much too long")


def test_rows_are_shares_of_the_true_class() -> None:
    axes = draw_confusion(CONFUSION, CLASSES, "a title").axes[0]
    (image,) = axes.get_images()
    shares = np.array([[0.9, 0.1, 0], [0, 0, 0], [0.5, 0, 0.5]])
    np.testing.assert_allclose(np.asarray(image.get_array()), shares)
    assert image.get_clim() == (0, 1)
    assert axes.get_title() == "a title"
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted", "true")


def test_counts_are_written_in_their_cells_and_can_be_read() -> None:
    axes = draw_confusion(CONFUSION, CLASSES, "").axes[0]
    written = {text.get_position(): (text.get_text(), text.get_color()) for text in axes.texts}
    assert written == {  # (column, row)
        (0, 0): ("90", "white"), (1, 0): ("10", "black"),
        (0, 2): ("1", "black"), (2, 2): ("1", "black"),
    }  # fmt: skip


def test_names_are_shortened_and_along_both_axes() -> None:
    axes = draw_confusion(CONFUSION, CLASSES, "").axes[0]
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text() for label in labels] == ["cat", "dog", "a name that is mu…"]


@pytest.mark.parametrize(
    ("classes", "names", "counts"), [(30, True, True), (31, True, False), (101, False, False)]
)
def test_what_is_left_out_where_there_is_no_room(classes: int, names: bool, counts: bool) -> None:
    labels = [str(number) for number in range(classes)]
    axes = draw_confusion(np.eye(classes, dtype=int), labels, "").axes[0]
    assert ([label.get_text() for label in axes.get_yticklabels()] == labels) == names
    assert bool(axes.texts) == counts


@pytest.mark.ci
def test_pictures_grow_with_the_classes_and_not_for_ever() -> None:
    sides = [
        draw_confusion(np.eye(n, dtype=int), [""] * n, "").get_size_inches()[1] for n in (2, 20, 60)
    ]
    assert sides[0] < sides[1] < sides[2] <= 24


@pytest.fixture(scope="module")
def thousand() -> np.ndarray:
    """A thousand classes of 50 examples; every 100th from 7 on is taken for the others of them."""
    random = np.random.default_rng(0)
    confusion = np.diag(np.full(1000, 40))
    for true in range(1000):
        np.add.at(confusion[true], random.integers(0, 1000, 3), 1)
    alike = np.arange(7, 1000, 100)
    for each in alike:
        confusion[each, alike] += 3
    confusion[3, 4] += 30
    return confusion


def test_of_a_thousand_classes_similar_ones_are_next_to_each_other(thousand) -> None:
    order = similar_first(thousand)
    assert sorted(order) == list(range(1000))
    places = np.flatnonzero(np.isin(order, np.arange(7, 1000, 100)))
    assert places.max() - places.min() == 9
    assert abs(np.flatnonzero(order == 3)[0] - np.flatnonzero(order == 4)[0]) == 1


def test_of_more_classes_than_can_be_seen_the_most_confused_are_drawn() -> None:
    confusion = np.diag(np.full(1200, 3))
    confusion[1100, 1150] = 9
    figure = draw_confusion(confusion, [f"class {number}" for number in range(1200)], "")
    matrix, bars = figure.axes[:2]
    assert matrix.get_xlabel().startswith("predicted: the most confused 1,000 of 1,200 classes")
    assert bars.get_yticklabels()[0].get_text() == "class 1100 as class 1150"
    shares = np.asarray(matrix.images[0].get_array())
    assert shares.shape == (1000, 1000)
    assert np.isclose(shares, 0.75).sum() == 1


def test_of_a_thousand_classes_the_largest_confusions_are_named(thousand) -> None:
    names = [f"class {number}" for number in range(1000)]
    figure = draw_confusion(thousand, names, "a title")
    bars = figure.axes[1]
    assert bars.get_yticklabels()[0].get_text() == "class 3 as class 4"
    share = thousand[3, 4] / thousand[3].sum()
    longest = bars.patches[0]
    assert isinstance(longest, Rectangle)
    assert longest.get_width() == pytest.approx(share)
    assert bars.texts[0].get_text().strip() == str(thousand[3, 4])
    assert len(bars.patches) == 25
