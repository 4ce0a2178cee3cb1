"""Numbers as colours."""

from __future__ import annotations

import numpy as np

from kerascnn.visualization.heat import as_colours, in_rows, over, scaled


def test_values_are_scaled_by_the_largest_magnitude() -> None:
    np.testing.assert_allclose(scaled(np.array([[1.0, -4.0], [2.0, 0.0]])), [[0.25, -1], [0.5, 0]])
    np.testing.assert_array_equal(scaled(np.zeros((2, 2))), np.zeros((2, 2)))


def test_few_outliers_do_not_count() -> None:
    values = np.r_[np.ones(99), 50.0]
    np.testing.assert_allclose(scaled(values, quantile=0.9), 1)
    # Where most are zero, the quantile is; the rest is to be seen all the same.
    np.testing.assert_allclose(scaled(np.r_[np.zeros(99), -3.0], quantile=0.9)[-1], -1)


def test_colours_over_a_grey_image() -> None:
    image = np.full((2, 3, 3), (30, 60, 90), np.uint8)
    heat = np.zeros((2, 3))
    heat[0, 0] = 1
    red, blue = as_colours(np.array([[1.0, 0.0]]), "turbo")[0].astype(float)
    found = over(image, heat)
    assert found.dtype == np.uint8
    np.testing.assert_allclose(found[0, 0], (60 + red) / 2, atol=1)
    np.testing.assert_allclose(found[1, 2], (60 + blue) / 2, atol=1)
    assert over(image[..., :1], heat).shape == (2, 3, 3)


def test_groups_stay_together() -> None:
    rows = in_rows([list("abc"), list("de"), list("fghi"), list("j")])
    assert ["".join(row) for row in rows] == ["abcdefghi", "j"]
    assert [len(row) for row in in_rows([range(4)] * 5)] == [8, 8, 4]
    assert in_rows([range(20)]) == [list(range(20))]
