"""A commit by many keeps groups whole as one by one does, and leaves the same index of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.unit.usecases.test_bulk import Place, as_json
from tests.worlds import NOW, project
from trueup.dataset.groups import GroupIndex
from trueup.dataset.segments import labelled
from trueup.errors import GroupsApartError, InputError, LeakError, NotFoundError
from trueup.model import Change, DatasetVersion, LabelledSample, Project, Removal, Split, content_id
from trueup.usecases.bulk.jobs import Bulk, Concluded
from trueup.usecases.freeze_test import FreezeTest
from trueup.usecases.knowing_splits import ground_of
from trueup.usecases.making_versions import MakeVersion, Proposal, newest_view

GROUPS = ("ann", "bob", "cid", "dan")
# Each differs from the next in two bits, and from the one after that in four.
PRINTS = [f"{(1 << 2 * number) - 1:016x}" for number in range(5)]
METHODS: dict[str, dict[str, Any]] = {
    "group": {},
    "apart": {"splits": {"near_duplicates": False}},
    "time": {"splits": {"method": "time", "test_days": 1, "validation_days": 2}},
    "stratified": {"splits": {"method": "stratified"}},
}


def line(
    number: int, group: str, split: Split = "train", label: str = "cat", print_: str | None = None
) -> LabelledSample:
    name = content_id(str(number))
    return LabelledSample(
        sample_id=name,
        label=label,
        split=split,
        group=group,
        content_type="text/plain",
        payload_uri=f"s3://b/{name}",
        fingerprint=print_,
        labelled_at=NOW,
    )


def configured(method: str = "group") -> Project:
    return project(commit={"validation_share": 0.3, "test_share": 0.3, **METHODS[method]})


class Hall(Place):
    """A place for a project of its own, that may place lines."""

    def __init__(self, method: str = "group") -> None:
        super().__init__()
        self.project = configured(method)
        self.bulk.projects["pets"] = self.project  # type: ignore[index]

    def by_one(self, changes: Sequence[Change], *, placing: bool = False) -> DatasetVersion | None:
        make = MakeVersion(datasets=self.datasets, clock=self.clock)
        return make(self.project, lambda _: Proposal(changes=changes, placing=placing), "by one")

    def by_many(self, changes: Sequence[Change], *, placing: bool = False) -> Concluded:
        return self.run(self.job(changes, placing=placing))

    def job(self, changes: Sequence[Change], *, placing: bool = False) -> Bulk:
        number = len(self.datasets.versions("pets"))
        return Bulk(verb="commit", project="pets", run=f"r{number}", staged=self.stage(changes), placing=placing)

    def index(self) -> GroupIndex:
        """That which the newest version left."""
        head = self.datasets.head("pets")
        view = newest_view(self.datasets, "pets", head)
        if head is not None:
            assert self.datasets.groups("pets", head.version_id) is not None
        return ground_of(self.datasets, self.project, view, NOW).index

    def check(self) -> None:
        """What holds of every version: the index is that of the content, groups and what is alike are in one split."""
        held, index = self.held(), self.index()
        assert index.whole.encoded() == GroupIndex.of(held).whole.encoded()
        assert index.counts == GroupIndex.of(held).counts
        assert len({each.group for each in held}) == len({(each.group, each.split) for each in held})
        if self.project.commit.splits.near_duplicates:
            printed = [each for each in held if each.fingerprint is not None]
            for one in printed:
                for other in printed:
                    alike = (int(one.fingerprint or "", 16) ^ int(other.fingerprint or "", 16)).bit_count() <= 3
                    assert one.split == other.split or not alike


def group_of(number: int) -> str:
    """Some are groups of their own, after which others are named."""
    return {0: content_id("0"), 5: content_id("0"), 10: content_id("10"), 15: content_id("0")}.get(
        number, GROUPS[number % len(GROUPS)]
    )


def batches(prints: Sequence[str | None]) -> st.SearchStrategy[list[list[Change]]]:
    lines = st.builds(
        lambda number, split, label, print_: line(number, group_of(number), split, label, print_),
        st.integers(0, 20),
        st.sampled_from(["train", "validation", "test"]),
        st.sampled_from(["cat", "dog"]),
        st.sampled_from(prints),
    )
    gone = st.builds(lambda number: Removal(sample_id=content_id(str(number))), st.integers(0, 20))
    changes = st.lists(st.one_of(lines, lines, lines, gone), min_size=1, max_size=20, unique_by=lambda e: e.sample_id)
    return st.lists(changes, min_size=1, max_size=3)


def outcome(make: Any, changes: Sequence[Change], *, placing: bool) -> str:
    try:
        made = make(changes, placing=placing)
    except LeakError:
        return "refused"
    return "made" if made is not None and made.number else "nothing new"


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(batches([None]), st.booleans(), st.sampled_from(["group", "apart", "time"]))
def test_many_place_groups_as_one_does(given: list[list[Change]], placing: bool, method: str) -> None:
    """Or refuse what one refuses. Where lines say where they go, nothing is taken out of their groups here: there are
    two right answers then."""
    one, many = Hall(method), Hall(method)
    for batch in given:
        each = batch if placing else labelled(batch) or batch
        assert outcome(many.by_many, each, placing=placing) == outcome(one.by_one, each, placing=placing)
        assert many.held() == one.held()
        many.check()
        assert many.index().whole.encoded() == one.index().whole.encoded()


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(batches([None, *PRINTS]), st.booleans(), st.sampled_from(["group", "stratified"]))
def test_what_is_alike_stays_together_whoever_brings_it(given: list[list[Change]], placing: bool, method: str) -> None:
    """Which split it goes into may be another than where one places all."""
    one, many = Hall(method), Hall(method)
    for each in given:
        found, wanted = outcome(many.by_many, each, placing=placing), outcome(one.by_one, each, placing=placing)
        if placing:
            assert found == wanted
            assert [(line.sample_id, line.label) for line in many.held()] == [
                (line.sample_id, line.label) for line in one.held()
            ]
        many.check()


def split_of_all(place: Hall) -> dict[str, str]:
    return {each.group: each.split for each in place.held()}


def test_parts_that_disagree_are_done_again_by_a_ruling() -> None:
    """What the first of them says holds, as where one places all."""
    hall = Hall()
    lines = sorted((line(each, "ann") for each in range(16)), key=lambda each: each.sample_id)
    said = [replace(each, split="test" if place == 0 else "train") for place, each in enumerate(lines)]
    planned = hall.plan(hall.job(said))
    hall.parts(planned)
    with pytest.raises(GroupsApartError, match="1 groups came apart"):
        hall.bulk.conclude(as_json(planned.job))
    assert hall.datasets.head("pets") is None
    again = hall.plan(planned.job)
    assert again.job.rulings
    hall.parts(again)
    hall.parts(again)
    hall.bulk.conclude(as_json(again.job))
    assert {each.split for each in hall.held()} == {"test"}
    hall.check()


def test_a_ruling_of_another_head_is_forgotten() -> None:
    hall = Hall()
    lines = sorted((line(each, "ann") for each in range(16)), key=lambda each: each.sample_id)
    planned = hall.plan(hall.job([replace(lines[0], split="test"), *lines[1:]]))
    hall.parts(planned)
    with pytest.raises(GroupsApartError):
        hall.bulk.conclude(as_json(planned.job))
    hall.by_one([line(99, "ann", "validation")])
    again = hall.plan(planned.job)
    assert not again.job.rulings
    hall.parts(again)
    hall.bulk.conclude(as_json(again.job))
    assert split_of_all(hall) == {"ann": "validation"}


def test_a_group_that_lines_tear_is_refused_by_its_name_and_nothing_is_written() -> None:
    hall = Hall()
    hall.by_one([line(each, "ann") for each in range(8)])
    before = hall.held()
    with pytest.raises(LeakError, match="group ann would lie in several splits") as caught:
        hall.by_many([line(1, "ann", "test"), line(50, "bob")])
    assert caught.value.field == "ann"
    assert hall.held() == before


def test_a_frozen_test_set_is_kept_by_every_part() -> None:
    hall = Hall()
    hall.by_one([line(each, "ann", "test") for each in range(4)])
    FreezeTest({"pets": hall.project}, hall.datasets, hall.clock)("pets", "v1", "first")
    with pytest.raises(LeakError, match="belong to the frozen test set first"):
        hall.by_many([line(9, "ann", "train")])
    hall.by_many([line(9, "ann", "train")], placing=True)
    assert split_of_all(hall) == {"ann": "test"}


@pytest.mark.parametrize("imported", [False, True])
@pytest.mark.parametrize("frozen", [False, True])
def test_what_links_groups_that_stood_apart_moves_them(frozen: bool, imported: bool) -> None:
    """Also those of other parts' spans, what these are like, and what is staged though it is known."""
    hall = Hall()
    first, second = [line(each, "ann", "train", print_=PRINTS[0]) for each in range(8)], PRINTS[3]
    hall.by_one([*first, *(line(each, "bob", "test", print_=second) for each in range(8, 16))])
    if frozen:
        FreezeTest({"pets": hall.project}, hall.datasets, hall.clock)("pets", "v1", "first")
    # Like the first by two bits; like the second through another new one.
    linking = [line(20, "cid", print_=PRINTS[1]), line(31, "dan", print_=PRINTS[2])]
    hall.run(replace(hall.job([*hall.held()[::3], *linking], placing=True), imported=imported))
    assert set(split_of_all(hall).values()) == {"test" if frozen else "train"}
    assert len(hall.held()) == 18
    hall.check()


def test_more_groups_than_there_is_room_for_are_refused() -> None:
    hall = Hall()
    hall.by_many([line(each, "ann") for each in range(8)])
    steps = dataclasses.replace(hall.bulk, room=3)
    planned = hall.plan(hall.job([line(each, f"group {each}") for each in range(20, 23)]))
    hall.parts(planned)
    with pytest.raises(InputError, match="4 groups and fingerprints are more than the 3"):
        steps.conclude(as_json(planned.job))
    assert len(hall.held()) == 8


def test_a_version_without_an_index_gets_one_for_all_parts() -> None:
    hall = Hall()
    version = hall.by_one([line(each, "ann", "test") for each in range(8)])
    assert version is not None
    whole = hall.index().whole.encoded()
    del hall.datasets.objects[f"memory://pets/groups/{version.version_id}"]
    hall.by_many([line(9, "ann"), line(10, "bob")])
    found = hall.datasets.groups("pets", version.version_id)
    assert found is not None
    assert GroupIndex.read(found, lambda name: hall.datasets.part("pets", name)).whole.encoded() == whole
    assert split_of_all(hall)["ann"] == "test"
    hall.check()


def test_what_is_imported_changes_labels_alone() -> None:
    """A known label is no change, whatever else its line says; what is there stays in its group and split."""
    hall = Hall()
    hall.by_one([line(1, "ann", "test"), line(2, "bob", "train")])
    staged = [line(1, "zoe", "train"), line(2, "zoe", "test", "dog"), line(3, "cid", "validation")]
    job = replace(hall.job(staged), imported=True)
    done = hall.run(job)
    held = {each.sample_id: (each.group, each.split, each.label) for each in hall.held()}
    assert held == {
        line(1, "").sample_id: ("ann", "test", "cat"),
        line(2, "").sample_id: ("bob", "train", "dog"),
        line(3, "").sample_id: ("cid", "validation", "cat"),
    }
    version = hall.datasets.version("pets", done.version)
    assert (version.added, version.relabelled, version.moved, version.restated) == (1, 1, 0, 0)
    assert hall.run(replace(job, run="again")).number == 0


def test_a_commit_by_many_notes_its_schema_and_asks_for_a_branch_that_there_is() -> None:
    hall = Hall()
    hall.by_many([line(1, "ann")])
    (noted,) = hall.datasets.schemas("pets")
    assert noted.version == hall.project.label_schema.version
    with pytest.raises(NotFoundError, match="has no branch side"):
        hall.run(replace(hall.job([line(2, "ann")]), branch="side"))
