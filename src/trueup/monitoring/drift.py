"""Shift of the predicted classes between two spans of traffic."""

from __future__ import annotations

import math
from collections.abc import Mapping

_FLOOR = 0.5


def class_shift(before: Mapping[str, int], after: Mapping[str, int]) -> float:
    """Population stability index of two class counts, in nats; by custom 0.1 is worth a look, 0.25 is a shift.

    Empty cells count half an observation, so that a new class gives a large and finite index. 0 without data.
    """
    if not sum(before.values()) or not sum(after.values()):
        return 0.0
    classes = sorted(before.keys() | after.keys())
    old = {each: max(before.get(each, 0), _FLOOR) for each in classes}
    new = {each: max(after.get(each, 0), _FLOOR) for each in classes}
    old_total, new_total = sum(old.values()), sum(new.values())
    shares = [(old[each] / old_total, new[each] / new_total) for each in classes]
    return math.fsum((q - p) * math.log(q / p) for p, q in shares)
