"""By many: the same version, the same problems, as by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.worlds import NOW, project
from trueup.adapters.memory import FixedClock, MemoryDatasetStore, MemoryExportSink, MemoryPayloadStore, World
from trueup.dataset.parts import parts_of
from trueup.dataset.segments import segments_of
from trueup.dataset.verify import verify
from trueup.errors import HeadMovedError, InputError, NotFoundError, RetryableError
from trueup.model import Change, DatasetVersion, LabelledSample, Removal, Segment, content_id
from trueup.usecases.bulk.exporting import Exports
from trueup.usecases.bulk.jobs import Bulk, Concluded
from trueup.usecases.bulk.run import BulkVersions, Planned, in_memory
from trueup.usecases.export_version import ExportVersion
from trueup.usecases.making_versions import MakeVersion, Proposal, view_of

ROWS = 4
PROJECT = project()


def line(number: int, label: str = "cat", split: str = "train") -> LabelledSample:
    name = content_id(str(number))
    return LabelledSample(
        sample_id=name, label=label, split=split, group=name, content_type="text/plain", payload_uri=f"s3://b/{name}"
    )


class Place:
    """A dataset and the workflow over it, step by step, as Step Functions would take them: through JSON."""

    def __init__(self, rows: int = ROWS) -> None:
        self.datasets = MemoryDatasetStore(World())
        self.clock = FixedClock(NOW)
        projects = {"pets": PROJECT}
        export = ExportVersion(projects, self.datasets, MemoryPayloadStore())
        exports = Exports(export, MemoryExportSink, "dataset")
        self.bulk = BulkVersions(projects, self.datasets, exports, self.clock, rows)

    def make(self, changes: Sequence[Change]) -> DatasetVersion | None:
        make = MakeVersion(datasets=self.datasets, clock=self.clock)
        return make(PROJECT, lambda _: Proposal(changes=changes), "by one")

    def stage(self, changes: Sequence[Change]) -> tuple[Segment, ...]:
        made = list(segments_of(changes))
        for each in made:
            self.datasets.put_segment("pets", each.data)
        return tuple(each.segment for each in made)

    def commit(self, changes: Sequence[Change], run: str = "r") -> Concluded:
        return self.run(Bulk(verb="commit", project="pets", run=run, staged=self.stage(changes), reason="by many"))

    def verify(self, version: str) -> Concluded:
        return self.run(Bulk(verb="verify", project="pets", run="v", version=version))

    def run(self, job: Bulk) -> Concluded:
        return msgspec.convert(in_memory(self.bulk, {"job": as_json(job)}), Concluded)

    def plan(self, job: Bulk) -> Planned:
        return self.bulk.plan(as_json(job))

    def parts(self, planned: Planned) -> None:
        for each in msgspec.json.decode(self.datasets.read(planned.parts)):
            self.bulk.part(as_json(planned.job), each)

    def held(self) -> list[LabelledSample]:
        return list(view_of(self.datasets, "pets", self.datasets.head("pets")))


def as_json(record: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = msgspec.json.decode(msgspec.json.encode(record))
    return found


changes = st.lists(
    st.one_of(
        st.builds(line, st.integers(0, 30), st.sampled_from(["cat", "dog"]), st.sampled_from(["train", "test"])),
        st.builds(lambda number: Removal(sample_id=content_id(str(number))), st.integers(0, 30)),
    ),
    min_size=1,
    max_size=40,
    unique_by=lambda each: each.sample_id,
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.lists(changes, min_size=1, max_size=4))
def test_many_make_the_version_that_one_makes(batches: list[list[Change]]) -> None:
    one, many = Place(), Place()
    for number, batch in enumerate(batches):
        one.make(batch)
        many.commit(batch, str(number))
    ours, theirs = many.datasets.head("pets"), one.datasets.head("pets")
    assert many.held() == one.held()
    if ours is None or theirs is None:
        assert ours == theirs
        return
    plain = {"version_id": "", "parent": None, "segments": (), "delta": (), "root": "", "reason": ""}
    assert replace(ours, **plain) == replace(theirs, **plain)
    assert many.datasets.schemas("pets") == one.datasets.schemas("pets") != []
    read = lambda name: many.datasets.segment("pets", name)  # noqa: E731
    assert verify(ours, read, lambda name: many.datasets.document("pets", name)) == []
    found = many.verify(ours.version_id)
    assert (found.problems, found.samples, found.number) == ((), ours.samples, ours.number)


def test_parts_cover_every_id_once() -> None:
    parts = parts_of(1_000_001, 250_000)
    assert len(parts) == 5
    assert (parts[0].span.low, parts[-1].span.high) == (0, 1 << 64)
    assert all(one.high == other.low for one, other in pairwise(parts))
    assert [each.number for each in parts] == list(range(5))
    assert len(parts_of(0)) == 1


def test_a_repeated_part_and_a_repeated_end_change_nothing() -> None:
    place = Place()
    planned = place.plan(
        Bulk(verb="commit", project="pets", run="r", staged=place.stage([line(each) for each in range(20)]))
    )
    place.parts(planned)
    place.parts(planned)
    made = place.bulk.conclude(as_json(planned.job))
    assert (made.number, made.samples, made.parts) == (1, 20, 5)
    with pytest.raises(HeadMovedError):
        place.bulk.conclude(as_json(planned.job))
    assert len(place.datasets.versions("pets")) == 1
    again = place.run(replace(planned.job, version="", number=0))
    assert again.version == made.version
    assert len(place.datasets.versions("pets")) == 1


def test_another_commit_in_between_is_planned_over_and_neither_is_lost() -> None:
    place = Place()
    place.make([line(1), line(2)])
    planned = place.plan(Bulk(verb="commit", project="pets", run="r", staged=place.stage([line(1, "dog"), line(3)])))
    place.parts(planned)
    place.make([line(2, "dog"), line(4)])
    with pytest.raises(HeadMovedError):
        place.bulk.conclude(as_json(planned.job))
    again = place.plan(planned.job)
    assert again.job.attempt == 2
    place.parts(again)
    place.bulk.conclude(as_json(again.job))
    assert {each.sample_id: each.label for each in place.held()} == {
        line(1).sample_id: "dog",
        line(2).sample_id: "dog",
        line(3).sample_id: "cat",
        line(4).sample_id: "cat",
    }
    with pytest.raises(RetryableError, match="moved"):
        place.plan(replace(planned.job, attempt=5))


def test_a_spoilt_segment_is_found_by_whoever_has_it() -> None:
    place = Place()
    place.make([line(each) for each in range(20)])
    version = place.datasets.head("pets")
    assert version is not None
    (segment,) = version.segments
    key = next(each for each in place.datasets.objects if segment.sha256 in each)
    good = place.datasets.objects[key]
    place.datasets.objects[key] = good[:-1] + bytes([good[-1] ^ 1])
    found = place.verify(version.version_id)
    assert any("does not hash to its name" in each for each in found.problems)
    del place.datasets.objects[key]
    assert any("is missing" in each for each in place.verify(version.version_id).problems)


def test_what_cannot_be_done_is_said() -> None:
    place = Place()
    with pytest.raises(InputError, match="staged"):
        place.plan(Bulk(verb="commit", project="pets", run="r"))
    with pytest.raises(NotFoundError):
        place.verify("v7")
    with pytest.raises(InputError, match="bulk job"):
        place.bulk.plan({"verb": "burn", "project": "pets", "run": "r"})
