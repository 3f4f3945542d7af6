"""The facts of a card, gathered in one pass over a version's samples.

What a card should say follows Gebru et al., "Datasheets for Datasets" (2021), as far as it can be told from the data.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from msgspec.structs import replace

from trueup.dataset.annotators import IMPORTED
from trueup.dataset.cards.gaps import gaps_of
from trueup.dataset.diff import ADDED, MOVED, RELABELLED, REMOVED, RESTATED
from trueup.dataset.figures import TO, Summary
from trueup.labels.naming import names_in
from trueup.model import DatasetVersion, LabelledSample, LabelSchema, Record

BINS = 10
SPLITS = ("train", "validation", "test")
_MOST = 20
# What a card calls what happened to a class, and what its figures do.
_SAID = {ADDED: ADDED, REMOVED: REMOVED, RELABELLED: TO, RESTATED: RESTATED}


class ClassFigures(Record, frozen=True, kw_only=True):
    """One class. `splits` counts its samples in each; `agreement` is the mean over them."""

    name: str
    samples: int
    splits: Mapping[str, int]
    agreement: float


class SourceFigures(Record, frozen=True, kw_only=True):
    """Samples that came by one way: a strategy of selection, an import, somebody's feedback. `propensities` is the
    lowest and the highest probability with which they were chosen, where that is known."""

    name: str
    samples: int
    agreement: float
    propensities: tuple[float, float] | None = None


class CardFacts(Record, frozen=True, kw_only=True):
    """`agreements` and `posteriors` count samples in ten equal bins from 0 to 1. `balance` is the entropy of classes
    over its greatest (1: all as frequent). `changes` counts what happened since the parent, by class and kind.
    `annotators` are pseudonyms with the share of the labels from people that stand on their answers, the most
    first."""

    version: DatasetVersion
    schema: LabelSchema
    title: str
    classes: tuple[ClassFigures, ...]
    balance: float
    imbalance: float
    agreements: tuple[int, ...]
    posteriors: tuple[int, ...]
    sources: tuple[SourceFigures, ...]
    slices: Mapping[str, int]
    media: Mapping[str, int]
    groups: int
    greatest_group: int
    by_people: int
    oldest: datetime | None
    newest: datetime | None
    changes: Mapping[str, Mapping[str, int]]
    annotators: Mapping[str, float]
    gaps: tuple[str, ...] = ()


class _Tally:
    """What one pass over the samples adds up."""

    def __init__(self) -> None:
        self.classes: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.class_agreement: defaultdict[str, float] = defaultdict(float)
        self.sources: Counter[str] = Counter()
        self.source_agreement: defaultdict[str, float] = defaultdict(float)
        self.propensities: dict[str, tuple[float, float]] = {}
        self.slices: Counter[str] = Counter()
        self.media: Counter[str] = Counter()
        self.groups: Counter[str] = Counter()
        self.agreements = [0] * BINS
        self.posteriors = [0] * BINS
        self.by_people = 0
        self.oldest: datetime | None = None
        self.newest: datetime | None = None

    def add(self, sample: LabelledSample) -> None:
        for name in names_in(sample.label):
            self.classes[name][sample.split] += 1
            self.class_agreement[name] += sample.agreement
        self.agreements[_bin(sample.agreement)] += 1
        self.posteriors[_bin(sample.posterior)] += 1
        self.slices[sample.slice or ""] += 1
        self.media[sample.content_type] += 1
        self.groups[sample.group] += 1
        self.by_people += sample.consensus_id is not None or bool(sample.annotators)
        self._add_source(sample)
        self._add_time(sample.labelled_at)

    def _add_source(self, sample: LabelledSample) -> None:
        name, share = sample.selected_by, sample.propensity
        self.sources[name] += 1
        self.source_agreement[name] += sample.agreement
        if share is not None:
            low, high = self.propensities.get(name, (share, share))
            self.propensities[name] = (min(low, share), max(high, share))

    def _add_time(self, at: datetime | None) -> None:
        if at is not None:
            self.oldest = min(self.oldest or at, at)
            self.newest = max(self.newest or at, at)


def card_facts(
    version: DatasetVersion,
    samples: Iterable[LabelledSample],
    schema: LabelSchema,
    changes: Summary,
    title: str = "",
) -> CardFacts:
    """`changes` lie between the version's parent and it."""
    tally = _Tally()
    for each in samples:
        tally.add(each)
    classes = _classes(tally, schema)
    counts = [each.samples for each in classes]
    facts = CardFacts(
        version=version,
        schema=schema,
        title=title or version.project,
        classes=classes,
        balance=_balance(counts),
        imbalance=max(counts, default=0) / max(1, min(counts, default=1)),
        agreements=tuple(tally.agreements),
        posteriors=tuple(tally.posteriors),
        sources=_sources(tally),
        slices=_named(tally.slices),
        media=_named(tally.media),
        groups=len(tally.groups),
        greatest_group=max(tally.groups.values(), default=0),
        by_people=tally.by_people,
        oldest=tally.oldest,
        newest=tally.newest,
        changes=_changes(changes),
        annotators=_annotators(version),
    )
    return replace(facts, gaps=gaps_of(facts))


def _classes(tally: _Tally, schema: LabelSchema) -> tuple[ClassFigures, ...]:
    """Those of the schema first, in its order, whether there are any or not."""
    names = dict.fromkeys((*schema.names, *sorted(tally.classes)))
    return tuple(_class(tally, name) for name in names)


def _class(tally: _Tally, name: str) -> ClassFigures:
    splits = tally.classes.get(name, Counter())
    number = splits.total()
    agreement = tally.class_agreement[name] / number if number else 1.0
    return ClassFigures(name=name, samples=number, splits={each: splits[each] for each in SPLITS}, agreement=agreement)


def _sources(tally: _Tally) -> tuple[SourceFigures, ...]:
    return tuple(
        SourceFigures(
            name=name,
            samples=number,
            agreement=tally.source_agreement[name] / number,
            propensities=tally.propensities.get(name),
        )
        for name, number in tally.sources.most_common()
    )


def _annotators(version: DatasetVersion) -> dict[str, float]:
    """What was imported is nobody's answer."""
    counts = {name: sum(each.values()) for name, each in version.annotators.items() if name != IMPORTED}
    people = sum(number for name, number in version.strategy_counts.items() if name != IMPORTED)
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:_MOST]
    return {name: number / max(1, people) for name, number in ordered}


def _changes(told: Summary) -> dict[str, dict[str, int]]:
    """By the class that a sample has after it; of a removed one, before. A move counts under all classes."""
    found = {"": {MOVED: told.moved}} if told.moved else {}
    for name, kinds in told.classes.items():
        counts = {kind: kinds[said] for kind, said in _SAID.items() if said in kinds}
        found |= {name: found.get(name, {}) | counts} if counts else {}
    return found


def _named(counts: Counter[str]) -> dict[str, int]:
    """The most frequent, and how many the others are together under "…"."""
    found = dict(counts.most_common(_MOST))
    rest = counts.total() - sum(found.values())
    return {**found, "…": rest} if rest else found


def _balance(counts: Sequence[int]) -> float:
    total = sum(counts)
    if len(counts) < 2 or not total:
        return 1.0
    shares = [each / total for each in counts if each]
    return -sum(each * math.log(each) for each in shares) / math.log(len(counts))


def _bin(share: float) -> int:
    return min(BINS - 1, max(0, int(share * BINS)))
