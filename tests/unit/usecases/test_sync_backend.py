"""Batches at a foreign labeling backend: in none twice, none forgotten, whatever moment a pass is cut short at."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from tests.worlds import NOW, Loop, opening, project
from trueup.adapters.memory import MemoryLabelingBackend, MemoryLineageStore, MemoryTaskStore
from trueup.annotation.tasks import settle
from trueup.model import Annotation, Node, NodeKind, Task, TaskStatus
from trueup.ports import Journal
from trueup.quality.consensus import MoreAnswers
from trueup.usecases.settle_consensus import SettleConsensus
from trueup.usecases.sync_backend import SyncBackend, SyncReport
from trueup.usecases.take_backend_answers import TakeBackendAnswers

ELSEWHERE = project(backend="ground_truth", ground_truth={"workteam_arn": "arn:aws:sagemaker:us-east-1:1:workteam/w"})


class CutShortError(Exception):
    """The function was killed here."""


class FragileTasks(MemoryTaskStore):
    """Dies at the nth save."""

    saves_left = -1

    def save(self, task: Task, journal: Journal, **kinds: object) -> None:
        if self.saves_left == 0:
            raise CutShortError
        self.saves_left -= 1
        super().save(task, journal, **kinds)  # type: ignore[arg-type]


class FragileBackend(MemoryLabelingBackend):
    dies = False

    def start(self, name: str, tasks: Sequence[Task]) -> None:
        if self.dies:
            raise CutShortError
        super().start(name, tasks)


class Desk:
    def __init__(self, count: int = 3) -> None:
        self.loop = Loop(config=ELSEWHERE)
        self.tasks = FragileTasks(self.loop.world)
        self.batches, self.backend = self.loop.batches, FragileBackend()
        openings = [opening(number, config=ELSEWHERE) for number in range(count)]
        self.task_ids = self.tasks.open(openings, Journal(at=NOW))
        self.sync = SyncBackend(
            project=ELSEWHERE,
            tasks=self.tasks,
            answers=TakeBackendAnswers(self.tasks, self.loop.clock),
            batches=self.batches,
            backends={"ground_truth": self.backend},
            queue=self.loop.queue,
            clock=self.loop.clock,
        )

    def sent(self) -> list[str]:
        return sorted(each.task_id for tasks in self.backend.jobs.values() for each in tasks)

    def give(self, job: str, task_id: str, annotator: str, label: str = "cat") -> None:
        task = self.tasks.get("pets", task_id)
        answer = Annotation(
            project="pets",
            annotation_id=f"{job}-{task_id}-{annotator}"[:64],
            task_id=task_id,
            sample_id=task.sample_id,
            annotator=annotator,
            label=label,
            submitted_at=NOW,
            backend="ground_truth",
        )
        self.backend.given.setdefault(job, []).append(answer)


def test_open_tasks_go_out_once() -> None:
    desk = Desk()
    assert desk.sync() == SyncReport(sent=3, received=0)
    assert desk.sync() == SyncReport(sent=0, received=0)
    assert desk.sent() == sorted(desk.task_ids)


@pytest.mark.parametrize("saves", [0, 1, 2])
def test_a_pass_killed_while_marking_is_taken_up(saves: int) -> None:
    desk = Desk()
    desk.tasks.saves_left = saves
    with pytest.raises(CutShortError):
        desk.sync()
    desk.tasks.saves_left = -1
    desk.sync()
    desk.sync()
    assert desk.sent() == sorted(desk.task_ids)


def test_a_pass_killed_before_the_job_exists_is_taken_up() -> None:
    desk = Desk()
    desk.backend.dies = True
    with pytest.raises(CutShortError):
        desk.sync()
    desk.backend.dies = False
    desk.sync()
    assert desk.sent() == sorted(desk.task_ids)


def test_answers_come_in_once_and_end_the_batch() -> None:
    desk = Desk(count=1)
    desk.sync()
    (job,) = desk.backend.jobs
    desk.give(job, desk.task_ids[0], "w1")
    assert desk.sync().received == 1
    desk.give(job, desk.task_ids[0], "w2")
    desk.backend.statuses[job] = "completed"
    assert desk.sync().received == 1
    assert desk.sync() == SyncReport(sent=0, received=0)
    assert desk.tasks.get("pets", desk.task_ids[0]).answered_by == ("w1", "w2")
    assert [each.event_type for each in desk.loop.world.outbox] == ["AnnotationSubmitted"] * 2 + ["BatchEnded"]


def test_what_a_batch_cost_is_written_as_it_ends() -> None:
    desk = Desk(count=2)
    desk.backend.dear = True
    desk.sync()
    (job,) = desk.backend.jobs
    for each in desk.task_ids:
        for who in ("w1", "w2"):
            desk.give(job, each, who)
    desk.sync()
    assert desk.batches.charges("pets") == []
    desk.backend.statuses[job] = "completed"
    desk.sync()
    desk.sync()
    (charge,) = desk.batches.charges("pets", f"{NOW:%Y-%m}")
    assert (charge.batch, charge.backend, charge.objects, charge.answers) == (job, "ground_truth", 2, 4)
    (ended,) = [each for each in desk.loop.world.outbox if each.event_type == "BatchEnded"]
    assert (ended.data["status"], ended.data["amount"], ended.data["currency"]) == ("completed", 0.02, "USD")
    (report,) = desk.loop.report("pets").services
    assert (report.batches, report.objects, report.amount, report.this_month) == (1, 2, 0.02, 0.02)


def test_a_task_leads_to_its_batch() -> None:
    desk = Desk(count=1)
    desk.sync()
    (job,) = desk.backend.jobs
    edges = MemoryLineageStore(desk.loop.world).edges_to("pets", Node(kind=NodeKind.BATCH, id=job))
    assert [(each.source.id, each.actor) for each in edges] == [(desk.task_ids[0], "ground_truth")]


def test_what_costs_nothing_is_no_charge() -> None:
    desk = Desk(count=1)
    desk.sync()
    (job,) = desk.backend.jobs
    desk.backend.statuses[job] = "failed"
    desk.sync()
    assert desk.batches.charges("pets") == []
    (ended,) = [each for each in desk.loop.world.outbox if each.event_type == "BatchEnded"]
    assert (ended.data["status"], ended.data["objects"]) == ("failed", 0)


@pytest.mark.parametrize("status", ["completed", "stopped"])
def test_what_a_job_left_unanswered_goes_into_a_job_of_another_name(status: str) -> None:
    desk = Desk(count=2)
    desk.sync()
    (job,) = desk.backend.jobs
    for who in ("w1", "w2"):
        desk.give(job, desk.task_ids[0], who)
    desk.backend.statuses[job] = status
    assert desk.sync().sent == 1
    (_, again) = desk.backend.jobs.values()
    assert [each.task_id for each in again] == [desk.task_ids[1]]
    assert desk.tasks.get("pets", desk.task_ids[1]).status is TaskStatus.OPEN


def test_a_job_that_failed_is_followed_by_another_an_hour_later() -> None:
    desk = Desk(count=2)
    for _ in range(5):
        assert desk.sync().sent == 2
        job = list(desk.backend.jobs)[-1]
        desk.backend.statuses[job] = "failed"
        assert desk.sync().sent == 0
        desk.loop.clock.advance(3601)
    assert len(desk.backend.jobs) == 5
    assert {desk.tasks.get("pets", each).status for each in desk.task_ids} == {TaskStatus.OPEN}


def test_what_expired_is_asked_again_and_in_the_end_a_reviewer() -> None:
    desk = Desk(count=1)
    (task_id,) = desk.task_ids
    desk.backend.curable = {task_id}
    for _ in range(3):
        assert desk.sync().sent == 1
        job = list(desk.backend.jobs)[-1]
        desk.backend.failed[job] = {task_id: "nobody took it in time"}
        desk.backend.statuses[job] = "completed"
    assert desk.sync().sent == 0
    assert desk.tasks.get("pets", task_id).status is TaskStatus.REVIEW
    (asked,) = [each for each in desk.loop.world.outbox if each.event_type == "ReviewRequested"]
    assert asked.data["reason"] == "ground_truth could not label it: nobody took it in time"


def test_a_task_that_only_ever_gets_the_same_worker_ends_with_a_reviewer() -> None:
    desk = Desk(count=1)
    (task_id,) = desk.task_ids
    for _ in range(3):
        desk.sync()
        job = list(desk.backend.jobs)[-1]
        desk.give(job, task_id, "w1")
        desk.backend.statuses[job] = "completed"
    desk.sync()
    assert desk.tasks.get("pets", task_id).status is TaskStatus.REVIEW
    (asked,) = [each for each in desk.loop.world.outbox if each.event_type == "ReviewRequested"]
    assert "3 batches in turn brought too few answers" in asked.data["reason"]


def test_a_task_whose_answers_differ_goes_out_again_for_one_more() -> None:
    desk = Desk(count=1)
    (task_id,) = desk.task_ids
    desk.sync()
    (job,) = desk.backend.jobs
    desk.give(job, task_id, "w1", "cat")
    desk.give(job, task_id, "w2", "dog")
    desk.backend.statuses[job] = "completed"
    desk.sync()
    settle = SettleConsensus(
        {"pets": ELSEWHERE}, desk.tasks, desk.loop.skills, desk.loop.queue, desk.loop.clock, desk.loop.score
    )
    assert isinstance(settle("pets", task_id), MoreAnswers)
    assert desk.sync().sent == 1
    ((again,),) = list(desk.backend.jobs.values())[1:]
    assert (again.overlap, again.answered_by) == (3, ("w1", "w2"))


def test_what_the_backend_cannot_label_goes_to_a_reviewer() -> None:
    desk = Desk(count=1)
    desk.sync()
    (job,) = desk.backend.jobs
    desk.backend.failed[job] = {desk.task_ids[0]: "the text is too long"}
    desk.backend.statuses[job] = "failed"
    assert desk.sync().sent == 0
    assert desk.tasks.get("pets", desk.task_ids[0]).status is TaskStatus.REVIEW
    (asked,) = [each for each in desk.loop.world.outbox if each.event_type == "ReviewRequested"]
    assert asked.data["reason"] == "ground_truth could not label it: the text is too long"


def test_a_batch_of_tasks_that_were_settled_meanwhile_is_closed() -> None:
    desk = Desk(count=1)
    desk.backend.dies = True
    with pytest.raises(CutShortError):
        desk.sync()
    desk.backend.dies = False
    task = desk.tasks.get("pets", desk.task_ids[0])
    desk.tasks.save(settle(msgspec.structs.replace(task)), Journal(at=NOW))
    desk.sync()
    assert desk.backend.jobs == {}
    assert desk.batches.batches("pets", "in_progress") == []
