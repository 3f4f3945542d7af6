"""Several queues of a project: who is given what first, deadlines, and answers that go where their task waits."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.worlds import NOW, Loop, opening, project
from trueup.annotation.queues import open_to, route
from trueup.annotation.tasks import open_task
from trueup.model import Project, Sample, Selection, Task, TaskStatus
from trueup.ports import Journal
from trueup.usecases.extend_lease import ExtendLease
from trueup.usecases.openings import invite
from trueup.usecases.skip_task import SkipTask
from trueup.usecases.submit_annotation import Submission

QUEUES = [
    {"name": "nordic", "slices": ["se", "no"], "groups": ["nordic"], "priority": 2, "deadline_hours": 1},
    {"name": "foxes", "classes": ["fox"], "priority": 1},
    {"name": "late", "reasons": ["audit"], "priority": -1},
]


def config(**more: Any) -> Project:
    annotation = {"queues": QUEUES, "deadline_hours": 48, **more}
    selection = {"rate": 1.0, "audit_share": 0.0, "slice_by": "attribute:region"}
    return project(annotation=annotation, selection=selection, consensus={"overlap": 1, "max_overlap": 2})


def put(loop: Loop, number: int, part: str | None = None, said: str = "cat", why: str = "margin") -> Task:
    """Open a task of this slice, prediction and reason, as ingest does."""
    sample, selection = parts(loop.config, number, part, said, why)
    made = opening(number, config=loop.config)
    task = open_task("pets", sample, selection, NOW, loop.config)
    loop.tasks.open([msgspec.structs.replace(made, sample=sample, selection=selection, task=task)], Journal(at=NOW))
    invite(loop.config, loop.queue, [task])
    return task


def parts(settings: Project, number: int, part: str | None, said: str, why: str) -> tuple[Sample, Selection]:
    made = opening(number, config=settings)
    prediction = msgspec.structs.replace(made.selection.prediction, classes=(said,), probabilities=(1.0,))
    selection = msgspec.structs.replace(made.selection, strategy=why, prediction=prediction)
    return msgspec.structs.replace(made.sample, slice=part), selection


@pytest.mark.parametrize(
    ("part", "said", "why", "queue"),
    [
        (None, "cat", "margin", ""),
        ("se", "fox", "audit", "nordic"),
        ("de", "fox", "audit", "foxes"),
        ("de", "cat", "audit", "late"),
    ],
)
def test_a_task_goes_into_the_first_queue_that_wants_it(part: str | None, said: str, why: str, queue: str) -> None:
    assert route(config(), *parts(config(), 1, part, said, why)).name == queue


def test_a_queue_of_several_wishes_wants_what_meets_all() -> None:
    both = config(queues=[{"name": "both", "slices": ["se"], "classes": ["fox"]}])
    assert route(both, *parts(both, 1, "se", "fox", "margin")).name == "both"
    assert route(both, *parts(both, 1, "se", "cat", "margin")).name == ""


def test_the_most_urgent_queue_comes_first_and_only_for_those_who_work_on_it() -> None:
    assert open_to(config(), {"nordic", "annotators"}) == ["nordic", "foxes", "", "late"]
    assert open_to(config(), {"annotators"}) == ["foxes", "", "late"]
    loop = Loop(config())
    tasks = {
        "": put(loop, 1),
        "late": put(loop, 2, why="audit"),
        "foxes": put(loop, 3, said="fox"),
        "nordic": put(loop, 4, part="no"),
    }
    assert {name: loop.queue.depth(each.lane) for name, each in tasks.items()} == dict.fromkeys(tasks, 1)
    given = [claimed(loop, "ada").queue for _ in range(3)]
    assert given == ["foxes", "", "late"]
    assert loop.claim("pets", "ada") is None
    assert claimed(loop, "bo", "nordic").queue == "nordic"


def claimed(loop: Loop, who: str, *groups: str) -> Task:
    found = loop.claim("pets", who, groups)
    assert found is not None
    return found.task


def test_a_lost_message_orphans_no_task_of_a_queue_and_opens_it_to_nobody_else() -> None:
    loop = Loop(config())
    task = put(loop, 4, part="no")
    loop.queue._messages.clear()
    assert loop.claim("pets", "ada") is None
    assert claimed(loop, "bo", "nordic").task_id == task.task_id


def test_what_is_given_back_held_and_done_with_is_a_message_of_its_own_queue() -> None:
    loop = Loop(config())
    task = put(loop, 3, said="fox")
    projects = {"pets": loop.config}
    held = loop.claim("pets", "ada")
    assert held is not None
    ExtendLease(projects, loop.tasks, loop.queue, loop.clock)("pets", task.task_id, "ada", held.lease.token)
    SkipTask(projects, loop.tasks, loop.queue, loop.clock)("pets", task.task_id, "ada", held.lease.token, "unsure")
    assert (loop.queue.depth("pets/foxes"), loop.queue.depth("pets")) == (1, 0)
    again = loop.claim("pets", "ben")
    assert again is not None
    token = again.lease.token
    loop.submit(Submission(project="pets", task_id=task.task_id, annotator="ben", label="cat", lease_token=token))
    assert (loop.queue.depth("pets/foxes"), loop.queue.depth("pets")) == (0, 0)
    loop.settle("pets", task.task_id)
    assert loop.tasks.get("pets", task.task_id).status in (TaskStatus.SETTLED, TaskStatus.OPEN)


def test_what_is_overdue_comes_first_once_the_report_has_looked() -> None:
    loop = Loop(config())
    foxes, nordic, own = put(loop, 3, said="fox"), put(loop, 4, part="no"), put(loop, 1)
    assert [each.due_at is not None for each in (foxes, nordic, own)] == [False, True, True]
    loop.clock.advance(2 * 3600)
    made = loop.report("pets")
    assert made.overdue == 1
    assert loop.tasks.by_status("pets", TaskStatus.OPEN, 1)[0].task_id == nordic.task_id
    loop.clock.advance(48 * 3600)
    assert loop.report("pets").overdue == 2
    assert claimed(loop, "ada").task_id == own.task_id
    assert claimed(loop, "ada").task_id == foxes.task_id
