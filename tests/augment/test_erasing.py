from __future__ import annotations

import numpy as np
import pytest


def erased_boxes(before, after):
    """For each image the rows and columns whose pixels changed, as (top, bottom, left, right)."""
    for old, new in zip(before, after, strict=True):
        changed = (old != new).any(axis=-1)
        rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
        if len(rows):
            top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
            assert changed[top:bottom, left:right].all()  # a full rectangle
            yield top, bottom, left, right


@pytest.mark.parametrize("before", [[], [{"name": "horizontal-flip", "probability": 0}]])
def test_cutout_overwrites_a_square_cut_off_at_the_edge(augment, before):
    images = np.full((3000, 20, 24, 3), 200, np.uint8)
    cut = augment([*before, {"name": "cutout", "size": 7, "value": 5}], images)
    assert set(np.unique(cut)) == {5, 200}
    boxes = np.array(list(erased_boxes(images, cut)))
    assert len(boxes) == 3000
    heights, widths = boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2]
    assert heights.max() == widths.max() == 7
    assert heights.min() == widths.min() == 4  # the centre stays inside
    whole = boxes[(heights == 7) & (widths == 7)]
    assert set(whole[:, 0]) == set(range(14))
    assert set(whole[:, 2]) == set(range(18))


def test_cutout_after_copies_equals_cutout_alone(augment, noise_images):
    images = noise_images(50, 12, 12, 3)
    still = {"name": "horizontal-flip", "probability": 0}
    shape = {"name": "cutout", "size": 5, "value": 77}
    fused = augment([still, "pad-crop", shape], images, fill="reflect", fill_value=3)
    # The same draws, one step at a time: an operation's numbers depend on its place in the list.
    moved = augment([still, "pad-crop"], images, fill="reflect")
    off = {"name": "contrast", "probability": 0}
    expected = augment([{"name": "blur", "probability": 0}, off, shape], moved)
    np.testing.assert_array_equal(fused, expected)


def test_random_erasing_keeps_area_and_aspect(augment):
    images = np.full((3000, 40, 40, 3), 255, np.uint8)
    operation = {"name": "random-erasing", "area": [0.05, 0.3], "aspect": [0.5, 2], "value": 0}
    boxes = np.array(list(erased_boxes(images, augment([operation], images))), float)
    assert len(boxes) == pytest.approx(1500, abs=120)  # its probability is one half
    heights, widths = boxes[:, 1] - boxes[:, 0], boxes[:, 3] - boxes[:, 2]
    areas = heights * widths / 1600
    assert areas.min() > 0.04
    assert areas.max() < 0.33
    assert areas.mean() == pytest.approx(0.175, abs=0.01)
    assert 0.4 < (widths / heights).min() < 0.6
    assert 1.7 < (widths / heights).max() < 2.4
    assert boxes[:, 0].min() == boxes[:, 2].min() == 0
    assert boxes[:, 1].max() == boxes[:, 3].max() == 40


def test_random_erasing_with_noise_fills_with_every_value(augment):
    images = np.zeros((200, 32, 32, 3), np.uint8)
    erased = augment([{"name": "random-erasing", "probability": 1}], images)
    values = erased[erased > 0]
    assert values.mean() == pytest.approx(128, abs=2)
    assert len(np.unique(values)) == 255
