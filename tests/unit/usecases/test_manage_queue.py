"""A queue is paused, drained, emptied; tasks come first, or are passed on until a reviewer looks."""

from __future__ import annotations

import pytest

from tests.worlds import Loop, project
from trueup.errors import InputError, LeaseError, NotFoundError, TaskClosedError
from trueup.model import QueueStatus, TaskStatus
from trueup.usecases.show_reviews import ShowReviews
from trueup.usecases.skip_task import SkipTask
from trueup.usecases.submit_annotation import Submission


@pytest.fixture
def loop() -> Loop:
    made = Loop(project(consensus={"overlap": 1, "max_overlap": 2, "max_skips": 2}))
    made.ingest(made.capture(4))
    return made


def open_ids(loop: Loop) -> list[str]:
    return [each.task_id for each in loop.tasks.by_status("pets", TaskStatus.OPEN, 99)]


def events(loop: Loop, kind: str) -> list[str]:
    return [each.event_type for each in loop.world.outbox if each.event_type == kind]


def test_of_a_paused_queue_nobody_gets_a_task_and_what_is_held_goes_on(loop: Loop) -> None:
    held = loop.claim("pets", "ada")
    assert held is not None
    state = loop.manage.set_status("pets", QueueStatus.PAUSED, "lea", "the guidelines change")
    assert (state.status, state.by, state.reason) == (QueueStatus.PAUSED, "lea", "the guidelines change")
    assert loop.claim("pets", "ben") is None
    token = held.lease.token
    given = Submission(project="pets", task_id=held.task.task_id, annotator="ada", label="cat", lease_token=token)
    assert not loop.submit(given).repeated
    assert loop.manage.set_status("pets", QueueStatus.PAUSED, "max", "the guidelines change").by == "lea"
    loop.manage.set_status("pets", QueueStatus.ACTIVE, "lea")
    assert loop.claim("pets", "ben") is not None
    assert len(events(loop, "QueueChanged")) == 2


def test_to_pause_or_to_empty_a_queue_takes_a_reason(loop: Loop) -> None:
    for status in (QueueStatus.PAUSED, QueueStatus.DRAINING):
        with pytest.raises(InputError, match="annotators read it"):
            loop.manage.set_status("pets", status, "lea", " ")
    with pytest.raises(InputError, match="say why"):
        loop.manage.cancel_open("pets", "lea", "")
    with pytest.raises(NotFoundError):
        loop.manage.state("cows")


def test_a_draining_queue_takes_nothing_new_and_accounts_for_everything(loop: Loop) -> None:
    loop.manage.set_status("pets", QueueStatus.DRAINING, "lea", "the model is replaced")
    receipt = loop.ingest(loop.capture(5, "later", 50))
    assert (receipt.predictions, receipt.selected, dict(receipt.granted)) == (5, 0, {})
    assert loop.claim("pets", "ben") is not None
    loop.manage.set_status("pets", QueueStatus.ACTIVE, "lea")
    assert loop.ingest(loop.capture(5, "again", 80)).selected == 5


def test_an_emptied_queue_refuses_what_was_held(loop: Loop) -> None:
    held = loop.claim("pets", "ada")
    assert held is not None
    assert loop.manage.cancel_open("pets", "lea", "not needed", limit=3) == 3
    assert len(open_ids(loop)) == 1
    assert loop.manage.cancel_open("pets", "lea", "not needed") == 1
    assert loop.manage.cancel_open("pets", "lea", "not needed") == 0
    assert loop.tasks.count("pets", TaskStatus.CANCELLED) == 4
    token = held.lease.token
    given = Submission(project="pets", task_id=held.task.task_id, annotator="ada", label="cat", lease_token=token)
    with pytest.raises(LeaseError):
        loop.submit(given)
    assert loop.claim("pets", "ben") is None
    assert len(events(loop, "TaskCancelled")) == 4


def test_what_was_put_first_comes_first(loop: Loop) -> None:
    (*_, last) = open_ids(loop)
    task = loop.manage.prioritise("pets", last, "lea")
    assert loop.manage.prioritise("pets", last, "lea").priority == task.priority
    assert open_ids(loop)[0] == last
    for who in ("ada", "ben"):
        claimed = loop.claim("pets", who)
        assert claimed is not None
        assert (claimed.task.task_id == last) == (who == "ada")
    assert loop.standings.standing("pets").hastened_at is not None
    loop.manage.cancel("pets", last, "lea", "broken")
    loop.clock.advance(61)
    assert loop.claim("pets", "cleo") is not None
    assert loop.standings.standing("pets").hastened_at is None
    with pytest.raises(TaskClosedError, match="is cancelled"):
        loop.manage.prioritise("pets", last, "lea")
    with pytest.raises(TaskClosedError, match="only one that is open or in review"):
        loop.manage.cancel("pets", last, "lea", "broken")


def test_what_several_people_passed_on_goes_to_a_reviewer_with_their_reasons(loop: Loop) -> None:
    skip = SkipTask({"pets": loop.config}, loop.tasks, loop.queue, loop.clock)
    loop.manage.prioritise("pets", open_ids(loop)[0], "lea")
    for who, reason in (("ada", "Unreadable"), ("ben", "Unreadable")):
        claimed = loop.claim("pets", who)
        assert claimed is not None
        skip("pets", claimed.task.task_id, who, claimed.lease.token, reason)
    (waiting,) = ShowReviews({"pets": loop.config}, loop.tasks).waiting("pets")
    assert [(each.by, each.reason) for each in waiting.skips] == [("ada", "Unreadable"), ("ben", "Unreadable")]
    (told,) = [each for each in loop.world.outbox if each.event_type == "ReviewRequested"]
    assert "passed on by 2: Unreadable (2)" in str(told)
