"""What changes amount to, counted a part at a time as they go by."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from trueup.dataset.diff import ADDED, KINDS, RELABELLED, REMOVED, RESTATED, Changed
from trueup.labels.naming import names_in
from trueup.model import DatasetVersion, Record, SampleChange

# What happened to samples of a class. A relabelled one left the class that it had, and came to the one that it has.
FROM, TO = "from", "to"
BY_CLASS = (ADDED, REMOVED, FROM, TO, RESTATED)


class Summary(Record, frozen=True, kw_only=True):
    """How many samples changed in each way; `classes` says the same of each class, in the words of BY_CLASS. Moves say
    nothing of a class."""

    added: int = 0
    removed: int = 0
    relabelled: int = 0
    moved: int = 0
    restated: int = 0
    classes: Mapping[str, Mapping[str, int]] = {}

    @property
    def counts(self) -> dict[str, int]:
        """Samples by what happened to them, of what did happen."""
        return {each: number for each in sorted(KINDS) if (number := getattr(self, each))}

    @property
    def changes(self) -> int:
        """As many as a diff has lines: a sample that was relabelled and moved has two."""
        return sum(self.counts.values())


class Tally:
    """Counts what it is shown; its memory follows the classes."""

    def __init__(self) -> None:
        self._kinds: Counter[str] = Counter()
        self._classes: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def add(self, part: Changed) -> None:
        self._kinds.update(part.counts())
        before, after = part.labels
        for kind, among, labels in (
            (ADDED, ADDED, after),
            (REMOVED, REMOVED, before),
            (FROM, RELABELLED, before),
            (TO, RELABELLED, after),
            (RESTATED, RESTATED, after),
        ):
            for label, number in labels.take(part.rows(among)).counts().items():
                for name in names_in(label or ""):
                    self._classes[name][kind] += number

    def passing(self, parts: Iterable[Changed]) -> Iterator[Changed]:
        """The same parts, counted as they go by."""
        for each in parts:
            self.add(each)
            yield each

    def summary(self) -> Summary:
        """Of what was counted so far."""
        return Summary(**self._kinds, classes={name: dict(self._classes[name]) for name in sorted(self._classes)})


def summary(parts: Iterable[Changed]) -> Summary:
    """The figures of some changes, of which one part at a time is looked at."""
    return glance(parts, 0)[1]


def glance(parts: Iterable[Changed], most: int) -> tuple[list[SampleChange], Summary]:
    """The first `most` changes, and the figures of all, of which one part at a time is looked at."""
    tally, first = Tally(), list[SampleChange]()
    for each in tally.passing(parts):
        if len(first) < most:
            first += islice(each, most - len(first))
    return first, tally.summary()


class ClassChange(Record, frozen=True, kw_only=True):
    """Labels of a class in two versions; `came` were added or relabelled into it, `left` went out of it."""

    name: str
    before: int
    after: int
    came: int
    left: int


class SplitChange(Record, frozen=True, kw_only=True):
    """Samples of a split in two versions."""

    name: str
    before: int
    after: int


class Between(Record, frozen=True, kw_only=True):
    """What lies between two versions. Classes that nothing changed are left out."""

    added: int
    removed: int
    relabelled: int
    moved: int
    restated: int
    by_class: tuple[ClassChange, ...]
    by_split: tuple[SplitChange, ...]


def between(before: DatasetVersion | None, after: DatasetVersion, told: Summary) -> Between:
    """`told` of the changes that lead from one to the other; without `before` everything is new."""
    return Between(
        **{each: getattr(told, each) for each in KINDS},
        by_class=_by_class(before.class_counts if before else {}, after.class_counts, told.classes),
        by_split=_by_split(before.split_counts if before else {}, after.split_counts),
    )


def _by_class(
    before: Mapping[str, int], after: Mapping[str, int], told: Mapping[str, Mapping[str, int]]
) -> tuple[ClassChange, ...]:
    changes = [
        ClassChange(
            name=name,
            before=before.get(name, 0),
            after=after.get(name, 0),
            came=kinds.get(ADDED, 0) + kinds.get(TO, 0),
            left=kinds.get(REMOVED, 0) + kinds.get(FROM, 0),
        )
        for name, kinds in told.items()
    ]
    return tuple(each for each in changes if each.came or each.left)


def _by_split(before: Mapping[str, int], after: Mapping[str, int]) -> tuple[SplitChange, ...]:
    return tuple(
        SplitChange(name=each, before=before.get(each, 0), after=after.get(each, 0))
        for each in ("train", "validation", "test")
        if before.get(each) or after.get(each)
    )
