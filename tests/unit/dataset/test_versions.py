"""Versions: content decides, history does not; a flipped byte is found."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.worlds import NOW
from trueup.adapters.memory import MemoryDatasetStore, World
from trueup.dataset.diff import diff
from trueup.dataset.segments import decode, encode
from trueup.dataset.splits import split_of
from trueup.dataset.verify import verify
from trueup.dataset.versions import content_of, next_version
from trueup.model import CommitPolicy, DatasetVersion, LabelledSample
from trueup.ports import Journal

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


def commit(store: MemoryDatasetStore, lines: list[LabelledSample]) -> DatasetVersion:
    head = store.head("pets")
    current = content_of(head, lambda sha: store.segment("pets", sha)) if head else {}
    segment = store.put_segment("pets", encode(lines), len({each.sample_id for each in lines}))
    version = next_version("pets", head, current, lines, segment, NOW, "test")
    store.commit(version, Journal(at=NOW))
    return version


labelled = st.builds(line, st.integers(0, 8), st.sampled_from(["cat", "dog"]))


@given(st.lists(st.lists(labelled, min_size=1, max_size=5), min_size=1, max_size=5))
def test_any_sequence_of_commits_verifies_and_diffs(batches: list[list[LabelledSample]]) -> None:
    store = MemoryDatasetStore(World())
    versions = [commit(store, batch) for batch in batches]
    contents = [content_of(each, lambda sha: store.segment("pets", sha)) for each in versions]
    for version in versions:
        assert verify(version, lambda s: store.segment("pets", s), lambda v: store.document("pets", v)) == []
    before, after = contents[0], contents[-1]
    rebuilt = {key: each.label for key, each in before.items()}
    for change in diff(before, after):
        rebuilt[change.sample_id] = str(change.after)
    assert rebuilt == {key: each.label for key, each in after.items()}


def test_content_hash_forgets_the_order_of_commits() -> None:
    one, other = MemoryDatasetStore(World()), MemoryDatasetStore(World())
    commit(one, [line(1, "cat")])
    first = commit(one, [line(2, "dog")])
    commit(other, [line(2, "dog")])
    second = commit(other, [line(1, "cat")])
    assert first.content_hash == second.content_hash
    assert first.version_id != second.version_id


def test_a_flipped_byte_and_a_missing_segment_are_found() -> None:
    store = MemoryDatasetStore(World())
    version = commit(store, [line(1, "cat"), line(2, "dog")])
    key = f"memory://pets/segments/{version.segments[0].sha256}"
    good = store.objects[key]
    store.objects[key] = good.replace(b"cat", b"cow")
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
