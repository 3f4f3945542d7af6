"""Stratified: every class has its shares in every split, while units stay whole.

Iterative stratification (Sechidis, Tsoumakas & Vlahavas, On the stratification of multi-label data, ECML 2011), for
units in a stream: the rarest class that is left is dealt out first, its largest unit to the split that lacks most of
that class, counted over what has a split already.

What holds: where units hold samples of one class each, at most g, and each gets its split here, then after any number
of commits no split has more than 2g/3 samples of a class above its share, and none lacks more than 4g/3. (When a unit
of u samples is dealt out, the lacks of its class add up to u or more, so that the split which lacks most lacks u/3 at
least, and has 2u/3 too many at most afterwards; what a later commit adds only raises lacks.) Units of several classes
come as close as the rarest of them lets them, and groups that had a split before count as they stand. The result
depends on what is dealt together and on the counts before, not on the order of the units.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from trueup.dataset.splitting.units import Setting, Unit, shares
from trueup.labels.naming import names_in
from trueup.model import Split, content_id

# The counter of all samples, beside those of classes, which are never empty.
ALL = ""


def split(units: Sequence[Unit], setting: Setting) -> list[Split]:
    """O(n log n) in the number of units, times the classes of each."""
    weights = [_weight(each) for each in units]
    table = _Lacks(setting, weights)
    found: dict[int, Split] = {}
    for name in table.rarest_first(weights):
        waiting = [index for index, each in enumerate(weights) if name in each and index not in found]
        waiting.sort(key=lambda index: (-weights[index][name], _draw(units[index], setting)))
        for index in waiting:
            found[index] = table.deal(name, weights[index])
    return [found[index] for index in range(len(units))]


class _Lacks:
    """How many samples of each class, and of all together, each split lacks."""

    def __init__(self, setting: Setting, weights: Sequence[Mapping[str, int]]) -> None:
        self._shares = {name: share for name, share in shares(setting.policy).items() if share > 0}
        coming: Counter[str] = Counter()
        for each in weights:
            coming.update(each)
        self._lacks = {name: self._lack(setting.held.get(name, {}), coming[name]) for name in coming}

    def rarest_first(self, weights: Sequence[Mapping[str, int]]) -> list[str]:
        """The classes by how many samples of them come; those without any class come last."""
        coming: Counter[str] = Counter()
        for each in weights:
            coming.update(each)
        return sorted(coming, key=lambda name: (name == ALL, coming[name], name))

    def deal(self, name: str, weight: Mapping[str, int]) -> Split:
        """The split that lacks most of the class, then most in all, then by the order of the splits."""
        chosen = max(self._shares, key=lambda each: (self._lacks[name][each], self._lacks[ALL][each]))
        for counted, number in weight.items():
            self._lacks[counted][chosen] -= number
        return chosen

    def _lack(self, held: Mapping[str, int], coming: int) -> dict[Split, float]:
        total = sum(held.values()) + coming
        return {each: share * total - held.get(each, 0) for each, share in self._shares.items()}


def _weight(unit: Unit) -> dict[str, int]:
    found = Counter(name for each in unit.lines for name in names_in(each.label))
    return {**found, ALL: len(unit.lines)}


def _draw(unit: Unit, setting: Setting) -> str:
    return content_id("stratified", setting.project, unit.key, setting.policy.splits.salt)
