"""What lies between two versions.

Versions that have segments in common at the bottom differ at most in what lies on top of them, and a version differs
from one that it descends from at most in what was written between. Only where neither helps all lines are compared,
column by column and a span of ids at a time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from trueup.dataset.merging import SPAN_ROWS, Span, Stack, spans
from trueup.dataset.segments.columns import Coded, Column, differ
from trueup.dataset.segments.columns import joined as joined_columns
from trueup.dataset.segments.frames import COLUMNS, WAS, Frame
from trueup.dataset.segments.keys import (
    Gapped,
    Keys,
    Mask,
    Positions,
    begins,
    distinct,
    in_order,
    joined,
    number_of,
    shared,
)
from trueup.dataset.view import View
from trueup.model import SampleChange, Segment

ADDED, REMOVED, RELABELLED, MOVED, RESTATED = "added", "removed", "relabelled", "moved", "restated"
KINDS = (ADDED, REMOVED, RELABELLED, MOVED, RESTATED)
# What says who set a line and not what it says.
_TIME = "since"
_BUT_KEY = tuple(each for each in COLUMNS if each not in ("label", "split", _TIME))


@dataclass(frozen=True)
class Changed:
    """Samples that differ, in order: their labels and splits before and after, nothing where there was none."""

    keys: Keys
    labels: tuple[Coded, Coded]
    splits: tuple[Coded, Coded]

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[SampleChange]:
        columns = (each.tolist() for each in (*self.labels, *self.splits))
        rows = zip(self.keys.ids(), *columns, strict=True)
        return iter([change for row in rows for change in _changes(*row)])

    def counts(self) -> dict[str, int]:
        """How many samples were added, removed, relabelled, moved and restated."""
        return {name: int(each.sum()) for name, each in self._kinds.items()}

    def rows(self, kind: str) -> Positions:
        """Those that were changed in this way."""
        return np.flatnonzero(self._kinds[kind])

    @cached_property
    def _kinds(self) -> Mapping[str, Mask]:
        there, stays = self.labels[0].there(), self.labels[1].there()
        both = there & stays
        relabelled, moved = both & differ(*self.labels), both & differ(*self.splits)
        masks = (~there, ~stays, relabelled, moved, both & ~relabelled & ~moved)
        return dict(zip(KINDS, masks, strict=True))


def diff(before: View, after: View) -> Iterator[SampleChange]:
    """Every sample that was added, removed, relabelled, moved between splits or restated, by sample id. A sample that
    was both relabelled and moved appears once for each. Raises ManifestError."""
    return (change for each in changes_between(before, after) for change in each)


def changes_between(
    before: View,
    after: View,
    between: Sequence[Sequence[Segment]] = (),
    *,
    apart: Sequence[Sequence[Segment]] = (),
    exactly: bool = False,
    rows: int = SPAN_ROWS,
) -> Iterator[Changed]:
    """What `diff` finds, by column. `between`: the deltas that lead from one to the other, the oldest first, where that
    is known. `apart`: what each wrote since a version that both came from. `exactly`: lines that say the same differ
    where other versions set them. Raises ManifestError."""
    pair = _Pair.of(before, after, (*_BUT_KEY, _TIME) if exactly else _BUT_KEY)
    if between and not exactly and _lines(between) < len(pair):
        deltas = [Stack(each, after.stack.opener) for each in between]
        if all(each.knows_before and each.text == pair.text for each in deltas):
            return _through(deltas, pair, rows)
    return pair.by_what_is_on_top(apart, rows) or pair.all(rows)


@dataclass(frozen=True)
class _Pair:
    """Two contents of one kind of ids, of whose lines the columns `names` are compared, and label and split."""

    one: Stack
    other: Stack
    names: Sequence[str]

    @classmethod
    def of(cls, before: View, after: View, names: Sequence[str]) -> _Pair:
        text = before.stack.text or after.stack.text
        return cls(before.stack.over(text=text), after.stack.over(text=text), ("label", "split", *names))

    @property
    def text(self) -> bool:
        return self.one.text

    def __len__(self) -> int:
        return _lines([self.one.segments, self.other.segments])

    def all(self, rows: int) -> Iterator[Changed]:
        found = (self._compared(self._whole(each)) for each in spans([self.one, self.other], rows))
        return (each for each in found if len(each))

    def by_what_is_on_top(self, apart: Sequence[Sequence[Segment]], rows: int) -> Iterator[Changed] | None:
        """Where they have segments in common at the bottom, or came from the same version, only what others speak of
        can differ. None where that is too much to look it up."""
        tops = min(self._tops(apart), key=_lines_of, default=None)
        if tops is None or 2 * _lines_of(tops) > len(self):
            return None
        found = (self.of_keys(_touched(tops, span)) for span in spans(tops, rows))
        return (each for each in found if len(each))

    def _tops(self, apart: Sequence[Sequence[Segment]]) -> Iterator[list[Stack]]:
        common = _common(self.one.segments, self.other.segments)
        if common:
            yield [each.above(common) for each in (self.one, self.other)]
        wrote = [Stack(each, self.other.opener, text=self.text) for each in apart]
        if wrote and all(each.text == self.text for each in wrote):
            yield wrote

    def of_keys(self, keys: Keys) -> Changed:
        return self._compared([each.at(keys, self.names) for each in (self.one, self.other)])

    def _whole(self, span: Span) -> list[Frame]:
        return [each.lines(span, self.names) for each in (self.one, self.other)]

    def _compared(self, frames: Sequence[Frame]) -> Changed:
        before, after = frames
        one, other = (Gapped(0, each) for each in shared(before.keys, after.keys))
        differing = np.flatnonzero(self._differing(before, after, one, other))
        removed, added = one.dropped, other.dropped
        was, now = one.positions[differing], other.positions[differing]
        rows = (
            np.concatenate([removed, _absent(added), was]),
            np.concatenate([_absent(removed), added, now]),
        )
        keys = [before.keys.take(removed), after.keys.take(added), after.keys.take(now)]
        return _changed([each for each in keys if len(each)], frames, rows)

    def _differing(self, before: Frame, after: Frame, one: Gapped, other: Gapped) -> Mask:
        """Of the rows that both have, which say something else."""
        found = np.zeros(number_of(one, len(before)), np.bool_)
        for name in self.names if len(found) else ():
            found |= differ(before.columns[name].take(one), after.columns[name].take(other))
        return found


def _changed(keys: Sequence[Keys], frames: Sequence[Frame], rows: tuple[Positions, Positions]) -> Changed:
    """`rows` of each frame, -1 where it has none, in the order of `keys`."""
    if not keys:
        return _NOTHING
    whole = joined(keys)
    order = in_order(whole)
    labels, splits = (
        tuple(frame.text(name).picked(each[order]) for frame, each in zip(frames, rows, strict=True))
        for name in ("label", "split")
    )
    return Changed(whole.take(order), (labels[0], labels[1]), (splits[0], splits[1]))


def _absent(rows: Positions) -> Positions:
    return np.full(len(rows), -1, np.int64)


def _touched(stacks: Sequence[Stack], span: Span) -> Keys:
    parts = [each for each in (stack.touched(span) for stack in stacks) if len(each)]
    return distinct(joined(parts)) if parts else Keys.none()


def _common(one: Sequence[Segment], other: Sequence[Segment]) -> int:
    """How many of the oldest segments are the same."""
    same = [mine.sha256 == theirs.sha256 for mine, theirs in zip(one, other, strict=False)]
    return same.index(False) if False in same else len(same)


# ---------------------------------------------------------------- where a chain of deltas leads from one to the other


def _through(deltas: Sequence[Stack], pair: _Pair, rows: int) -> Iterator[Changed]:
    for span in spans(deltas, rows):
        told = _told([_of_delta(each, span) for each in deltas])
        if len(told.keys):
            yield from _sure(told, pair)


@dataclass(frozen=True)
class _Told:
    """What deltas tell of samples; `times` how many of them do."""

    keys: Keys
    labels: tuple[Coded, Coded]
    splits: tuple[Coded, Coded]
    times: Positions

    def take(self, rows: Positions) -> Changed:
        one, other = self.labels, self.splits
        labels, splits = (one[0].take(rows), one[1].take(rows)), (other[0].take(rows), other[1].take(rows))
        return Changed(self.keys.take(rows), labels, splits)


def _of_delta(delta: Stack, span: Span) -> Changed:
    lines, gone = delta.lines(span, ("label", "split", *WAS)), delta.removals(span, WAS)
    nothing = Coded.nothing(len(gone))

    def pair(name: str) -> tuple[Coded, Coded]:
        was = f"was_{name}"
        return _one([lines.text(was), gone.text(was)]), _one([lines.text(name), nothing])

    keys = [each.keys for each in (lines, gone) if len(each)]
    return Changed(joined(keys) if keys else Keys.none(), pair("label"), pair("split"))


def _told(deltas: Sequence[Changed]) -> _Told:
    """Of each sample what the oldest delta says it was, and the newest what it is."""
    filled = [each for each in deltas if len(each)] or deltas[:1]
    keys = joined([each.keys for each in filled])
    order = in_order(keys)
    first = np.flatnonzero(begins(keys.take(order)))
    last = np.append(first[1:], len(order)) - 1
    oldest, newest = (order[each] if len(order) else order for each in (first, last[: len(first)]))

    def pair(of: Sequence[tuple[Coded, Coded]]) -> tuple[Coded, Coded]:
        was, now = (_one([each[side] for each in of]) for side in (0, 1))
        return was.take(oldest), now.take(newest)

    labels, splits = pair([each.labels for each in filled]), pair([each.splits for each in filled])
    return _Told(keys.take(oldest), labels, splits, last[: len(first)] - first + 1)


def _sure(told: _Told, pair: _Pair) -> Iterator[Changed]:
    """What changed. A sample that was changed twice, and has the label and the split again that it had, may be as it
    was: such are looked up."""
    was, now = told.labels[0].there(), told.labels[1].there()
    unlike = differ(*told.labels) | differ(*told.splits)
    unsure = (told.times > 1) & was & now & ~unlike
    sure = told.take(np.flatnonzero((was | now) & ~unsure))
    again = np.flatnonzero(unsure)
    found = [sure, pair.of_keys(told.keys.take(again))] if len(again) else [sure]
    yield from _in_order([each for each in found if len(each)])


def _in_order(parts: Sequence[Changed]) -> Iterator[Changed]:
    if len(parts) < 2:
        yield from parts
        return
    keys = joined([each.keys for each in parts])
    rows = in_order(keys)

    def pair(of: Sequence[tuple[Coded, Coded]]) -> tuple[Coded, Coded]:
        was, now = (_one([each[side] for each in of]).take(rows) for side in (0, 1))
        return was, now

    yield Changed(keys.take(rows), pair([each.labels for each in parts]), pair([each.splits for each in parts]))


def _one(columns: Sequence[Column]) -> Coded:
    whole = joined_columns(columns)
    return whole if isinstance(whole, Coded) else Coded.of(whole.tolist())


# ---------------------------------------------------------------- one change after the other


def _changes(
    sample_id: str, label: str | None, new_label: str | None, split: str | None, new_split: str | None
) -> list[SampleChange]:
    if label is None:
        return [SampleChange(sample_id, "added", None, new_label)]
    if new_label is None:
        return [SampleChange(sample_id, "removed", label, None)]
    found = []
    if label != new_label:
        found.append(SampleChange(sample_id, "relabelled", label, new_label))
    if split != new_split:
        found.append(SampleChange(sample_id, "moved", split, new_split))
    return found or [SampleChange(sample_id, "restated", label, new_label)]


def _lines_of(stacks: Iterable[Stack]) -> int:
    return _lines(each.segments for each in stacks)


def _lines(stacks: Iterable[Sequence[Segment]]) -> int:
    return sum(segment.samples for segments in stacks for segment in segments)


_NOTHING = Changed(Keys.none(), (Coded.nothing(0), Coded.nothing(0)), (Coded.nothing(0), Coded.nothing(0)))
