"""What changed between two versions, told from what each version between them wrote: at the cost of the changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from trueup.labels.naming import names_in
from trueup.model import DatasetVersion, LabelledSample, Record


class ClassChange(Record, frozen=True, kw_only=True):
    """Labels of a class in both versions; `came` were added or relabelled into it, `left` went out of it."""

    name: str
    before: int
    after: int
    came: int
    left: int


class SplitChange(Record, frozen=True, kw_only=True):
    """Samples of a split in both versions."""

    name: str
    before: int
    after: int


class Difference(Record, frozen=True, kw_only=True):
    """`relabelled` counts a sample once for each version that gave it another label; `touched` counts samples of which
    anything was written. Classes that nothing changed are left out."""

    added: int
    removed: int
    relabelled: int
    touched: int
    by_class: tuple[ClassChange, ...]
    by_split: tuple[SplitChange, ...]


def difference(
    before: DatasetVersion | None,
    after: DatasetVersion,
    chain: Iterable[DatasetVersion],
    lines: Iterable[LabelledSample],
) -> Difference:
    """`chain` are the versions after `before` up to `after`, oldest first, and `lines` what they wrote, in the same
    order. Without `before` everything is new."""
    chain = list(chain)
    newest = {each.sample_id: each for each in lines}
    added = sum(each.added for each in chain)
    had = before.samples if before else 0
    return Difference(
        added=added,
        removed=had + added - after.samples,
        relabelled=sum(each.relabelled for each in chain),
        touched=len(newest),
        by_class=_by_class(before.class_counts if before else {}, after.class_counts, newest.values()),
        by_split=_by_split(before.split_counts if before else {}, after.split_counts),
    )


def _by_class(
    before: Mapping[str, int], after: Mapping[str, int], lines: Iterable[LabelledSample]
) -> tuple[ClassChange, ...]:
    """What left a class is what it would hold beside what came, and does not: the lines tell only what is now."""
    came = Counter(name for each in lines for name in names_in(each.label))
    changes = [_class(name, before, after, came) for name in sorted(before.keys() | after.keys() | came.keys())]
    return tuple(each for each in changes if each.came or each.left or each.before != each.after)


def _class(name: str, before: Mapping[str, int], after: Mapping[str, int], came: Mapping[str, int]) -> ClassChange:
    had, has, new = before.get(name, 0), after.get(name, 0), came.get(name, 0)
    return ClassChange(name=name, before=had, after=has, came=new, left=had + new - has)


def _by_split(before: Mapping[str, int], after: Mapping[str, int]) -> tuple[SplitChange, ...]:
    return tuple(
        SplitChange(name=each, before=before.get(each, 0), after=after.get(each, 0))
        for each in ("train", "validation", "test")
        if before.get(each) or after.get(each)
    )
