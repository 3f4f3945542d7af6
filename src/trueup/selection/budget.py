"""How the labels that are left are shared out among the reasons that want them."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping


def allocate(wanted: Mapping[str, int], left: int | None, own: Mapping[str, int], seed: str) -> dict[str, int]:
    """As many as wanted, no more than each reason's `own` limit, `left` in all (None: without end).

    Where there are too few, each reason gets its share of them; what is not whole is settled by one coin (systematic
    sampling, Madow 1949), so that on average nobody is rounded away. The same seed throws the same coin.
    """
    asked = {name: max(0, min(number, own.get(name, number))) for name, number in wanted.items()}
    total = sum(asked.values())
    if left is None or total <= left:
        return asked
    share, coin = max(0, left) / total, _coin(seed)
    granted: dict[str, int] = {}
    reached = 0.0
    before = 0
    for name, number in asked.items():
        reached += number * share
        upto = min(math.floor(reached + coin + 1e-9), max(0, left))
        granted[name] = min(number, upto - before)
        before += granted[name]
    return granted


def _coin(seed: str) -> float:
    """In [0, 1)."""
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:6], "big") / 2**48
