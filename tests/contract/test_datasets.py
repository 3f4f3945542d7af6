"""Dataset versions: content-addressed parts, one head, and no history lost in a race."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.contract.implementations import Ports
from tests.contract.marks import slow_on_aws
from tests.contract.records import QUIET, edge, journal
from tests.unit.dataset.lines import store_segments
from tests.unit.dataset.test_versions import line, made
from tests.worlds import NOW
from trueup.dataset.documents import document
from trueup.dataset.segments import encode
from trueup.dataset.verify import verify
from trueup.errors import HeadMovedError, IntegrityError, NotFoundError
from trueup.model import DatasetVersion, Segment
from trueup.ports import Journal


def version(ports: Ports, parent: DatasetVersion | None, number: int, project: str = "pets") -> DatasetVersion:
    return made(ports.datasets, parent, [line(number, "cat")], project)


def committed(ports: Ports, count: int) -> list[DatasetVersion]:
    """A chain of versions, oldest first."""
    chain: list[DatasetVersion] = []
    for number in range(count):
        chain.append(version(ports, chain[-1] if chain else None, number))
        ports.datasets.commit(chain[-1], QUIET)
    return chain


def test_a_segment_is_named_by_its_content(ports: Ports) -> None:
    data = encode([line(1, "cat")])
    first = ports.datasets.put_segment("pets", data)
    assert first == ports.datasets.put_segment("pets", data)
    assert first == hashlib.sha256(data).hexdigest()
    assert ports.datasets.segment("pets", first) == data


def test_a_checkpoint_takes_the_place_of_an_older_one(ports: Ports) -> None:
    (first,) = committed(ports, 1)
    assert ports.datasets.checkpoint("pets", first.version_id) is None
    (one,), (other,) = (store_segments(ports.datasets, [line(each, "cat")]) for each in (1, 2))
    ports.datasets.put_checkpoint("pets", first.version_id, [one])
    ports.datasets.put_checkpoint("pets", first.version_id, [one, other])
    assert ports.datasets.checkpoint("pets", first.version_id) == (one, other)
    assert ports.datasets.checkpoint("others", first.version_id) is None
    assert ports.datasets.version("pets", "1") == first


def test_a_long_checkpoint_is_kept_whole(ports: Ports) -> None:
    (first,) = committed(ports, 1)
    many = [Segment(sha256=f"{each:064x}", samples=1, bytes=1, first="0" * 64, last="f" * 64) for each in range(1500)]
    ports.datasets.put_checkpoint("pets", first.version_id, many)
    assert ports.datasets.checkpoint("pets", first.version_id) == tuple(many)


def test_a_segment_that_was_spoilt_is_found_out(ports: Ports) -> None:
    segment = ports.datasets.put_segment("pets", b"good\n")
    ports.spoil_segment("pets", segment)
    with pytest.raises(IntegrityError):
        ports.datasets.segment("pets", segment)


def test_versions_are_found_by_number_name_and_prefix(ports: Ports) -> None:
    chain = committed(ports, 5)
    assert ports.datasets.head("pets") == chain[-1]
    assert ports.datasets.versions("pets") == chain[::-1]
    third = chain[2]
    for name in ("3", "v3", third.version_id, third.version_id[:12]):
        assert ports.datasets.version("pets", name) == third


@pytest.mark.parametrize("name", ["v9", "0", "", "abc", "z" * 64, "²", "v", "latest"])
def test_a_version_that_is_not_there_is_said(ports: Ports, name: str) -> None:
    committed(ports, 1)
    with pytest.raises(NotFoundError):
        ports.datasets.version("pets", name)


def test_too_short_a_prefix_is_no_name(ports: Ports) -> None:
    (first,) = committed(ports, 1)
    with pytest.raises(NotFoundError):
        ports.datasets.version("pets", "x" + first.version_id[:5])


def test_a_stored_version_verifies(ports: Ports) -> None:
    last = committed(ports, 3)[-1]
    read_segment = lambda sha: ports.datasets.segment("pets", sha)  # noqa: E731
    assert verify(last, read_segment, lambda name: ports.datasets.document("pets", name)) == []
    assert ports.datasets.document("pets", last.version_id) == document(last)


def test_a_commit_on_an_old_head_leaves_nothing_behind(ports: Ports) -> None:
    (first,) = committed(ports, 1)
    for stale in (version(ports, None, 7), version(ports, version(ports, None, 8), 9)):
        with pytest.raises(HeadMovedError):
            ports.datasets.commit(stale, journal())
        with pytest.raises(NotFoundError):
            ports.datasets.version("pets", stale.version_id)
    assert ports.datasets.head("pets") == first
    assert ports.datasets.versions("pets") == [first]
    assert ports.outbox() == []
    assert ports.lineage.edges_from("pets", edge().source) == []


def test_a_commit_that_lost_is_no_version_though_its_document_is_there(ports: Ports) -> None:
    (first,) = committed(ports, 1)
    rivals = [version(ports, first, number) for number in (7, 8)]
    ports.datasets.commit(rivals[0], QUIET)
    with pytest.raises(HeadMovedError):
        ports.datasets.commit(rivals[1], QUIET)
    assert ports.datasets.version("pets", rivals[0].version_id) == rivals[0]
    with pytest.raises(NotFoundError):
        ports.datasets.version("pets", rivals[1].version_id)


def test_of_many_commits_on_one_head_one_wins(ports: Ports) -> None:
    (first,) = committed(ports, 1)
    rivals = [version(ports, first, number) for number in range(10, 14)]

    def commit(number: int) -> bool:
        try:
            ports.datasets.commit(rivals[number], journal(number))
        except HeadMovedError:
            return False
        return True

    with ThreadPoolExecutor(4) as workers:
        won = list(workers.map(commit, range(4)))
    assert sum(won) == 1
    assert ports.datasets.head("pets") == rivals[won.index(True)]
    assert [each.data["task_id"] for each in ports.outbox()] == [f"t{won.index(True)}"]


@slow_on_aws
def test_the_journal_is_written_with_the_head(ports: Ports) -> None:
    edges = tuple(edge(number) for number in range(90))
    first = version(ports, None, 1)
    ports.datasets.commit(first, Journal(at=NOW, edges=edges, events=journal().events))
    assert len(ports.lineage.edges_from("pets", edge().source)) == 90
    assert len(ports.outbox()) == 1


def test_projects_have_their_own_heads(ports: Ports) -> None:
    committed(ports, 2)
    assert ports.datasets.head("birds") is None
    assert ports.datasets.versions("birds") == []
    ports.datasets.commit(version(ports, None, 1, "birds"), QUIET)
    assert len(ports.datasets.versions("pets")) == 2


def test_exports_and_reports_are_read_back_by_uri(ports: Ports) -> None:
    export = ports.datasets.put_export("pets", "abc", "train.manifest", b"one")
    assert ports.datasets.put_export("pets", "abc", "train.manifest", b"two") == export
    report = ports.datasets.put_report("pets", "gate/r1.json", b"{}")
    assert (ports.datasets.read(export), ports.datasets.read(report)) == (b"two", b"{}")


def test_parts_that_are_not_there_are_said(ports: Ports) -> None:
    uri = ports.datasets.put_report("pets", "here", b"")
    for ask in (
        lambda: ports.datasets.segment("pets", "0" * 64),
        lambda: ports.datasets.document("pets", "0" * 64),
        lambda: ports.datasets.read(f"{uri}-not"),
    ):
        with pytest.raises(NotFoundError):
            ask()


def test_what_is_stored_for_a_checkpoint_is_told(ports: Ports) -> None:
    (first,) = committed(ports, 1)
    assert ports.datasets.checkpoint_names("pets", first.version_id) == frozenset()
    ports.datasets.put_checkpoint("pets", first.version_id, first.segments)
    names = ports.datasets.checkpoint_names("pets", first.version_id)
    assert names == {each.sha256 for each in first.segments}
    assert names <= {each.name for each in ports.parts.parts("pets")}
