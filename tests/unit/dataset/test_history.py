"""Histories of commits, removals and checkpoints: what is held is what a dictionary would hold, whatever the segments;
what lies between two versions leads from one to the other; nothing that is spoilt goes unnoticed."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.dataset.lines import (
    PROJECT,
    any_ids,
    changes,
    commit,
    hashed,
    held,
    problems,
    sample_ids,
    store_segments,
)
from trueup.adapters.memory import MemoryDatasetStore, World
from trueup.dataset.checkpoints import FEW, due, merged_segments
from trueup.dataset.diff import changes_between, diff
from trueup.dataset.segments import decode
from trueup.dataset.view import View
from trueup.model import Change, DatasetVersion, LabelledSample, Removal, SampleChange, Segment
from trueup.usecases.comparing_versions import parted
from trueup.usecases.making_versions import view_of

Content = dict[str, LabelledSample]


class History:
    """Versions that batches of changes make, with what they should hold."""

    def __init__(self, rows: int = 250_000) -> None:
        self.store = MemoryDatasetStore(World())
        self.rows = rows
        self.versions: list[DatasetVersion] = []
        self.contents: list[Content] = []

    def commit(self, batch: list[Change]) -> None:
        content = dict(self.contents[-1]) if self.contents else {}
        for each in batch:
            content.pop(each.sample_id, None)
            content |= {each.sample_id: each} if isinstance(each, LabelledSample) else {}
        version = commit(self.store, batch, self.rows)
        if version is not None:
            self.versions.append(version)
            self.contents.append(content)

    def checkpoint(self, kept: int) -> None:
        if not self.versions:
            return
        head = self.versions[-1]
        segments = self.store.checkpoint(PROJECT, head.version_id) or head.segments
        kept = min(kept, len(segments) - 1)
        stack = view_of(self.store, PROJECT, head, segments).stack.above(kept)
        made = list(merged_segments(stack, oldest=kept == 0, rows=self.rows))
        for each in made:
            self.store.put_segment(PROJECT, each.data)
        self.store.put_checkpoint(PROJECT, head.version_id, (*segments[:kept], *(each.segment for each in made)))

    def view(self, place: int) -> View:
        return view_of(self.store, PROJECT, self.versions[place])


def lived(steps: list[list[Change] | int], rows: int) -> History:
    history = History(rows)
    for step in steps:
        if isinstance(step, int):
            history.checkpoint(step)
        else:
            history.commit(step)
    return history


def histories(ids: st.SearchStrategy[str]) -> st.SearchStrategy[History]:
    """A number in between is a checkpoint that keeps so many segments."""
    steps = st.lists(st.one_of(changes(ids, 8), changes(ids, 8), st.integers(0, 3)), min_size=1, max_size=7)
    return st.builds(lived, steps, st.sampled_from([2, 3, 250_000]))


def expected(before: Content, after: Content) -> list[SampleChange]:
    found: list[SampleChange] = []
    for name in sorted(before.keys() | after.keys()):
        one, other = before.get(name), after.get(name)
        if one is None or other is None:
            kind = "added" if one is None else "removed"
            found.append(_change(name, kind, one and one.label, other and other.label))
        elif replace(one, since=0) != replace(other, since=0):
            kinds = [("relabelled", one.label, other.label), ("moved", one.split, other.split)]
            said = [_change(name, kind, was, now) for kind, was, now in kinds if was != now]
            found += said or [_change(name, "restated", one.label, other.label)]
    return found


def _change(name: str, kind: str, before: str | None, after: str | None) -> SampleChange:
    return SampleChange(sample_id=name, change=kind, before=before, after=after)  # type: ignore[arg-type]


@pytest.mark.slow
@settings(max_examples=30)
@given(histories(any_ids))
def test_versions_hold_what_was_committed(history: History) -> None:
    for place, (version, content) in enumerate(zip(history.versions, history.contents, strict=True)):
        view = history.view(place)
        assert list(view) == [content[each] for each in sorted(content)]
        assert len(view) == len(content)
        assert view.lookup([*content, "nobody", hashed(99)]) == content
        assert sum(len(each) for each in view.frames(("label",), 2)) == len(content)
        assert problems(history.store, version) == []


@pytest.mark.slow
@settings(max_examples=30)
@given(histories(any_ids), st.data())
def test_a_diff_leads_from_one_version_to_the_other(history: History, data: st.DataObject) -> None:
    places = st.integers(0, max(0, len(history.versions) - 1))
    if not history.versions:
        return
    one, other = data.draw(places), data.draw(places)
    before, after = history.view(one), history.view(other)
    wanted = expected(history.contents[one], history.contents[other])
    assert list(diff(before, after)) == wanted
    assert [each for part in changes_between(before, after, rows=2) for each in part] == wanted
    found = parted(history.store, history.versions[one], history.versions[other])
    assert found is not None
    assert len(found.between) == max(0, other - one)
    steps = abs(other - one)
    assert not steps or parted(history.store, history.versions[one], history.versions[other], steps - 1) is None
    for rows in (2, 100_000):
        for parts in (
            changes_between(before, after, found.between, rows=rows),
            changes_between(before, after, apart=found.apart, rows=rows),
        ):
            assert [each for part in parts for each in part] == wanted
    apart = View.of_lines(history.contents[one].values())
    assert list(diff(apart, after)) == wanted


@pytest.mark.slow
@settings(max_examples=40)
@given(histories(sample_ids), st.data())
def test_a_flipped_bit_is_found_wherever_it_lies(history: History, data: st.DataObject) -> None:
    if not history.versions:
        return
    version = data.draw(st.sampled_from(history.versions))
    names = [f"memory://{PROJECT}/segments/{each.sha256}" for each in version.segments]
    name = data.draw(st.sampled_from([*names, f"memory://{PROJECT}/versions/{version.version_id}"]))
    spoilt = bytearray(history.store.objects[name])
    spoilt[data.draw(st.integers(0, len(spoilt) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    history.store.objects[name] = bytes(spoilt)
    (problem,) = problems(history.store, version)
    assert "does not hash to its name" in problem


def test_verify_finds_what_hashes_do_not_tell() -> None:
    history = History()
    history.commit([sample(1), sample(2)])
    (version,) = history.versions
    wrong = [
        (replace(version, class_counts={"cat": 3}), "classes says"),
        (replace(version, root="0" * 64), "root says"),
        (replace(version, posterior_sum=1), "posterior says"),
        (replace(version, segments=(replace(version.segments[0], samples=3),)), "holds 2 samples"),
        (replace(version, segments=(replace(version.segments[0], last=hashed(5)),)), "reaches from"),
    ]
    for each, says in wrong:
        assert any(says in problem for problem in problems(history.store, each)), says


def test_verify_finds_a_checkpoint_that_says_something_else() -> None:
    history = History()
    history.commit([sample(1), sample(2)])
    (version,) = history.versions
    other = store_segments(history.store, [sample(1), replace(sample(2), since=7)], None, 10)
    history.store.put_checkpoint(PROJECT, version.version_id, other)
    assert problems(history.store, version) == ["version 1: its checkpoint says something else of 1 samples"]


def sample(number: int, label: str = "cat") -> LabelledSample:
    name = hashed(number)
    return LabelledSample(
        sample_id=name, label=label, split="train", group=name, content_type="text/plain", payload_uri=f"s3://b/{name}"
    )


def run(lines: int, place: int = 0) -> Segment:
    """A segment over nearly all ids, so that no two follow one another."""
    return Segment(sha256=f"{place:064x}", samples=lines, bytes=1, first="0" * 64, last="f" * 64)


def test_few_segments_stay_and_a_large_one_is_left_alone() -> None:
    assert due([]) is None
    assert due([run(1_000_000), *[run(50)] * (FEW - 1)]) is None
    assert due([run(1_000_000), *[run(50)] * FEW]) == 1
    assert due([*[run(50)] * FEW]) == 0
    assert due([run(10_000), run(400), *[run(50)] * FEW]) == 1
    assert due([run(10_000), run(401), *[run(50)] * FEW]) == 2


def test_segments_that_follow_one_another_are_one_run() -> None:
    halves = [
        Segment(sha256="1" * 64, samples=200_000, bytes=1, first="0" * 64, last="7" + "0" * 63),
        Segment(sha256="2" * 64, samples=200_000, bytes=1, first="8" + "0" * 63, last="f" * 64),
    ]
    assert due([*halves, *[run(49_999)] * FEW]) == 2
    assert due([*halves, *[run(50_000)] * FEW]) == 0
    small = [
        Segment(sha256="3" * 64, samples=1, bytes=1, first=f"{each}" * 64, last=f"{each}" * 64) for each in range(8)
    ]
    assert due(small) == 0


@given(st.lists(st.integers(1, 5_000), min_size=1, max_size=300))
def test_what_is_written_again_and_what_is_left_grow_by_the_logarithm(sizes: list[int]) -> None:
    """A line goes into a run at least twice as large, but for one time when it was the newest."""
    runs: list[tuple[int, list[int]]] = []
    times: Counter[int] = Counter()
    for number, lines in enumerate(sizes):
        runs.append((lines, [number]))
        kept = due([run(each, place) for place, (each, _) in enumerate(runs)])
        if kept is None:
            continue
        merged = [one for _, members in runs[kept:] for one in members]
        times.update(merged)
        runs = [*runs[:kept], (sum(each for each, _ in runs[kept:]), merged)]
    total = sum(sizes)
    for number, count in times.items():
        assert 2 ** (count - 2) * sizes[number] <= total
    assert len(runs) <= FEW * (1 + total.bit_length())


def test_removals_go_away_only_at_the_bottom() -> None:
    history = History()
    history.commit([sample(1), sample(2)])
    history.commit([Removal(sample_id=hashed(1))])
    history.commit([sample(3)])
    history.checkpoint(1)
    head = history.versions[-1]
    above = history.store.checkpoint(PROJECT, head.version_id)
    assert above is not None
    lines = decode(history.store.segment(PROJECT, above[-1].sha256))
    assert Removal(sample_id=hashed(1)) in lines
    history.checkpoint(0)
    (bottom,) = history.store.checkpoint(PROJECT, head.version_id) or ()
    assert bottom.removed == 0
    assert held(view_of(history.store, PROJECT, head, [bottom])).keys() == {hashed(2), hashed(3)}
