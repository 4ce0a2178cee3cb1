"""What runs are written with."""

from __future__ import annotations

import importlib.util

from kerascnn.report import WRITES_WITH


def test_it_can_be_imported_beside_a_training() -> None:
    assert all(importlib.util.find_spec(name) for name in WRITES_WITH)
    assert "kerascnn.report.artifacts" in WRITES_WITH
