"""Intervals of shares."""

from __future__ import annotations

import math

# Two-sided 90 % interval of a normal variable.
Z90 = 1.6448536269514722


def wilson(right: float, total: float, z: float = Z90) -> tuple[float, float]:
    """Wilson's score interval of the share right / total, inside [0, 1]; counts may be expected ones. (0, 1) for no
    trial (Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22, 1927)."""
    if total <= 0:
        return 0.0, 1.0
    share, square = right / total, z * z / total
    middle = (share + square / 2) / (1 + square)
    spread = z / (1 + square) * math.sqrt(share * (1 - share) / total + square / (4 * total))
    return max(0.0, middle - spread), min(1.0, middle + spread)
