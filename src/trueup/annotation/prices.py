"""What labeling services charge, by their list prices."""

from __future__ import annotations

import math
from collections.abc import Sequence

Tier = tuple[float, float]

# SageMaker pricing, Ground Truth, us-east-1, autumn 2026: up to so many labelled objects of a month, USD for each. How
# many people label an object does not matter to it; what a vendor's people cost comes on top, by answer.
GROUND_TRUTH: tuple[Tier, ...] = ((50_000, 0.08), (1_000_000, 0.04), (math.inf, 0.02))


def graduated(tiers: Sequence[Tier], before: int, count: int) -> float:
    """The price of `count` things after `before` of the same month, each at the price of the tier that it falls into.
    Tiers are (up to how many, price of one), in rising order."""
    total, low = 0.0, 0.0
    for high, price in tiers:
        total += max(0.0, min(before + count, high) - max(before, low)) * price
        low = high
    return round(total, 6)
