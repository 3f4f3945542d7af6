"""List prices of labeling services."""

from __future__ import annotations

import pytest

from trueup.annotation.prices import GROUND_TRUTH, graduated


@pytest.mark.parametrize(
    ("before", "objects", "price"),
    [
        (0, 0, 0.0),
        (0, 100, 8.0),
        (0, 50_000, 4000.0),
        (49_990, 20, 0.8 + 0.4),
        (50_000, 10, 0.4),
        (0, 1_000_010, 4000.0 + 38_000.0 + 0.2),
        (2_000_000, 5, 0.1),
    ],
)
def test_objects_get_cheaper_within_a_month(before: int, objects: int, price: float) -> None:
    assert graduated(GROUND_TRUTH, before, objects) == pytest.approx(price)
