"""Versions are found by every name, and named by people."""

from __future__ import annotations

import pytest

from tests.unit.usecases.refs import BY, MemoryShelf, shelf
from trueup.adapters.memory import FixedClock
from trueup.errors import ConflictError, InputError, NotFoundError
from trueup.model import RetrainingRun, RunStatus
from trueup.ports import Journal
from trueup.usecases.conclude_run import ConcludeRun, Conclusion


@pytest.fixture
def lived() -> MemoryShelf:
    """v1, v2 and v5 on main, v3 and v4 on relabel, which v5 merges; an hour between them, from 10:00 on."""
    found = shelf()
    found.put({1: "cat"})
    found.clock.advance(3600)
    found.put({2: "dog"})
    found.branch("relabel")
    for label in ("fox", "cat"):
        found.clock.advance(3600)
        found.put({2: label}, "relabel")
    found.clock.advance(3600)
    found.merge("pets", found.find("pets", "relabel"), "main", "merge", by=BY, fast_forward=False)
    return found


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("head", 5),
        ("main", 5),
        ("relabel", 4),
        ("relabel~1", 3),
        ("relabel~3", 1),
        ("head^", 2),
        ("head^2", 4),
        ("head^2^", 3),
        ("v4~2", 2),
        ("main@2026-11-24T11:30", 2),
        ("2026-11-24T13:30", 2),
        ("2026-11-24", 5),
        ("relabel@2026-11-24T12:00", 3),
        ("frozen", 2),
        ("frozen~", 1),
        ("3", 3),
    ],
)
def test_a_version_is_found_by(lived: MemoryShelf, name: str, number: int) -> None:
    lived.names.tag("frozen", lived.find("pets", "v2"), BY, "")
    assert lived.find("pets", name).number == number


def test_a_version_is_found_by_its_id(lived: MemoryShelf) -> None:
    third = lived.find("pets", "3")
    assert lived.find("pets", third.version_id) == lived.find("pets", third.version_id[:8]) == third


@pytest.mark.parametrize("name", ["v9", "nothing", "v1^", "head~9", "v2^2", "main@2026-11-24T09:59", "0123456789ab"])
def test_a_version_that_is_not_there_is_said(lived: MemoryShelf, name: str) -> None:
    with pytest.raises(NotFoundError):
        lived.find("pets", name)


def test_without_a_version_head_is_not_there() -> None:
    with pytest.raises(NotFoundError, match="project pets has no dataset version yet"):
        shelf().find("pets", "head")


def test_a_tag_stays_where_it_is_unless_it_is_forced(lived: MemoryShelf) -> None:
    first, second = lived.find("pets", "v1"), lived.find("pets", "v2")
    made = lived.names.tag("frozen", first, BY, "for the paper")
    assert lived.names.tag("frozen", first, "operator:ben", "again") == made
    with pytest.raises(ConflictError, match="the tag frozen names v1: add --force to move it to v2"):
        lived.names.tag("frozen", second, BY, "")
    assert lived.names.tag("frozen", second, BY, "", move=True).version_id == second.version_id
    events = [each.data for each in lived.world.outbox if each.event_type == "RefMoved" and each.data["kind"] == "tag"]
    assert [(each["name"], each["version_id"]) for each in events] == [
        ("frozen", first.version_id),
        ("frozen", second.version_id),
    ]


def test_a_name_is_a_branch_or_a_tag(lived: MemoryShelf) -> None:
    first = lived.find("pets", "v1")
    for name in ("main", "relabel"):
        with pytest.raises(ConflictError, match=f"has a branch {name}"):
            lived.names.tag(name, first, BY, "")
    lived.names.tag("frozen", first, BY, "")
    with pytest.raises(ConflictError, match="has a tag frozen"):
        lived.names.branch("frozen", first, BY, "")


def test_names_are_taken_away(lived: MemoryShelf) -> None:
    lived.names.tag("frozen", lived.find("pets", "v1"), BY, "")
    lived.names.untag("pets", "frozen", BY, "over")
    assert lived.names.delete_branch("pets", "relabel", BY, "merged").number == 4
    for take in (lived.names.untag, lived.names.delete_branch):
        with pytest.raises(NotFoundError):
            take("pets", "frozen", BY, "")
    assert lived.find("pets", "v4").number == 4
    with pytest.raises(InputError, match="main is what models are trained on"):
        lived.names.delete_branch("pets", "main", BY, "")
    with pytest.raises(InputError, match="follows promotions"):
        lived.names.untag("pets", "champion", BY, "")


def test_nothing_is_committed_to_a_branch_that_is_not_there(lived: MemoryShelf) -> None:
    lived.names.delete_branch("pets", "relabel", BY, "merged")
    with pytest.raises(NotFoundError, match="no branch relabel"):
        lived.put({3: "cat"}, "relabel")
    assert lived.datasets.heads("pets").keys() == {"main"}


def test_the_champion_is_what_the_promoted_model_was_trained_on(lived: MemoryShelf) -> None:
    second = lived.find("pets", "v2")
    run = RetrainingRun(
        project="pets",
        run_id="r1",
        status=RunStatus.RUNNING,
        version_id=second.version_id,
        rule="count",
        reason="enough",
        started_at=lived.clock.now(),
    )
    lived.runs.begin(run, Journal(at=lived.clock.now()))
    conclude = ConcludeRun(runs=lived.runs, clock=FixedClock())
    for outcome in ("registered", "promoted", "promoted"):
        conclude(Conclusion(project="pets", run_id="r1", outcome=outcome, endpoint_config="c", model_package_arn="m"))
        promoted = outcome == "promoted"
        assert (lived.refs.tag("pets", "champion") is not None) is promoted
    assert lived.find("pets", "champion") == second
    tag = lived.refs.tag("pets", "champion")
    assert tag is not None
    assert (tag.by, tag.reason) == ("trueup", "run r1 was promoted")
    assert [each.data["name"] for each in lived.world.outbox if each.event_type == "RefMoved"][-1] == "champion"
