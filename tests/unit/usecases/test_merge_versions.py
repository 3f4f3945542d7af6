"""Merges take over what was done since both parted, and say what cannot be told; reverts take back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.dataset.lines import commit
from tests.unit.dataset.test_history import sample as far
from tests.unit.dataset.test_versions import line
from tests.unit.usecases.refs import BY, MemoryShelf, sample, shelf
from tests.worlds import NOW
from trueup.adapters.memory import MemoryFeedbackStore, MemoryGoldStore, MemoryTaskStore
from trueup.adapters.memory_forgetting import MemoryForgettingStore
from trueup.dataset.diff import changes_between
from trueup.dataset.figures import summary
from trueup.dataset.guards import ASKED_AGAIN
from trueup.dataset.redaction import FORGOTTEN, REDACTED
from trueup.dataset.segments import decode, segments_of
from trueup.dataset.segments.cache import SEGMENTS
from trueup.dataset.three_way import Strategy, three_way
from trueup.dataset.view import View
from trueup.errors import InputError, LeakError, MergeConflictError, NotFoundError
from trueup.model import Change, DatasetVersion, Node, NodeKind, Removal
from trueup.ports import Journal
from trueup.usecases.comparing_versions import changes
from trueup.usecases.freeze_test import FreezeTest
from trueup.usecases.making_versions import MakeVersion, Proposal
from trueup.usecases.merge_versions import Merged


def merged(found: MemoryShelf, source: str = "side", strategy: Strategy | None = None, into: str = "main") -> Merged:
    return found.merge("pets", found.find("pets", source), into, "merge", by=BY, strategy=strategy)


def parted(
    ours: Mapping[int, str | None], theirs: Mapping[int, str | None], start: Mapping[int, str | None] | None = None
) -> MemoryShelf:
    found = shelf()
    found.put(start or {1: "cat", 2: "dog", 3: "fox"})
    found.branch("side")
    found.put(ours)
    found.put(theirs, "side")
    return found


def test_what_each_side_did_alone_is_there_after_a_merge() -> None:
    found = parted({1: "dog", 4: "cat", 3: None}, {2: "fox", 5: "fox"})
    done = merged(found)
    assert found.labels() == {1: "dog", 2: "fox", 4: "cat", 5: "fox"}
    assert (done.kind, done.version.number, done.base and done.base.number) == ("merged", 4, 1)
    assert done.version.merged == found.find("pets", "side").version_id
    assert (done.version.added, done.version.relabelled, done.version.removed) == (1, 1, 0)
    assert found.problems() == []


def test_a_removal_comes_along() -> None:
    found = parted({1: "dog"}, {2: None})
    merged(found)
    assert found.labels() == {1: "dog", 3: "fox"}


def test_what_both_did_alike_is_no_conflict() -> None:
    found = parted({1: "dog", 3: None, 7: "cat"}, {1: "dog", 3: None, 7: "cat"})
    done = merged(found)
    assert (done.conflicts, found.labels()) == ((), {1: "dog", 2: "dog", 7: "cat"})
    assert done.version.parent == found.find("pets", "v2").version_id


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [({1: "dog"}, {1: "fox"}), ({1: None}, {1: "fox"}), ({1: "dog"}, {1: None}), ({9: "a"}, {9: "b"})],
)
def test_what_both_did_differently_is_a_conflict_and_changes_nothing(
    ours: dict[int, str | None], theirs: dict[int, str | None]
) -> None:
    found = parted(ours, theirs)
    with pytest.raises(MergeConflictError, match="1 sample was changed in v3 and in v2, differently") as caught:
        merged(found)
    assert [each.sample_id for each in caught.value.conflicts] == [sample(next(iter(ours)))]  # type: ignore[attr-defined]
    assert found.datasets.next_number("pets") == 4


@pytest.mark.parametrize(
    ("strategy", "labels"),
    [("ours", {1: "dog", 2: "fox"}), ("theirs", {1: "fox", 3: "cat"}), ("newest", {1: "fox"})],
)
def test_a_strategy_decides_conflicts(strategy: Strategy, labels: dict[int, str]) -> None:
    """Of labels without a time the later version's is the newest; a removal is not undone."""
    found = parted({1: "dog", 3: None, 2: "fox"}, {1: "fox", 2: None, 3: "cat"})
    done = merged(found, strategy=strategy)
    assert found.labels() == labels
    assert len(done.conflicts) == 3


def test_the_newest_label_is_the_one_that_was_given_last_whatever_was_committed_last() -> None:
    found = shelf()
    found.put({1: "cat"})
    found.branch("side")
    for branch, label, hour in (("main", "dog", 15), ("side", "fox", 11)):
        given = replace(line(1, label), labelled_at=NOW.replace(hour=hour))
        make = MakeVersion(datasets=found.datasets, clock=found.clock)
        make(found.config, lambda view, given=given: Proposal(changes=[given]), "told", branch=branch)
    merged(found, strategy="newest")
    assert found.labels() == {1: "dog"}


def test_a_merge_that_takes_nothing_is_remembered() -> None:
    found = parted({1: "dog"}, {1: "fox"})
    assert merged(found, strategy="ours").version.delta == ()
    assert merged(found).kind == "current"
    found.put({2: "cat"}, "side")
    assert merged(found).version.relabelled == 1
    assert found.labels() == {1: "dog", 2: "cat", 3: "fox"}
    assert found.problems() == []


def test_a_head_that_nothing_was_done_to_moves_forward() -> None:
    found = shelf()
    found.put({1: "cat"})
    found.branch("side")
    second = found.put({1: "dog"}, "side")
    done = merged(found)
    assert (done.kind, done.version, found.datasets.head("pets")) == ("forwarded", second, second)
    assert found.datasets.next_number("pets") == 3
    assert found.put({2: "cat"}).parent == second.version_id
    assert [each.data["name"] for each in found.world.outbox if each.event_type == "RefMoved"] == ["side", "main"]


def test_without_fast_forward_there_is_a_version_of_its_own() -> None:
    found = shelf()
    first = found.put({1: "cat"})
    found.branch("side")
    second = found.put({1: "dog"}, "side")
    done = found.merge("pets", second, "main", "merge", by=BY, fast_forward=False)
    assert (done.version.number, done.version.parent, done.version.merged) == (3, first.version_id, second.version_id)
    edges = found.lineage.edges_to("pets", _node(done.version))
    assert {each.source.id for each in edges} == {first.version_id, second.version_id}


def test_what_is_there_already_is_not_merged() -> None:
    found = shelf()
    found.put({1: "cat"})
    found.branch("side")
    second = found.put({1: "dog"})
    assert (merged(found).kind, found.datasets.head("pets")) == ("current", second)


def test_a_merge_comes_to_any_branch_that_is_there() -> None:
    found = parted({1: "dog"}, {2: "fox"})
    merged(found, source="main", into="side")
    assert found.labels("side") == {1: "dog", 2: "fox", 3: "fox"}
    assert found.labels("main") == {1: "dog", 2: "dog", 3: "fox"}
    with pytest.raises(NotFoundError, match="no branch elsewhere"):
        merged(found, into="elsewhere")


def test_after_criss_cross_merges_the_newest_common_version_counts() -> None:
    found = parted({1: "dog"}, {2: "fox"})
    merged(found, source="main", into="side")
    merged(found)
    found.put({1: "fox"})
    found.put({2: "cat"}, "side")
    done = merged(found)
    assert found.labels() == {1: "fox", 2: "cat", 3: "fox"}
    assert done.conflicts == ()


def test_a_revert_takes_back_one_version() -> None:
    found = shelf()
    found.put({1: "cat", 2: "dog"})
    second = found.put({1: "dog", 2: None, 3: "fox"})
    found.put({4: "cat"})
    done = found.revert("pets", found.find("pets", "v1"), second, "back", by=BY)
    assert found.labels() == {1: "cat", 2: "dog", 4: "cat"}
    assert done.version is not None
    assert (done.version.added, done.version.removed, done.version.relabelled) == (1, 1, 1)
    assert found.revert("pets", found.find("pets", "v1"), second, "again", by=BY).version is None
    assert found.problems() == []


def test_a_revert_of_a_revert_brings_it_again() -> None:
    found = shelf()
    found.put({1: "cat", 2: "dog"})
    second = found.put({1: "dog", 2: None, 3: "fox"})
    back = found.revert("pets", found.find("pets", "v1"), second, "back", by=BY).version
    assert back is not None
    found.revert("pets", second, back, "and again", by=BY)
    assert found.labels() == found.labels("v2")


def test_samples_that_changed_since_are_a_conflict_or_stay() -> None:
    found = shelf()
    first = found.put({1: "cat", 2: "dog"})
    second = found.put({1: "dog", 2: "fox"})
    found.put({1: "fox"})
    with pytest.raises(MergeConflictError, match="1 sample changed after v2"):
        found.revert("pets", first, second, "back", by=BY)
    assert found.datasets.next_number("pets") == 4
    done = found.revert("pets", first, second, "back", by=BY, keep_newer=True)
    assert found.labels() == {1: "fox", 2: "dog"}
    assert [each.sample_id for each in done.kept] == [sample(1)]


def test_a_range_is_taken_back_as_a_whole() -> None:
    found = shelf()
    first = found.put({1: "cat"})
    found.put({1: "dog", 2: "dog"})
    third = found.put({1: "fox", 3: "fox"})
    found.put({4: "cat"})
    found.revert("pets", first, third, "back", by=BY)
    assert found.labels() == {1: "cat", 4: "cat"}


def test_the_first_version_is_reverted_to_nothing() -> None:
    found = shelf()
    first = found.put({1: "cat"})
    found.revert("pets", None, first, "all wrong", by=BY)
    assert found.labels() == {}
    assert found.problems() == []


def test_only_what_a_branch_came_from_is_reverted() -> None:
    found = parted({1: "dog"}, {2: "fox"})
    first, side = found.find("pets", "v1"), found.find("pets", "side")
    with pytest.raises(InputError, match="v2 does not come from v3"):
        found.revert("pets", first, side, "back", by=BY)
    with pytest.raises(InputError, match="v3 does not come from v2"):
        found.revert("pets", found.find("pets", "v2"), side, "back", by=BY, branch="side")
    assert found.revert("pets", first, side, "back", by=BY, branch="side").version is not None
    assert found.labels("side") == found.labels("v1")


def test_a_merge_is_reverted_towards_the_branch_it_came_to() -> None:
    found = parted({1: "dog"}, {2: "fox"})
    done = merged(found).version
    found.revert("pets", found.find("pets", "v2"), done, "not yet", by=BY)
    assert found.labels() == found.labels("v2")


def test_a_commit_in_between_is_seen() -> None:
    """The merge is proposed on v2; somebody relabels on main before it is written."""
    found = parted({1: "dog"}, {2: "fox"})
    real = found.datasets.commit

    def commit(version: DatasetVersion, journal: Journal, **guards: Any) -> None:
        found.datasets.commit = real  # type: ignore[method-assign]
        found.put({2: "cat"})
        real(version, journal, **guards)

    found.datasets.commit = commit  # type: ignore[method-assign]
    with pytest.raises(MergeConflictError):
        merged(found)
    assert found.labels() == {1: "dog", 2: "cat", 3: "fox"}


def test_lines_that_stay_as_they_are_are_not_counted_as_replaced() -> None:
    found = shelf()
    found.put({1: "cat", 2: "dog"})
    version = found.put({1: "cat", 2: "fox", 3: "dog"})
    assert (version.samples, version.added, version.relabelled) == (3, 1, 1)
    assert version.class_counts == {"cat": 1, "dog": 1, "fox": 1}
    assert found.problems() == []


def put(found: MemoryShelf, change: Change, branch: str = "main") -> DatasetVersion:
    make = MakeVersion(datasets=found.datasets, clock=found.clock)
    version = make(found.config, lambda _: Proposal(changes=[change]), "test", branch=branch)
    assert version is not None
    return version


def take_out(found: MemoryShelf, number: int, why: str, branch: str = "main") -> DatasetVersion:
    return put(found, Removal(sample_id=sample(number), why=why), branch)


def whys(found: MemoryShelf, version: DatasetVersion) -> dict[str, str]:
    """What the version's own segments say of samples that it takes out."""
    changes = [each for one in version.delta for each in decode(found.datasets.segment("pets", one.sha256))]
    return {each.sample_id: each.why for each in changes if isinstance(each, Removal)}


def bury(found: MemoryShelf, number: int) -> None:
    gold, feedback = MemoryGoldStore(), MemoryFeedbackStore(found.world)
    tasks = MemoryTaskStore(found.world)
    MemoryForgettingStore(found.world, tasks, gold, feedback, found.datasets).bury("pets", [sample(number)], "job", NOW)


def test_a_merge_says_again_why_a_sample_was_taken_out() -> None:
    found = parted({1: "dog", 3: "cat"}, {5: "fox"})
    for number, why in ((2, "a blurred one"), (3, "a copy")):
        take_out(found, number, why, "side")
    with pytest.raises(MergeConflictError) as caught:
        merged(found)
    assert [each.why for each in caught.value.conflicts] == ["a copy"]  # type: ignore[attr-defined]
    done = merged(found, strategy="theirs")
    assert whys(found, done.version) == {sample(2): "a blurred one", sample(3): "a copy"}
    found.branch("other", "v1")
    onward = found.merge("pets", done.version, "other", "merge", by=BY, fast_forward=False)
    assert whys(found, onward.version) == whys(found, done.version)


def test_a_merge_says_why_where_no_line_of_deltas_leads_from_the_base() -> None:
    """What both came from last is main's head of the first merge, which side came from as a second parent only."""
    found = parted({1: "dog"}, {5: "fox"})
    merged(found, source="main", into="side")
    take_out(found, 2, "a blurred one", "side")
    found.put({6: "cat"})
    done = merged(found)
    assert (done.base and done.base.number, whys(found, done.version)) == (2, {sample(2): "a blurred one"})
    assert found.labels() == {1: "dog", 3: "fox", 5: "fox", 6: "cat"}


def test_what_left_a_frozen_test_set_to_be_asked_about_again_leaves_it_on_a_merge() -> None:
    found = parted({2: "fox"}, {5: "fox"})
    FreezeTest(found.projects, found.datasets, found.clock)("pets", "v1", "frozen")
    take_out(found, 1, ASKED_AGAIN, "side")
    done = merged(found)
    assert whys(found, done.version) == {sample(1): ASKED_AGAIN}
    found.branch("careless")
    found.names.branch("before", found.find("pets", "v1"), BY, "")
    with pytest.raises(LeakError, match="only what is forgotten leaves"):
        take_out(found, 1, "no reason", "before")


def test_what_was_forgotten_where_it_stood_is_forgotten_on_the_other_side() -> None:
    base, without = View.of_lines([line(1, "cat")]), View.of_lines([])
    changed = changes_between(base, without)
    (change,) = three_way(base, base, without, changed, lambda gone: dict.fromkeys(gone, REDACTED)).changes
    assert change == Removal(sample_id=sample(1), why=FORGOTTEN)


def test_what_a_revert_takes_out_says_so() -> None:
    found = shelf()
    first = found.put({1: "cat"})
    second = found.put({2: "dog"})
    done = found.revert("pets", first, second, "back", by=BY)
    assert done.version is not None
    assert whys(found, done.version) == {sample(2): "revert of v2"}


def test_what_was_forgotten_does_not_come_back_by_a_revert() -> None:
    found = shelf()
    first = found.put({1: "cat", 2: "dog"})
    bury(found, 1)
    forgotten = take_out(found, 1, FORGOTTEN)
    assert found.revert("pets", first, forgotten, "back", by=BY).version is None
    assert found.labels() == {2: "dog"}
    last = found.put({2: "fox"})
    done = found.revert("pets", first, last, "back", by=BY)
    assert done.version is not None
    assert (done.version.reason, found.labels()) == ("back (1 forgotten and left out)", {2: "dog"})


def wide() -> MemoryShelf:
    """Two thousand lines in forty segments, which are cut otherwise for each branch, so that its versions have no
    segment in common with those of the other."""
    found, lines = shelf(), [far(number, "cat") for number in range(2_000)]
    base = commit(found.datasets, lines, rows=50)
    assert base is not None
    found.branch("side")
    for branch, rows, change in (("side", 40, far(7, "dog")), ("main", 30, far(1_003, "fox"))):
        cut = list(segments_of(lines, rows=rows))
        for each in cut:
            found.datasets.put_segment("pets", each.data)
        found.datasets.put_checkpoint("pets", base.version_id, [each.segment for each in cut])
        put(found, change, branch)
    return found


class Counted:
    """Notes which segments are read."""

    def __init__(self, found: MemoryShelf) -> None:
        self.names: set[str] = set()
        self._segment = found.datasets.segment
        found.datasets.segment = self.segment  # type: ignore[method-assign]
        SEGMENTS.clear()

    def segment(self, project: str, sha256: str) -> bytes:
        self.names.add(sha256)
        return self._segment(project, sha256)


@pytest.mark.slow
def test_a_merge_reads_what_changed_and_not_what_there_is() -> None:
    found = wide()
    main, side = found.find("pets", "main"), found.find("pets", "side")
    assert not {each.sha256 for each in main.segments} & {each.sha256 for each in side.segments}
    counted = Counted(found)
    merged(found)
    assert found.find("pets", "head").relabelled == 1
    # Of each of the three the segment in which the sample lies, and what was written since on either side.
    assert len(counted.names) <= 5
    held = {
        each.sample_id: each.label for each in found.lines(found.find("pets", "head")).values() if each.label != "cat"
    }
    assert held == {far(7, "").sample_id: "dog", far(1_003, "").sample_id: "fox"}


@pytest.mark.slow
def test_what_lies_between_two_branches_is_read_and_not_what_there_is() -> None:
    found = wide()
    counted = Counted(found)
    parts = changes(found.find, found.find("pets", "main"), found.find("pets", "side"))
    wanted = sorted([(far(7).sample_id, "dog"), (far(1_003).sample_id, "cat")])
    assert [(each.sample_id, each.after) for part in parts for each in part] == wanted
    # What each wrote, and of each the two segments in which the samples lie.
    assert len(counted.names) <= 6


@pytest.mark.slow
def test_a_merge_after_merges_reads_what_changed_and_not_what_there_is() -> None:
    """What both came from last is a second parent of side's."""
    found = wide()
    merged(found, source="main", into="side")
    put(found, far(9, "fox"), "side")
    put(found, far(1_500, "dog"))
    counted = Counted(found)
    assert merged(found).version.relabelled == 2
    assert len(counted.names) <= 15


def test_what_was_pruned_in_between_is_done_without() -> None:
    """The delta of the version in between is gone with it: no other version has a part in it."""
    found = shelf()
    first = found.put(dict.fromkeys(range(1, 9), "cat"))
    found.branch("side")
    between = found.put({1: "dog"})
    again = list(segments_of(found.lines(between).values(), rows=3))
    for each in again:
        found.datasets.put_segment("pets", each.data)
    found.datasets.put_checkpoint("pets", between.version_id, [each.segment for each in again])
    for number in (2, 3):
        found.put({number: "dog"})
    found.keep(keep_versions=1)
    for _ in range(3):
        found.collect("pets")
        found.clock.advance(2 * 86_400)
    assert [each.number for each in found.refs.pruned("pets")] == [2]
    with pytest.raises(NotFoundError):
        found.datasets.segment("pets", between.delta[0].sha256)
    told = summary(changes(found.find, first, found.find("pets", "main")))
    assert told.relabelled == 3
    merged(found, source="main", into="side")
    done = found.revert("pets", first, found.find("pets", "main"), "back", by=BY)
    assert done.version is not None
    assert done.version.relabelled == 3


@pytest.mark.slow
def test_a_revert_reads_what_changed_and_not_what_there_is() -> None:
    found = wide()
    main = found.find("pets", "main")
    put(found, far(1_500, "dog"))
    counted = Counted(found)
    done = found.revert("pets", found.find("pets", "v1"), main, "back", by=BY)
    assert done.version is not None
    assert done.version.relabelled == 1
    assert len(counted.names) <= 5


def _node(version: DatasetVersion) -> Node:
    return Node(kind=NodeKind.VERSION, id=version.version_id)
