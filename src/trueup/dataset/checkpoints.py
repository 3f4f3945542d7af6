"""Checkpoints: what a version holds, in fewer segments.

A commit only adds its delta, so segments pile up. A checkpoint merges the newest of them once there are `FEW` that none
older than them outweighs: a logarithmic method (Bentley and Saxe, Decomposable Searching Problems I, 1980; O'Neil et
al., The Log-Structured Merge-Tree, 1996). A line is merged into a run that is at least twice as large as the one that
it came from, so of n lines in commits of k each is written about log2(n / 8k) times in all, and a version is left with
as many runs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from trueup.dataset.merging import Stack, spans
from trueup.dataset.segments import MAX_ROWS, Written, written
from trueup.dataset.segments.frames import Frame, merged, no_rows
from trueup.model import Segment

FEW = 8


def due(segments: Sequence[Segment], few: int = FEW) -> int | None:
    """How many of the oldest segments are to stay as they are while all others are merged; None where nothing is."""
    runs = _runs(segments)
    lines = [sum(segments[place].samples for place in each) for each in runs]
    first, weight = len(runs), 0
    while first and (first == len(runs) or lines[first - 1] <= weight):
        first -= 1
        weight += lines[first]
    return runs[first].start if len(runs) - first >= few else None


def merged_segments(stack: Stack, *, oldest: bool, rows: int = MAX_ROWS) -> Iterator[Written]:
    """What a stack says in segments of about `rows` lines that follow one another. Removals go away with what they
    remove where nothing lies below the stack (`oldest`)."""
    held: list[tuple[Frame, Frame]] = []
    number = 0
    for span in spans([stack], max(1, rows // 4)):
        lines = stack.lines(span)
        gone = no_rows(("why",)) if oldest else stack.removals(span)
        if held and number + len(lines) + len(gone) > rows:
            yield _segment(held)
            held, number = [], 0
        if len(lines) + len(gone):
            held.append((lines, gone))
            number += len(lines) + len(gone)
    if held:
        yield _segment(held)


def _segment(held: Sequence[tuple[Frame, Frame]]) -> Written:
    lines, gone = ([each[side] for each in held] for side in (0, 1))
    return written(*(merged(each) if any(map(len, each)) else each[0] for each in (lines, gone)))


def _runs(segments: Sequence[Segment]) -> list[range]:
    """Segments that follow one another by their ids are one run."""
    starts = [
        place
        for place, each in enumerate(segments)
        if not place or not each.first or not segments[place - 1].last or each.first <= segments[place - 1].last
    ]
    return [range(start, stop) for start, stop in pairwise([*starts, len(segments)])]
