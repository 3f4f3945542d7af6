"""Segments: lines sorted by sample id, by column, the same bytes for the same lines (docs/segments.md)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from trueup.dataset.segments.frames import frame_of, frame_of_removals, with_before
from trueup.dataset.segments.keys import is_hash
from trueup.dataset.segments.layout import Table, Written, written
from trueup.errors import ManifestError
from trueup.model import Change, LabelledSample, Removal

# Segments are cut at so many lines, so that whatever goes through a version can fan out over them.
MAX_ROWS = 250_000


def encode(changes: Iterable[Change]) -> bytes:
    """One segment; a sample given twice is kept once, the last one. Raises ManifestError."""
    return _segment(_last(changes), None).data


def segments_of(
    changes: Iterable[Change], before: Mapping[str, LabelledSample] | None = None, rows: int = MAX_ROWS
) -> Iterator[Written]:
    """Segments of `rows` lines at most, by id; a sample given twice is kept once, the last one. With `before`, the
    lines that these replace, they also tell what changed. Raises ManifestError."""
    ordered = _last(changes)
    for start in range(0, len(ordered), rows):
        yield _segment(ordered[start : start + rows], before)


def decode(data: bytes) -> list[Change]:
    """All lines by id. Raises ManifestError."""
    table = Table.of(data)
    every = slice(None)
    if not table.removed:
        return list(table.take(every).lines())
    changes: list[Change] = [*table.take(every).lines(), *table.take_gone(every).removals()]
    return sorted(changes, key=lambda each: each.sample_id)


def labelled(changes: Iterable[Change]) -> list[LabelledSample]:
    """Those that are no removals."""
    return [each for each in changes if isinstance(each, LabelledSample)]


def _last(changes: Iterable[Change]) -> list[Change]:
    last = {each.sample_id: each for each in changes}
    return [last[each] for each in sorted(last)]


def _segment(ordered: Sequence[Change], before: Mapping[str, LabelledSample] | None) -> Written:
    text = not all(is_hash(each.sample_id) for each in ordered)
    lines = frame_of(labelled(ordered), text=text)
    gone = frame_of_removals([each for each in ordered if isinstance(each, Removal)], text=text)
    if before is not None:
        lines, gone = with_before(lines, before), with_before(gone, before)
    return written(lines, gone)


__all__ = ["MAX_ROWS", "ManifestError", "Table", "Written", "decode", "encode", "labelled", "segments_of", "written"]
