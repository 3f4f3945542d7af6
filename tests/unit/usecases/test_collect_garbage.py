"""What nobody needs goes, a day later; what anybody needs stays, whatever races with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.dataset.lines import store_segments
from tests.unit.dataset.test_versions import line
from tests.unit.usecases.refs import BY, MemoryShelf, shelf
from trueup.dataset.segments import encode
from trueup.errors import ConflictError, NotFoundError
from trueup.model import (
    DatasetVersion,
    Edge,
    Node,
    NodeKind,
    Pruned,
    RetrainingRun,
    RunStatus,
    StoredPart,
)
from trueup.ports import Journal
from trueup.usecases.collect_garbage import Collected

_DAY = 86_400


def chain(length: int, days_apart: float = 2) -> MemoryShelf:
    """Versions 1 to `length`, the newest two days old."""
    found = shelf()
    for number in range(1, length + 1):
        found.put({number: "cat"})
        found.clock.advance(days_apart * _DAY)
    found.clock.advance(2 * _DAY)
    return found


def content(found: MemoryShelf) -> set[str]:
    return {each.name for each in found.stored.parts("pets") if each.kind == "segment"}


def test_without_a_policy_all_that_a_branch_leads_to_stays() -> None:
    found = chain(4)
    before = content(found)
    done = found.collect("pets")
    assert ([each.number for each in done.kept], done.pruned, done.segments) == ([4, 3, 2, 1], (), 0)
    assert content(found) == before


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        ({"keep_versions": 1}, {6, 5}),
        ({"keep_versions": 3}, {6, 5, 4, 3}),
        ({"keep_days": 7}, {6, 5, 4}),
        ({"keep_days": 7, "keep_versions": 3}, {6, 5, 4, 3}),
        ({"keep_days": 1}, {6, 5}),
    ],
)
def test_a_policy_keeps_the_newest_and_what_these_changed(policy: dict[str, int], kept: set[int]) -> None:
    found = chain(6)
    found.keep(**policy)
    done = found.collect("pets")
    assert {each.number for each in done.kept} == kept
    assert set(done.pruned) == set(range(1, 7)) - kept


def test_what_was_tagged_trained_on_or_is_in_the_lineage_of_a_training_stays() -> None:
    found = chain(9)
    found.keep(keep_versions=1)
    second, fourth, sixth = (found.find("pets", each) for each in ("v2", "v4", "v6"))
    found.names.tag("frozen", second, BY, "")
    found.runs.begin(_run(found, fourth), Journal(at=found.clock.now()))
    trained = Edge(
        project="pets",
        source=Node(kind=NodeKind.VERSION, id=sixth.version_id),
        target=Node(kind=NodeKind.TRAINING, id="job"),
        actor="r",
        at=found.clock.now(),
    )
    found.lineage.add([trained])
    done = found.collect("pets")
    assert done.pruned == (5, 7)
    why = {each.number: each.why for each in done.kept}
    assert why == {
        9: "head of main",
        8: "before v9",
        4: "run r1 trained on it",
        3: "before v4",
        2: "tag frozen",
        1: "before v2",
    }


def test_content_goes_a_day_after_a_version_was_pruned() -> None:
    found = shelf()
    found.put({1: "cat"})
    found.branch("side")
    side = found.put({1: "dog"}, "side")
    found.put({2: "cat"})
    found.names.delete_branch("pets", "side", BY, "no good")
    assert found.collect("pets").pruned == ()
    found.clock.advance(2 * _DAY)
    assert found.collect("pets", dry_run=True).pruned == (2,)
    assert found.refs.pruned("pets") == []
    first = found.collect("pets")
    assert (first.pruned, first.segments) == ((2,), 0)
    with pytest.raises(NotFoundError, match="v2 of pets was pruned"):
        found.find.view("pets", side)
    found.clock.advance(_DAY / 2)
    assert (found.collect("pets").waiting, found.collect("pets").segments) == ((2,), 0)
    found.clock.advance(_DAY / 2)
    assert found.collect("pets", dry_run=True).segments == 1
    second = found.collect("pets")
    assert (second.gone, second.segments, second.documents) == ((2,), 1, 0)
    assert side.delta[0].sha256 not in content(found)
    assert found.labels() == {1: "cat", 2: "cat"}
    assert found.find("pets", "v2") == side
    assert found.problems() == []
    with pytest.raises(ConflictError, match="v2 of pets was pruned"):
        found.names.tag("late", side, BY, "")
    assert found.collect("pets").segments == 0


def test_what_a_crash_left_behind_goes_when_it_is_a_day_old() -> None:
    found = chain(2)
    lost = found.datasets.put_segment("pets", b"lost\n")
    found.clock.advance(_DAY - 1)
    assert found.collect("pets").segments == 0
    found.clock.advance(1)
    done = found.collect("pets")
    assert (done.segments, done.bytes) == (1, len(b"lost\n"))
    assert lost not in content(found)


def test_a_document_that_no_version_is_called_by_goes() -> None:
    found = shelf()
    found.put({1: "cat"})
    found.datasets._put_part("memory://pets/versions/" + "0" * 64, b"{}")
    found.clock.advance(_DAY)
    assert found.collect("pets").documents == 1
    assert found.problems() == []


def test_a_policy_that_was_loosened_brings_back_what_is_still_there() -> None:
    found = chain(5)
    found.keep(keep_versions=1)
    assert found.collect("pets").pruned == (1, 2, 3)
    found.keep()
    assert (found.collect("pets").waiting, found.refs.pruned("pets")) == ((), [])
    assert found.labels("v1") == {1: "cat"}


def test_a_tag_that_was_given_while_marks_were_set_holds() -> None:
    """Names are read, then somebody tags v1, then v1 is said to be pruned."""
    found = chain(4)
    found.keep(keep_versions=1)
    real = found.refs.prune

    def prune(versions: Sequence[Pruned]) -> None:
        found.refs.prune = real  # type: ignore[method-assign]
        found.names.tag("late", found.find("pets", "v1"), BY, "")
        real(versions)

    found.refs.prune = prune  # type: ignore[method-assign]
    done = found.collect("pets")
    assert done.pruned == (2,)
    found.clock.advance(2 * _DAY)
    found.collect("pets")
    assert found.labels("late") == {1: "cat"}


def test_a_commit_that_writes_an_old_forgotten_segment_again_finds_it_there() -> None:
    """A commit crashed a week ago; it is made again while the collection has the old segment on its list."""
    found = chain(1)
    left = encode([line(7, "dog")])
    segment = found.datasets.put_segment("pets", left)
    found.clock.advance(7 * _DAY)
    real = found.stored.delete

    def delete(project: str, parts: Sequence[StoredPart]) -> None:
        found.datasets.put_segment("pets", left)
        real(project, parts)

    found.stored.delete = delete  # type: ignore[method-assign]
    found.collect("pets")
    assert found.datasets.segment("pets", segment) == left


def test_a_commit_that_took_too_long_is_made_again_with_segments_of_its_own() -> None:
    """Its segment would be old enough to be collected before its head is there."""
    found = chain(1)
    real, slept = found.datasets.put_segment, list[str]()

    def put_segment(project: str, data: bytes) -> str:
        found.datasets.put_segment = real  # type: ignore[method-assign]
        written = real(project, data)
        found.clock.advance(2 * _DAY)
        found.collect("pets")
        slept.append(written)
        return written

    found.datasets.put_segment = put_segment  # type: ignore[method-assign]
    version = found.put({5: "dog"})
    assert slept
    assert version.created_at == found.clock.now()
    assert found.problems() == []


def test_what_a_checkpoint_needs_stays_while_its_version_does() -> None:
    found = shelf()
    found.put({1: "cat"})
    found.branch("side")
    side = found.put({1: "dog"}, "side")
    head = found.put({2: "cat"})
    for version, label in ((head, "cat"), (side, "dog")):
        segments = store_segments(found.datasets, [line(1, label)])
        found.datasets.put_checkpoint("pets", version.version_id, segments)
    kept, gone = (found.datasets.checkpoint_names("pets", each.version_id) for each in (head, side))
    found.names.delete_branch("pets", "side", BY, "no good")
    for _ in range(3):
        found.clock.advance(2 * _DAY)
        found.collect("pets")
    assert kept <= content(found)
    assert not gone & content(found)


def test_a_commit_that_slept_right_before_its_head_is_made_again() -> None:
    found = chain(1)
    real = found.datasets.commit

    def commit(version: DatasetVersion, journal: Journal, **guards: Any) -> None:
        found.datasets.commit = real  # type: ignore[method-assign]
        found.clock.advance(2 * _DAY)
        found.collect("pets")
        real(version, journal, **guards)

    found.datasets.commit = commit  # type: ignore[method-assign]
    version = found.put({5: "dog"})
    assert version.created_at == found.clock.now()
    assert found.problems() == []
    assert found.labels() == {1: "cat", 5: "dog"}


def test_projects_are_collected_alone() -> None:
    found = chain(2)
    found.datasets.put_segment("birds", b"lost\n")
    found.clock.advance(7 * _DAY)
    assert found.collect("pets").segments == 0
    with pytest.raises(NotFoundError):
        found.collect("birds")


def test_a_crash_between_pruning_and_sweeping_is_mended_by_the_next_run() -> None:
    found = chain(5)
    found.keep(keep_versions=1)
    real = found.refs.restore

    def restore(versions: Sequence[Pruned]) -> None:
        raise RuntimeError("killed")

    found.refs.restore = restore  # type: ignore[method-assign]
    with pytest.raises(RuntimeError):
        found.collect("pets")
    found.refs.restore = real  # type: ignore[method-assign]
    found.names.tag("kept", found.find("pets", "v4"), BY, "")
    done: Collected = found.collect("pets")
    assert done.waiting == (1, 2)
    assert found.labels("v3") == {1: "cat", 2: "cat", 3: "cat"}


def _run(found: MemoryShelf, version: DatasetVersion) -> RetrainingRun:
    return RetrainingRun(
        project="pets",
        run_id="r1",
        status=RunStatus.RUNNING,
        version_id=version.version_id,
        rule="count",
        reason="enough",
        started_at=found.clock.now() - timedelta(days=300),
    )
