"""Lines of every kind, for tests of what is kept of them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

from hypothesis import strategies as st

from tests.worlds import NOW
from trueup.adapters.memory import MemoryDatasetStore
from trueup.dataset.segments import segments_of
from trueup.dataset.verify import verify
from trueup.dataset.versions import Making, next_version
from trueup.dataset.view import View
from trueup.model import Change, DatasetVersion, LabelledSample, Removal, Segment
from trueup.ports import DatasetStore, Journal
from trueup.usecases.making_versions import view_of

PROJECT = "pets"


def hashed(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


# Hashes far apart, hashes of which the first sixteen digits are the same, and ids that are no hashes.
spread = st.integers(0, 30).map(hashed)
close = st.integers(0, 6).map(lambda number: "ab" * 8 + f"{number:048x}")
texts = st.sampled_from(["a", "sample-1", "sample-10", "sample-2", "ä", "sample-1/π", "0" * 63, "A" * 64])
sample_ids = st.one_of(spread, close)
any_ids = st.one_of(spread, close, texts)

moments = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
shares = st.one_of(st.sampled_from([0.0, 0.5, 1.0]), st.floats(allow_nan=False))
portions = st.one_of(st.sampled_from([0.0, 2 / 3, 1.0]), st.floats(0, 1))
words = st.one_of(st.sampled_from(["cat", "dog", ""]), st.text(max_size=20))


@st.composite
def samples(draw: st.DrawFn, ids: st.SearchStrategy[str] = any_ids) -> LabelledSample:
    name = draw(ids)
    uris = [
        f"s3://b/p/payloads/{name[:2]}/{name}",
        f"memory://{name}",
        f"{name}{name}",
        f"s3://b/{name}\0.png",
        "\0i\0p",
    ]
    return LabelledSample(
        sample_id=name,
        label=draw(words),
        split=draw(st.sampled_from(["train", "validation", "test"])),
        group=draw(st.one_of(st.just(name), words)),
        content_type=draw(st.sampled_from(["text/plain", "image/png"])),
        payload_uri=draw(st.one_of(st.sampled_from(uris), st.text(max_size=12))),
        weight=draw(shares),
        posterior=draw(portions),
        agreement=draw(portions),
        consensus_id=draw(st.one_of(st.none(), spread.map(lambda each: each[:32]), words)),
        selected_by=draw(st.sampled_from(["import", "margin", "audit"])),
        propensity=draw(st.one_of(st.none(), shares)),
        labelled_at=draw(st.one_of(st.none(), moments)),
        slice=draw(st.one_of(st.none(), words)),
        since=draw(st.integers(0, 2**62)),
    )


def removals(ids: st.SearchStrategy[str] = any_ids) -> st.SearchStrategy[Removal]:
    return st.builds(Removal, sample_id=ids, why=st.sampled_from(["", "forgotten", "a mistake"]))


def changes(ids: st.SearchStrategy[str] = any_ids, most: int = 12) -> st.SearchStrategy[list[Change]]:
    """Each sample once."""
    either = st.one_of(samples(ids), samples(ids), removals(ids))
    return st.lists(either, max_size=most, unique_by=lambda each: each.sample_id)


def store_segments(
    store: DatasetStore,
    lines: Sequence[Change],
    before: dict[str, LabelledSample] | None = None,
    rows: int = 250_000,
) -> tuple[Segment, ...]:
    made = list(segments_of(lines, before, rows))
    for each in made:
        assert store.put_segment(PROJECT, each.data) == each.segment.sha256
    return tuple(each.segment for each in made)


def commit(store: MemoryDatasetStore, lines: Sequence[Change], rows: int = 250_000) -> DatasetVersion | None:
    """As the product does it, in segments of so few rows; None where nothing is left of the changes."""
    parent = store.head(PROJECT)
    segments = (store.checkpoint(PROJECT, parent.version_id) or parent.segments) if parent else ()
    before = view_of(store, PROJECT, parent, segments).lookup(each.sample_id for each in lines)
    left = [each for each in lines if isinstance(each, LabelledSample) or each.sample_id in before]
    left = [each for each in left if before.get(each.sample_id) != each]
    if not left:
        return None
    making = Making(project=PROJECT, number=parent.number + 1 if parent else 1, at=NOW, reason="test")
    delta = store_segments(store, left, before, rows)
    version = next_version(parent, before, left, delta, segments, making)
    store.commit(version, Journal(at=NOW))
    return version


def problems(store: MemoryDatasetStore, version: DatasetVersion) -> list[str]:
    return verify(
        version,
        lambda sha256: store.segment(PROJECT, sha256),
        lambda name: store.document(PROJECT, name),
        checkpoint=store.checkpoint(PROJECT, version.version_id),
    )


def held(view: View) -> dict[str, LabelledSample]:
    return {each.sample_id: each for each in view}
