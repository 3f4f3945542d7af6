"""Names of versions: they move when they should and only then, and no name is given to what was pruned."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from tests.contract.implementations import Ports
from tests.contract.marks import slow_on_aws
from tests.contract.records import QUIET, journal
from tests.contract.test_datasets import committed, version
from tests.contract.test_runs import run
from tests.worlds import NOW
from trueup.errors import ConflictError, HeadMovedError
from trueup.model import Branch, DatasetVersion, Pruned, RunStatus, Tag
from trueup.ports import Journal


def tag(version: DatasetVersion, name: str = "frozen-2026-11", by: str = "ada") -> Tag:
    return Tag(project=version.project, name=name, version_id=version.version_id, by=by, at=NOW, reason="for the paper")


def branch(version: DatasetVersion, name: str = "relabel") -> Branch:
    return Branch(project=version.project, name=name, began_at=version.version_id, by="ada", at=NOW)


def pruned(version: DatasetVersion) -> Pruned:
    return Pruned(project=version.project, version_id=version.version_id, number=version.number, at=NOW)


def test_a_branch_begins_at_a_version_and_has_a_head_of_its_own(ports: Ports) -> None:
    first, second = committed(ports, 2)
    ports.refs.create_branch(branch(first), first, journal())
    assert ports.refs.branches("pets") == [branch(first)]
    assert ports.datasets.heads("pets") == {"main": second, "relabel": first}
    assert ports.datasets.head("pets", "relabel") == first
    assert len(ports.outbox()) == 1


def test_a_branch_is_made_once_and_main_is_there(ports: Ports) -> None:
    first, second = committed(ports, 2)
    ports.refs.create_branch(branch(first), first, QUIET)
    for name in ("relabel", "main"):
        with pytest.raises(ConflictError):
            ports.refs.create_branch(branch(second, name), second, journal())
    assert ports.datasets.head("pets", "relabel") == first
    assert ports.outbox() == []


def test_a_head_moves_forward_from_where_it_was_thought(ports: Ports) -> None:
    first, second = committed(ports, 2)
    ports.refs.create_branch(branch(first), first, QUIET)
    ports.refs.forward_branch("relabel", first, second, journal())
    assert ports.datasets.head("pets", "relabel") == second
    for name in ("relabel", "nowhere"):
        with pytest.raises(HeadMovedError):
            ports.refs.forward_branch(name, first, second, journal(2))
    assert len(ports.outbox()) == 1


def test_a_branch_is_deleted_and_its_versions_stay(ports: Ports) -> None:
    first, second = committed(ports, 2)
    ports.refs.create_branch(branch(first), first, QUIET)
    with pytest.raises(HeadMovedError):
        ports.refs.delete_branch("relabel", second, QUIET)
    ports.refs.delete_branch("relabel", first, QUIET)
    with pytest.raises(HeadMovedError):
        ports.refs.delete_branch("relabel", first, QUIET)
    assert ports.refs.branches("pets") == []
    assert ports.datasets.head("pets", "relabel") is None
    assert ports.datasets.versions("pets") == [second, first]


def test_a_tag_stays_unless_it_is_moved_from_where_it_was_thought(ports: Ports) -> None:
    first, second = committed(ports, 2)
    ports.refs.put_tag(tag(first), first, journal())
    assert ports.refs.tag("pets", "frozen-2026-11") == tag(first)
    for before in (None, tag(second)):
        with pytest.raises(ConflictError):
            ports.refs.put_tag(tag(second), second, journal(2), before)
    ports.refs.put_tag(tag(second, by="ben"), second, QUIET, tag(first))
    ports.refs.put_tag(tag(first, "champion"), first, QUIET)
    assert ports.refs.tags("pets") == [tag(first, "champion"), tag(second, by="ben")]
    assert ports.refs.tags("birds") == []
    assert len(ports.outbox()) == 1


def test_a_tag_is_taken_away_while_it_names_what_was_thought(ports: Ports) -> None:
    first, second = committed(ports, 2)
    ports.refs.put_tag(tag(first), first, QUIET)
    with pytest.raises(ConflictError):
        ports.refs.delete_tag(tag(second), QUIET)
    ports.refs.delete_tag(tag(first), QUIET)
    with pytest.raises(ConflictError):
        ports.refs.delete_tag(tag(first), QUIET)
    assert ports.refs.tag("pets", "frozen-2026-11") is None


def test_a_journal_moves_tags_with_what_it_belongs_to(ports: Ports) -> None:
    first, second = committed(ports, 2)
    ports.refs.put_tag(tag(first, "champion"), first, QUIET)
    moved = Journal(at=NOW, tags=(tag(second, "champion"),))
    with pytest.raises(HeadMovedError):
        ports.datasets.commit(version(ports, first, 7), moved)
    assert ports.refs.tag("pets", "champion") == tag(first, "champion")
    ports.datasets.commit(version(ports, second, 8), moved)
    assert ports.refs.tag("pets", "champion") == tag(second, "champion")


def test_a_run_that_ends_moves_a_tag_or_neither_happens(ports: Ports) -> None:
    first, second = committed(ports, 2)
    ports.runs.begin(run(1), QUIET)
    ports.runs.save(run(1, status=RunStatus.PROMOTED), Journal(at=NOW, tags=(tag(first, "champion"),)))
    assert ports.refs.tag("pets", "champion") == tag(first, "champion")
    with pytest.raises(ConflictError):
        ports.runs.save(run(1), Journal(at=NOW, tags=(tag(second, "champion"),)))
    assert ports.refs.tag("pets", "champion") == tag(first, "champion")


def test_what_was_pruned_gets_no_name(ports: Ports) -> None:
    first, second = committed(ports, 2)
    ports.refs.create_branch(branch(second, "side"), second, QUIET)
    ports.refs.prune([pruned(first)])
    ports.refs.prune([pruned(first)])
    assert ports.refs.pruned("pets") == [pruned(first)]
    with pytest.raises(ConflictError, match="v1 of pets was pruned"):
        ports.refs.put_tag(tag(first), first, journal())
    with pytest.raises(ConflictError, match="v1 of pets was pruned"):
        ports.refs.create_branch(branch(first), first, journal())
    with pytest.raises(ConflictError, match="v1 of pets was pruned"):
        ports.refs.forward_branch("side", second, first, journal())
    assert ports.outbox() == []
    ports.refs.restore([pruned(first)])
    ports.refs.put_tag(tag(first), first, QUIET)
    assert ports.refs.pruned("pets") == []


def test_of_many_who_tag_at_once_one_does(ports: Ports) -> None:
    chain = committed(ports, 4)

    def put(each: DatasetVersion) -> bool:
        try:
            ports.refs.put_tag(tag(each), each, QUIET)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(4) as workers:
        won = list(workers.map(put, chain))
    assert sum(won) == 1
    assert ports.refs.tag("pets", "frozen-2026-11") == tag(chain[won.index(True)])


def test_numbers_go_on_over_all_branches(ports: Ports) -> None:
    assert ports.datasets.next_number("pets") == 1
    chain = committed(ports, 3)
    assert ports.datasets.next_number("pets") == 4
    assert [each.number for each in ports.datasets.walk("pets", 2)] == [2, 1]
    assert list(ports.datasets.walk("pets", 99)) == chain[::-1]
    assert ports.datasets.heads("birds") == {}


def test_a_commit_that_began_before_what_was_swept_is_not_made(ports: Ports) -> None:
    (first,) = committed(ports, 1)
    ports.refs.sweep_before("pets", NOW + timedelta(microseconds=1))
    with pytest.raises(HeadMovedError):
        ports.datasets.commit(version(ports, first, 7), journal())
    assert (ports.datasets.head("pets"), ports.outbox()) == (first, [])
    ports.datasets.commit(version(ports, None, 1, "birds"), QUIET)
    ports.refs.sweep_before("pets", NOW)
    ports.datasets.commit(version(ports, first, 8), QUIET)


def test_parts_are_what_was_written(ports: Ports) -> None:
    first, second = committed(ports, 2)
    lost = ports.datasets.put_segment("pets", b"of no version\n")
    found = {(each.kind, each.name): each for each in ports.parts.parts("pets")}
    names = {("segment", each) for each in (*(each.sha256 for each in second.segments), lost)}
    assert found.keys() == names | {("document", each.version_id) for each in (first, second)}
    part = found["segment", lost]
    assert (part.bytes, part.current) == (len(b"of no version\n"), True)
    assert part.written_at - max(NOW, datetime.now(UTC)) < timedelta(minutes=1)
    assert list(ports.parts.parts("birds")) == []


@slow_on_aws
def test_deleting_takes_what_was_judged_and_not_what_was_written_after_it(ports: Ports) -> None:
    segment = ports.datasets.put_segment("pets", b"again\n")
    judged = [each for each in ports.parts.parts("pets") if each.name == segment]
    ports.wait(1)
    ports.datasets.put_segment("pets", b"again\n")
    ports.parts.delete("pets", judged)
    ports.parts.delete("pets", judged)
    assert ports.datasets.segment("pets", segment) == b"again\n"
    ports.parts.delete("pets", list(ports.parts.parts("pets")))
    assert list(ports.parts.parts("pets")) == []


@slow_on_aws
def test_more_parts_than_one_call_takes_are_deleted(ports: Ports) -> None:
    for number in range(1001):
        ports.datasets.put_segment("pets", f"{number}\n".encode())
    ports.parts.delete("pets", list(ports.parts.parts("pets")))
    assert list(ports.parts.parts("pets")) == []
