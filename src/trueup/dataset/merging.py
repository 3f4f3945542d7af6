"""Segments on top of one another become one content, a span of ids at a time.

A later line for a sample replaces an earlier one, and a removal takes it out. Whatever lies within a span is in memory
at once and no more, so the memory that a pass needs follows the length of spans and not that of versions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trueup.dataset.segments.columns import Column
from trueup.dataset.segments.frames import COLUMNS, GONE, Frame, merged, no_rows
from trueup.dataset.segments.keys import Gapped, Heads, Keys, Mask, Positions, Rows, distinct, find, head_of, joined
from trueup.dataset.segments.layout import Table
from trueup.model import Segment

SPAN_ROWS = 131_072
_END = 1 << 64
_LARGER = 30 * 2**20

Open = Callable[[Segment], Table]


@dataclass(frozen=True)
class Span:
    """Ids whose heads are at least `low` and below `high`."""

    low: int = 0
    high: int = _END

    def rows(self, keys: Keys) -> slice:
        return slice(_place(keys.heads, self.low), _place(keys.heads, self.high))

    def meets(self, segment: Segment, *, text: bool) -> bool:
        if not segment.first:
            return True
        return head_of(segment.first, text=text) < self.high and head_of(segment.last, text=text) >= self.low


class Stack:
    """Segments in order, the newest last. `open` reads one."""

    def __init__(self, segments: Sequence[Segment], opener: Open, *, text: bool = False) -> None:
        self.segments = tuple(segments)
        self.opener = opener
        self.text = text or any(self._is_text(each) for each in self.segments)

    def over(self, *, text: bool) -> Stack:
        """The same where ids count as text, if they have to."""
        return self if text == self.text else Stack(self.segments, self.opener, text=text)

    def above(self, number: int) -> Stack:
        """Without so many of the oldest segments."""
        return Stack(self.segments[number:], self.opener, text=self.text)

    @property
    def lines_written(self) -> int:
        return sum(each.samples for each in self.segments)

    @property
    def knows_before(self) -> bool:
        """Whether each of its segments tells what it replaced."""
        return all(self.opener(each).knows_before for each in self.segments)

    def tables(self, span: Span) -> list[Table]:
        """Those that may hold something of a span."""
        return [self.opener(each) for each in self.segments if span.meets(each, text=self.text)]

    def lines(self, span: Span, names: Iterable[str] = COLUMNS) -> Frame:
        """What they hold together. Raises ManifestError, and what opening a segment does."""
        names = tuple(names)
        tables, newer, parts = self.tables(span), list[Keys](), list[Frame]()
        for table in reversed(tables):
            keys, gone = self._keys(table)
            rows = span.rows(keys)
            there = keys.take(rows)
            parts.append(self._as_asked(table.take(_left(rows, there, newer), names)))
            newer += [there, gone.take(span.rows(gone))]
        return merged(parts) if any(map(len, parts)) else no_rows(names)

    def counted(self, span: Span, names: Iterable[str]) -> Iterator[tuple[int, Mapping[str, Column]]]:
        """Columns of the same lines to be counted: in no order, without their ids, and first (1) with those that
        something newer replaces, which are taken off again (-1)."""
        names, newer = tuple(names), list[Keys]()
        for table in reversed(self.tables(span)):
            keys, gone = self._keys(table)
            rows = span.rows(keys)
            there = keys.take(rows)
            left = _left(rows, there, newer)
            yield 1, table.columns(rows, names)
            if isinstance(left, Gapped):
                yield -1, table.columns(left.dropped, names)
            newer += [there, gone.take(span.rows(gone))]

    def removals(self, span: Span, names: Iterable[str] = GONE) -> Frame:
        """Which samples they take out, of whatever lies below them."""
        names = tuple(names)
        newer, parts = list[Keys](), list[Frame]()
        for table in reversed(self.tables(span)):
            keys, gone = self._keys(table)
            rows = span.rows(gone)
            there = gone.take(rows)
            if len(there):
                parts.append(self._as_asked(table.take_gone(_left(rows, there, newer), names)))
            newer += [keys.take(span.rows(keys)), there]
        return merged(parts) if any(map(len, parts)) else no_rows(names)

    def touched(self, span: Span) -> Keys:
        """The ids of a span that they say something of, each once."""
        parts = [each.take(span.rows(each)) for table in self.tables(span) for each in self._keys(table)]
        return distinct(joined(parts)) if parts else Keys.none()

    def at(self, wanted: Keys, names: Iterable[str] = COLUMNS) -> Frame:
        """The lines of those of `wanted`, which are in order, that they hold together. Reads only segments that may
        hold one. Raises ManifestError, and what opening a segment does."""
        names = tuple(names)
        found = [self._as_asked(table.take(lines, names)) for table, lines, _ in self._newest(wanted)]
        return merged(found) if any(map(len, found)) else no_rows(names)

    def gone(self, wanted: Keys, names: Iterable[str] = GONE) -> Frame:
        """The same of what they take out of whatever lies below them: the newest removals."""
        names = tuple(names)
        found = [self._as_asked(table.take_gone(gone, names)) for table, _, gone in self._newest(wanted) if len(gone)]
        return merged(found) if found else no_rows(names)

    def _newest(self, wanted: Keys) -> Iterator[tuple[Table, Positions, Positions]]:
        """Of the segments that may say something of what is wanted, the newest first: which of its lines and of its
        removals nothing newer replaces."""
        left = wanted
        for segment in reversed(self.segments):
            rows = self._reach(segment, left)
            if rows.start >= rows.stop:
                continue
            table, asked = self.opener(segment), left.take(rows)
            lines, gone = (find(each, asked) for each in self._keys(table))
            yield table, lines[lines >= 0], gone[gone >= 0]
            left = _but(left, rows, (lines < 0) & (gone < 0))

    def _reach(self, segment: Segment, keys: Keys) -> slice:
        if not segment.first:
            return slice(0, len(keys))
        low, high = (head_of(each, text=self.text) for each in (segment.first, segment.last))
        return slice(_place(keys.heads, low), _place(keys.heads, high + 1))

    def _keys(self, table: Table) -> tuple[Keys, Keys]:
        if self.text and not table.text:
            return table.keys.as_text(), table.gone_keys.as_text()
        return table.keys, table.gone_keys

    def _as_asked(self, frame: Frame) -> Frame:
        return Frame(frame.keys.as_text(), frame.columns) if self.text else frame

    def _is_text(self, segment: Segment) -> bool:
        return not segment.first and self.opener(segment).text


def spans(stacks: Sequence[Stack], rows: int = SPAN_ROWS) -> Iterator[Span]:
    """All ids, cut so that the stacks together have about so many lines in each span. Large segments that follow one
    another are opened one after the other."""
    _teach_malloc()
    text = any(each.text for each in stacks)
    stacks = [each.over(text=text) for each in stacks]
    large = [each for stack in stacks for each in stack.segments if each.first and each.samples > rows // 2]
    bounds = sorted({head_of(each.first, text=text) for each in large} - {0})
    for low, high in zip([0, *bounds], [*bounds, _END], strict=True):
        yield from _cut(stacks, Span(low, high), rows)


def _teach_malloc() -> None:
    """glibc gives every array of a span back to the kernel and asks for it again page by page, which is half the time
    of a pass, until a larger one was freed (mallopt(3), on M_MMAP_THRESHOLD). This one is never touched."""
    np.empty(_LARGER, np.uint8)


def _cut(stacks: Sequence[Stack], span: Span, rows: int) -> Iterator[Span]:
    heads = []
    for stack in stacks:
        for table in stack.tables(span):
            heads += [each.heads[span.rows(each)] for each in stack._keys(table)]
    step = max(1, rows // 64)
    marks = np.sort(np.concatenate([each[step - 1 :: step] for each in heads])) if heads else np.empty(0, np.uint64)
    cuts = [each for each in dict.fromkeys(marks[63::64].tolist()) if each > span.low]
    for low, high in zip([span.low, *cuts], [*cuts, span.high], strict=True):
        yield Span(low, high)


def _left(rows: slice, keys: Keys, newer: Sequence[Keys]) -> Rows:
    """Those of `rows`, whose keys these are, that nothing newer replaces."""
    replaced = [find(keys, each) for each in newer if len(each)]
    replaced = [each[each >= 0] for each in replaced]
    if not any(map(len, replaced)):
        return rows
    keep = np.ones(len(keys), np.bool_)
    for each in replaced:
        keep[each] = False
    return Gapped(rows.start, keep)


def _but(keys: Keys, rows: slice, rest: Mask) -> Keys:
    keep = np.ones(len(keys), np.bool_)
    keep[rows] = rest
    return keys.take(np.flatnonzero(keep))


def _place(heads: Heads, head: int) -> int:
    return len(heads) if head >= _END else int(np.searchsorted(heads, np.uint64(head)))
