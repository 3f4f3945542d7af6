"""Versions: content decides, history does not; a flipped byte is found."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worlds import NOW
from trueup.adapters.memory import MemoryDatasetStore, World
from trueup.dataset.diff import diff
from trueup.dataset.segments import decode, encode, segments_of
from trueup.dataset.splitting.by_group import split_of
from trueup.dataset.verify import verify
from trueup.dataset.versions import Making, next_version
from trueup.model import Change, CommitPolicy, DatasetVersion, LabelledSample, Removal
from trueup.ports import DatasetStore, Journal
from trueup.usecases.making_versions import view_of

POLICY = CommitPolicy()


def line(number: int, label: str) -> LabelledSample:
    name = f"{number:064x}"
    return LabelledSample(
        sample_id=name,
        label=label,
        split=split_of(name, POLICY, "pets"),
        group=name,
        content_type="text/plain",
        payload_uri=f"memory://{name}",
    )


def commit(store: MemoryDatasetStore, lines: Sequence[Change]) -> DatasetVersion:
    version = made(store, store.head("pets"), lines)
    store.commit(version, Journal(at=NOW))
    return version


def made(
    store: DatasetStore,
    parent: DatasetVersion | None,
    changes: Sequence[Change],
    project: str = "pets",
    at: datetime = NOW,
) -> DatasetVersion:
    """The version that changes make, with its segment stored and nothing committed."""
    last = list({each.sample_id: each for each in changes}.values())
    before = view_of(store, project, parent).lookup(each.sample_id for each in last)
    written = list(segments_of(last, before))
    for each in written:
        store.put_segment(project, each.data)
    delta = tuple(each.segment for each in written)
    making = Making(project=project, number=parent.number + 1 if parent else 1, at=at, reason="test")
    return next_version(parent, before, last, delta, parent.segments if parent else (), making)


labelled = st.builds(line, st.integers(0, 8), st.sampled_from(["cat", "dog"]))


@pytest.mark.slow
@given(st.lists(st.lists(labelled, min_size=1, max_size=5), min_size=1, max_size=5))
def test_any_sequence_of_commits_verifies_and_diffs(batches: list[list[LabelledSample]]) -> None:
    store = MemoryDatasetStore(World())
    versions = [commit(store, batch) for batch in batches]
    views = [view_of(store, "pets", each) for each in versions]
    for version in versions:
        assert verify(version, lambda s: store.segment("pets", s), lambda v: store.document("pets", v)) == []
    before, after = views[0], views[-1]
    rebuilt = {each.sample_id: each.label for each in before}
    for change in diff(before, after):
        rebuilt[change.sample_id] = str(change.after)
    assert rebuilt == {each.sample_id: each.label for each in after}


def test_a_sample_that_was_taken_out_is_gone_and_counted() -> None:
    store = MemoryDatasetStore(World())
    commit(store, [line(1, "cat"), line(2, "dog")])
    version = commit(store, [Removal(sample_id=line(1, "cat").sample_id)])
    assert [each.label for each in view_of(store, "pets", version)] == ["dog"]
    assert (version.samples, version.removed, version.class_counts) == (1, 1, {"dog": 1})
    assert verify(version, lambda s: store.segment("pets", s), lambda v: store.document("pets", v)) == []


def test_a_flipped_byte_and_a_missing_segment_are_found() -> None:
    store = MemoryDatasetStore(World())
    version = commit(store, [line(1, "cat"), line(2, "dog")])
    key = f"memory://pets/segments/{version.segments[0].sha256}"
    good = store.objects[key]
    store.objects[key] = good.replace(b"cat", b"cow")
    assert store.objects[key] != good
    assert (
        "does not hash" in verify(version, lambda s: store.segment("pets", s), lambda v: store.document("pets", v))[0]
    )
    del store.objects[key]
    assert "missing" in verify(version, lambda s: store.segment("pets", s), lambda v: store.document("pets", v))[0]


def test_splits_are_stable_and_near_their_shares() -> None:
    splits = [split_of(str(each), POLICY, "pets") for each in range(5000)]
    assert splits == [split_of(str(each), POLICY, "pets") for each in range(5000)]
    assert abs(splits.count("test") / 5000 - POLICY.test_share) < 0.03


def test_segments_round_trip() -> None:
    lines = [line(2, "dog"), line(1, "cat")]
    assert decode(encode(lines)) == sorted(lines, key=lambda each: each.sample_id)
