"""Versions: what one is called, and how it follows from its parent.

A version lists its segments in order; a later line for a sample replaces an earlier one. A commit writes one delta of
what changed, and counts from its parent's counts and the lines that it replaces, so its cost follows the change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec
import numpy as np

from trueup.dataset.annotators import annotator_counts, summed, with_changes
from trueup.dataset.documents import version_id_of
from trueup.dataset.merkle import merkle_root
from trueup.dataset.segments import labelled
from trueup.dataset.segments.columns import Column, Levels, Numbers, as_coded
from trueup.labels.naming import names_in
from trueup.model import Change, DatasetVersion, LabelledSample, Record, Segment, VersionQuality

_TALLIED = ("added", "removed", "relabelled", "moved", "restated")


class Making(Record, frozen=True, kw_only=True):
    """What a version is told about itself, beside its content."""

    project: str
    number: int
    at: datetime
    reason: str
    by: str = "trueup"
    branch: str = "main"
    merged: str | None = None
    policy_version: str = ""
    schema_version: str = ""
    quality: VersionQuality | None = None


class Counts(Record, frozen=True, kw_only=True):
    """The figures of some samples, which can be added and taken off."""

    samples: int
    classes: Mapping[str, int]
    splits: Mapping[str, int]
    slices: Mapping[str, int]
    strategies: Mapping[str, int]
    agreement: int
    posterior: int


class Difference(Record, frozen=True, kw_only=True):
    """What changes make of a version's figures: those of the lines that go and of those that come, and how many samples
    were added, removed, relabelled, moved or restated."""

    gone: Counts
    come: Counts
    tally: Mapping[str, int]
    annotators_gone: Mapping[str, Mapping[str, int]] = {}
    annotators_come: Mapping[str, Mapping[str, int]] = {}


def difference(before: Mapping[str, LabelledSample], changes: Sequence[Change]) -> Difference:
    """Of changes, each sample once; `before` has at least the lines that they replace."""
    gone = [before[each.sample_id] for each in changes if each.sample_id in before]
    come = labelled(changes)
    return Difference(
        gone=counts_of(gone),
        come=counts_of(come),
        tally=_tally(before, changes),
        annotators_gone=annotator_counts(gone),
        annotators_come=annotator_counts(come),
    )


def difference_of_all(parts: Iterable[Difference]) -> Difference:
    """Of changes that were looked at in parts."""
    found = list(parts)
    tally = Counter(dict.fromkeys(_TALLIED, 0))
    for each in found:
        tally.update(each.tally)
    return Difference(
        gone=sum_of(each.gone for each in found),
        come=sum_of(each.come for each in found),
        tally=dict(tally),
        annotators_gone=summed((each.annotators_gone, 1) for each in found),
        annotators_come=summed((each.annotators_come, 1) for each in found),
    )


def sum_of(parts: Iterable[Counts]) -> Counts:
    """The figures of samples that were counted in parts."""
    total = counts_of(())
    for each in parts:
        total = _sum(total, each, 1)
    return total


def next_version(
    parent: DatasetVersion | None,
    before: Mapping[str, LabelledSample],
    changes: Sequence[Change],
    delta: tuple[Segment, ...],
    segments: tuple[Segment, ...],
    making: Making,
) -> DatasetVersion:
    """The version that `changes` (each sample once) make of `parent`. `before` has the lines that they replace; `delta`
    is where the changes were written, and `segments` what they are written on top of."""
    return version_after(parent, difference(before, changes), delta, segments, making)


def version_after(
    parent: DatasetVersion | None,
    difference: Difference,
    delta: tuple[Segment, ...],
    segments: tuple[Segment, ...],
    making: Making,
) -> DatasetVersion:
    """The same of changes that are known by their figures."""
    base = counts_in(parent) if parent else counts_of(())
    counts = _sum(_sum(base, difference.come, 1), difference.gone, -1)
    whole = (*segments, *delta)
    nameless = DatasetVersion(
        project=making.project,
        version_id="",
        number=making.number,
        parent=parent.version_id if parent else None,
        segments=whole,
        delta=delta,
        root=merkle_root([each.sha256 for each in whole]),
        samples=counts.samples,
        classes=tuple(counts.classes),
        class_counts=counts.classes,
        split_counts=counts.splits,
        slice_counts=counts.slices,
        strategy_counts=counts.strategies,
        agreement_sum=counts.agreement,
        posterior_sum=counts.posterior,
        created_at=making.at,
        reason=making.reason,
        by=making.by,
        branch=making.branch,
        merged=making.merged,
        policy_version=making.policy_version,
        schema_version=making.schema_version,
        quality=making.quality or (parent.quality if parent else None),
        annotators=with_changes(
            parent.annotators if parent else {}, difference.annotators_come, difference.annotators_gone
        ),
        **difference.tally,
    )
    return msgspec.structs.replace(nameless, version_id=version_id_of(nameless))


def counts_of(samples: Iterable[LabelledSample]) -> Counts:
    """How many samples there are of each kind; a label may name several classes, or none."""
    lines = list(samples)
    return Counts(
        samples=len(lines),
        classes=_sorted(Counter(name for each in lines for name in names_in(each.label))),
        splits=_sorted(Counter(each.split for each in lines)),
        slices=_sorted(Counter(each.slice for each in lines if each.slice is not None)),
        strategies=_sorted(Counter(each.selected_by for each in lines)),
        agreement=sum(millionths(each.agreement) for each in lines),
        posterior=sum(millionths(each.posterior) for each in lines),
    )


# The columns that counts are made of.
COUNTED = ("label", "split", "slice", "selected_by", "agreement", "posterior")


def counts_of_columns(parts: Iterable[tuple[int, Mapping[str, Column]]]) -> Counts:
    """The same of lines by column (`COUNTED`), of which one part at a time is looked at. Each counts so many times."""
    texts: dict[str, Counter[str | None]] = {each: Counter() for each in COUNTED[:4]}
    sums, samples = dict.fromkeys(COUNTED[4:], 0), 0
    for times, part in parts:
        samples += times * len(part["label"])
        for name, counter in texts.items():
            counter.update({text: times * number for text, number in as_coded(part[name]).counts().items()})
        for name in sums:
            sums[name] += times * _millionths_in(part[name])
    classes: Counter[str] = Counter()
    for label, number in texts["label"].items():
        classes.update(dict.fromkeys(names_in(str(label)) if number else (), number))
    named = {name: _named(each) for name, each in texts.items()}
    return Counts(
        samples=samples,
        classes=_sorted(classes),
        splits=named["split"],
        slices=named["slice"],
        strategies=named["selected_by"],
        agreement=sums["agreement"],
        posterior=sums["posterior"],
    )


def counts_in(version: DatasetVersion) -> Counts:
    """What a version says of itself."""
    return Counts(
        samples=version.samples,
        classes=version.class_counts,
        splits=version.split_counts,
        slices=version.slice_counts,
        strategies=version.strategy_counts,
        agreement=version.agreement_sum,
        posterior=version.posterior_sum,
    )


def millionths(share: float) -> int:
    return round(share * 1_000_000)


def _named(counts: Mapping[str | None, int]) -> dict[str, int]:
    return _sorted({text: number for text, number in counts.items() if text is not None and number})


def _millionths_in(column: Column) -> int:
    assert isinstance(column, Numbers | Levels)  # noqa: S101
    if isinstance(column, Levels):
        worth = np.rint(column.levels * 1_000_000).astype(np.int64)
        return int((worth * np.bincount(column.codes, minlength=len(worth))).sum())
    return int(np.rint(column.array * 1_000_000).astype(np.int64).sum())


def same_but_for_its_time(before: LabelledSample, after: LabelledSample) -> bool:
    """Whether two lines say the same, whichever version set them."""
    return msgspec.structs.replace(before, since=0) == msgspec.structs.replace(after, since=0)


def is_news(before: LabelledSample | None, brought: LabelledSample) -> bool:
    """Whether an imported line tells what a version does not hold: also who gave a label of which nobody is known."""
    if before is None or before.label != brought.label:
        return True
    return bool(brought.annotators) and not before.annotators and before.consensus_id is None


def _sum(one: Counts, other: Counts, sign: int) -> Counts:
    return Counts(
        samples=one.samples + sign * other.samples,
        classes=_moved(one.classes, other.classes, sign),
        splits=_moved(one.splits, other.splits, sign),
        slices=_moved(one.slices, other.slices, sign),
        strategies=_moved(one.strategies, other.strategies, sign),
        agreement=one.agreement + sign * other.agreement,
        posterior=one.posterior + sign * other.posterior,
    )


def _moved(one: Mapping[str, int], other: Mapping[str, int], sign: int) -> dict[str, int]:
    found = {each: one.get(each, 0) + sign * other.get(each, 0) for each in one.keys() | other.keys()}
    return {each: found[each] for each in sorted(found) if found[each]}


def _tally(before: Mapping[str, LabelledSample], changes: Sequence[Change]) -> dict[str, int]:
    kinds: Counter[str] = Counter()
    for each in changes:
        kinds.update(_kinds(before.get(each.sample_id), each))
    return {name: kinds[name] for name in _TALLIED}


def _kinds(before: LabelledSample | None, after: Change) -> list[str]:
    if not isinstance(after, LabelledSample):
        return ["removed"]
    if before is None:
        return ["added"]
    happened = {"relabelled": before.label != after.label, "moved": before.split != after.split}
    return [name for name, did in happened.items() if did] or ["restated"]


def _sorted(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))
