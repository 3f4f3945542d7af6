"""What goes through a whole version holds a part of it, however long it is: counted, not timed."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable

import pytest

from tests.unit.dataset.lines import hashed
from tests.unit.dataset.test_history import sample
from tests.worlds import NOW
from trueup.dataset.checkpoints import merged_segments
from trueup.dataset.diff import changes_between
from trueup.dataset.segments import Written, segments_of
from trueup.dataset.segments.cache import SegmentCache
from trueup.dataset.versions import Making, next_version
from trueup.dataset.view import View
from trueup.model import DatasetVersion, Removal, Segment

ROWS, SEGMENTS = 200, 40


class Tracked(bytearray):
    """Bytes of which one can tell whether anybody still holds them."""

    __hash__ = object.__hash__  # type: ignore[assignment]


class Disk:
    """Segments, of which it is known how many are held at once, and how often one was read."""

    def __init__(self, *parts: Iterable[Written]) -> None:
        self._data = {each.segment.sha256: each.data for part in parts for each in part}
        self._held: dict[int, weakref.ref[Tracked]] = {}
        self.most, self.reads = 0, 0

    def read(self, sha256: str) -> bytes:
        data = Tracked(self._data[sha256])
        self._held[self.reads] = weakref.ref(data)
        self.reads += 1
        self.most = max(self.most, sum(each() is not None for each in self._held.values()))
        return data  # type: ignore[return-value]

    def view(self, version: DatasetVersion | None, segments: Iterable[Segment]) -> View:
        """One that keeps the last two or three segments."""
        segments = tuple(segments)
        return View(version, self.read, segments, SegmentCache(3 * max(each.bytes for each in segments)))


LINES = [sample(number) for number in range(ROWS * SEGMENTS)]
BASE = list(segments_of(LINES, rows=ROWS))
OTHER = list(
    segments_of([sample(number, "dog" if number % 50 == 0 else "cat") for number in range(len(LINES))], rows=ROWS)
)
DELTA = list(segments_of([sample(5, "dog"), sample(len(LINES)), Removal(sample_id=hashed(7))]))


def segments(*parts: Iterable[Written]) -> list[Segment]:
    return [each.segment for part in parts for each in part]


def through_frames(disk: Disk) -> int:
    sizes = [len(each) for each in disk.view(None, segments(BASE, DELTA)).frames(rows=ROWS)]
    assert max(sizes) <= 2 * ROWS
    return sum(sizes)


def through_lines(disk: Disk) -> int:
    return sum(len(each.lines()) for each in disk.view(None, segments(BASE, DELTA)).frames(rows=ROWS))


def through_counts(disk: Disk) -> int:
    parts = disk.view(None, segments(BASE, DELTA)).counted(["label"], ROWS)
    return sum(times * len(part["label"]) for times, part in parts)


def through_checkpoint(disk: Disk) -> int:
    stack = disk.view(None, segments(BASE, DELTA)).stack
    sizes = [each.segment.samples for each in merged_segments(stack, oldest=True, rows=ROWS)]
    assert max(sizes) <= ROWS
    return sum(sizes)


@pytest.mark.parametrize("work", [through_frames, through_lines, through_counts, through_checkpoint])
def test_a_pass_holds_a_few_segments_and_reads_each_once(work: Callable[[Disk], int]) -> None:
    disk = Disk(BASE, DELTA)
    assert work(disk) == len(LINES)
    assert disk.most <= 6
    assert disk.reads <= 2 * (SEGMENTS + 1)


def test_a_diff_of_all_lines_holds_a_few_segments() -> None:
    disk = Disk(BASE, OTHER)
    before, after = (disk.view(None, segments(each)) for each in (BASE, OTHER))
    found = sum(len(each) for each in changes_between(before, after, rows=ROWS))
    assert found == len(LINES) // 50
    assert disk.most <= 10


def test_a_look_up_reads_what_may_hold_an_id_and_nothing_twice() -> None:
    disk = Disk(BASE, DELTA)
    view = disk.view(None, segments(BASE, DELTA))
    assert view.lookup([hashed(5), hashed(7)]).keys() == {hashed(5)}
    assert disk.reads == 1
    view.lookup([hashed(9)])
    assert disk.reads <= 3


def test_a_diff_along_the_history_reads_the_delta_alone() -> None:
    disk = Disk(BASE, DELTA)
    making = Making(project="pets", number=1, at=NOW, reason="test")
    first = next_version(None, {}, LINES, tuple(segments(BASE)), (), making)
    before = {hashed(each): sample(each) for each in (5, 7)}
    changes = [sample(5, "dog"), sample(len(LINES)), Removal(sample_id=hashed(7))]
    delta = list(segments_of(changes, before))
    disk = Disk(BASE, delta)
    second = next_version(first, before, changes, tuple(segments(delta)), first.segments, making)
    views = [disk.view(each, each.segments) for each in (first, second)]
    found = [change.change for each in changes_between(*views, [second.delta]) for change in each]
    assert sorted(found) == ["added", "relabelled", "removed"]
    assert disk.reads == 1


def test_the_cache_keeps_to_its_budget_and_knows_what_was_used_last() -> None:
    disk = Disk(BASE)
    cache = SegmentCache(3 * max(each.segment.bytes for each in BASE))
    names = [each.segment.sha256 for each in BASE[:4]]
    for each in [*names[:3], names[0], names[3], names[0]]:
        cache.open(each, disk.read)
        assert cache.bytes <= 3 * max(one.segment.bytes for one in BASE)
    assert disk.reads == 4
    cache.open(names[1], disk.read)
    assert disk.reads == 5
    SegmentCache(10).open(names[0], disk.read)
    assert disk.most <= 5
