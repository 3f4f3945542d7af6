"""Batches at a foreign labeling backend: in none twice, none forgotten, whatever moment a pass is cut short at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from tests.contract.records import annotation
from tests.worlds import NOW, Loop, opening, project
from trueup.adapters.memory import MemoryLabelingBackend, MemoryLineageStore, MemoryTaskStore
from trueup.annotation.answers import live
from trueup.annotation.tasks import settle
from trueup.model import Annotation, Node, NodeKind, Task, TaskStatus
from trueup.ports import AnsweredTask, Journal
from trueup.quality.consensus import MoreAnswers
from trueup.usecases.settle_consensus import SettleConsensus
from trueup.usecases.sync_backend import SyncBackend, SyncReport
from trueup.usecases.take_backend_answers import TakeBackendAnswers

FOREIGN = {"backend": "ground_truth", "ground_truth": {"workteam_arn": "arn:aws:sagemaker:us-east-1:1:workteam/w"}}
ELSEWHERE = project(**FOREIGN)
STUDIO = project(backend="label_studio", label_studio={"url": "https://labels.example.com", "secret": "labels"})


class CutShortError(Exception):
    """The function was killed here."""


class FragileTasks(MemoryTaskStore):
    """Dies at the nth save, or is overtaken just before it."""

    saves_left = -1
    saves_until_overtaken = -1
    overtake: Callable[[], object] = print

    def save(self, task: Task, journal: Journal, **kinds: object) -> None:
        if self.saves_left == 0:
            raise CutShortError
        self.saves_left -= 1
        self.saves_until_overtaken -= 1
        if self.saves_until_overtaken == -1:
            self.overtake()
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
        self.claim = replace(self.loop.claim, tasks=self.tasks)
        self.sync = SyncBackend(
            project=ELSEWHERE,
            tasks=self.tasks,
            answers=TakeBackendAnswers(self.tasks, self.loop.clock),
            batches=self.batches,
            backends={"ground_truth": self.backend},
            standings=self.loop.standings,
            clock=self.loop.clock,
        )

    def sent(self) -> list[str]:
        return sorted(each.task_id for tasks in self.backend.jobs.values() for each in tasks)

    def change(self, task_id: str, *said: tuple[str, ...], seconds: int) -> None:
        """What stands at the backend from now on: (who, label), and a third word for an answer made anew."""
        task, at = self.tasks.get("pets", task_id), NOW + timedelta(seconds=seconds)
        answers = tuple(
            annotation(
                task,
                who,
                label,
                seconds,
                annotation_id=f"{who}-{label}-{seconds}-{task_id}"[:60],
                backend="ground_truth",
            )
            for who, label, *_ in said
        )
        self.backend.changed[task_id] = AnsweredTask(task_id=task_id, at=at, answers=answers)

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


def left_unanswered(desk: Desk, job: str) -> None:
    desk.backend.statuses[job] = "completed"


def could_not_be_labelled(desk: Desk, job: str) -> None:
    desk.backend.failed[job] = dict.fromkeys(desk.task_ids, "the text is too long")
    desk.backend.statuses[job] = "failed"


def was_of_a_backend_without_settings(desk: Desk, _job: str) -> None:
    desk.sync = replace(desk.sync, project=project(), backends={})


def came_back_one_by_one(desk: Desk, job: str) -> None:
    desk.give(job, desk.task_ids[0], "w1")
    desk.backend.done[job] = set(desk.task_ids[:2])


@pytest.mark.parametrize("saves", range(5))
@pytest.mark.parametrize(
    "ended", [left_unanswered, could_not_be_labelled, was_of_a_backend_without_settings, came_back_one_by_one]
)
def test_a_pass_that_another_one_overtakes_goes_on(ended: Callable[[Desk, str], None], saves: int) -> None:
    """The hints of a minute wake several at once."""

    def after(overtaken: int) -> tuple[object, ...]:
        desk = Desk()
        desk.sync()
        ended(desk, *desk.backend.jobs)
        desk.tasks.overtake, desk.tasks.saves_until_overtaken = desk.sync, overtaken
        desk.sync()
        desk.sync()
        tasks = [desk.tasks.get("pets", each) for each in desk.task_ids]
        events = sorted(str(each.data) for each in desk.loop.world.outbox)
        return tasks, desk.backend.jobs.keys(), desk.batches.batches("pets", "in_progress"), events

    assert after(saves) == after(-1)


def test_a_task_that_is_settled_as_its_batch_ends_is_left_so() -> None:
    desk = Desk(count=1)
    desk.sync()
    (job,) = desk.backend.jobs
    desk.backend.statuses[job] = "completed"
    task_id = desk.task_ids[0]

    def ruled() -> None:
        desk.tasks.save(settle(desk.tasks.get("pets", task_id)), Journal(at=NOW))

    desk.tasks.overtake, desk.tasks.saves_until_overtaken = ruled, 0
    desk.sync()
    assert desk.tasks.get("pets", task_id).status is TaskStatus.SETTLED
    assert desk.batches.batches("pets", "in_progress") == []


# ---------------------------------------------------------------- single tasks


def test_a_task_that_comes_back_alone_goes_out_alone() -> None:
    desk = Desk(count=2)
    desk.sync()
    (job,) = desk.backend.jobs
    desk.give(job, desk.task_ids[0], "w1")
    desk.backend.done[job] = {desk.task_ids[0]}
    report = desk.sync()
    assert (report.received, report.sent) == (1, 1)
    (later,) = [each for each in desk.backend.jobs if each != job]
    assert [each.task_id for each in desk.backend.jobs[later]] == [desk.task_ids[0]]
    assert desk.tasks.get("pets", desk.task_ids[1]).backend_batch == job


def test_of_a_task_that_was_settled_here_nobody_is_asked_there_any_more() -> None:
    desk = Desk(count=2)
    desk.sync()
    (job,) = desk.backend.jobs
    desk.tasks.save(settle(desk.tasks.get("pets", desk.task_ids[0])), Journal(at=NOW))
    desk.sync()
    assert desk.backend.withdrawn == {job: {desk.task_ids[0]}}
    assert desk.backend.status(job) == "in_progress"


# ---------------------------------------------------------------- what people change there


def test_another_answer_of_the_same_person_supersedes_theirs() -> None:
    desk = Desk(count=1)
    desk.sync()
    (job,) = desk.backend.jobs
    desk.give(job, desk.task_ids[0], "w1", "cat")
    desk.sync()
    desk.change(desk.task_ids[0], ("w1", "dog"), seconds=5)
    assert desk.sync() == SyncReport(sent=0, received=1)
    assert desk.sync() == SyncReport(sent=0, received=0)
    old, new = desk.tasks.annotations("pets", desk.task_ids[0])
    assert (new.supersedes, new.label, new.annotator) == (old.annotation_id, "dog", "w1")
    assert desk.tasks.get("pets", desk.task_ids[0]).answered_by == ("w1",)


def test_an_answer_that_says_the_same_again_is_none() -> None:
    desk = Desk(count=1)
    desk.sync()
    desk.change(desk.task_ids[0], ("w1", "cat"), seconds=1)
    desk.sync()
    desk.change(desk.task_ids[0], ("w1", "cat"), seconds=9)
    assert desk.sync() == SyncReport(sent=0, received=0)


def test_an_older_view_of_an_answer_changes_nothing() -> None:
    desk = Desk(count=1)
    desk.sync()
    for seconds, label in ((9, "dog"), (3, "cat")):
        desk.change(desk.task_ids[0], ("w1", label), seconds=seconds)
        desk.sync()
    assert [each.label for each in live(desk.tasks.annotations("pets", desk.task_ids[0]))] == ["dog"]


def test_a_correction_opens_what_was_settled_and_never_what_was_ruled_on() -> None:
    desk = Desk(count=2)
    desk.sync()
    settled, ruled = desk.task_ids
    for each in (settled, ruled):
        desk.change(each, ("w1", "cat"), seconds=1)
    desk.sync()
    desk.tasks.save(settle(desk.tasks.get("pets", settled)), Journal(at=NOW))
    final = msgspec.structs.replace(settle(desk.tasks.get("pets", ruled)), final=True)
    desk.tasks.save(final, Journal(at=NOW))
    for each in (settled, ruled):
        desk.change(each, ("w1", "dog"), seconds=5)
    assert desk.sync().received == 1
    assert desk.tasks.get("pets", settled).status is TaskStatus.OPEN
    assert desk.tasks.get("pets", ruled).status is TaskStatus.SETTLED


def test_an_answer_that_was_taken_back_counts_no_more_and_is_asked_for_again() -> None:
    desk = Desk(count=1)
    (task_id,) = desk.task_ids
    desk.sync()
    desk.change(task_id, ("w1", "cat"), ("w2", "cat"), seconds=1)
    desk.sync()
    desk.tasks.save(settle(desk.tasks.get("pets", task_id)), Journal(at=NOW))
    desk.change(task_id, ("w1", "cat"), seconds=5)
    assert desk.sync() == SyncReport(sent=1, received=0, withdrawn=1)
    task = desk.tasks.get("pets", task_id)
    assert (task.status, task.answered_by) == (TaskStatus.OPEN, ("w1",))
    assert [each.annotator for each in live(desk.tasks.annotations("pets", task_id))] == ["w1"]
    withdrawn = [each for each in desk.loop.world.outbox if each.event_type == "AnnotationWithdrawn"]
    assert [each.data["annotator"] for each in withdrawn] == ["w2"]
    assert desk.sync() == SyncReport(sent=0, received=0)
    desk.change(task_id, ("w1", "cat"), ("w2", "cat", "again"), seconds=6)
    assert desk.sync().received == 1
    assert desk.tasks.get("pets", task_id).answered_by == ("w1", "w2")


def test_an_answer_of_after_the_look_is_not_taken_back() -> None:
    desk = Desk(count=1)
    (task_id,) = desk.task_ids
    desk.sync()
    desk.change(task_id, ("w1", "cat"), seconds=9)
    desk.sync()
    desk.backend.changed[task_id] = AnsweredTask(task_id=task_id, at=NOW + timedelta(seconds=8), answers=())
    assert desk.sync().withdrawn == 0


def test_answers_to_tasks_that_are_not_ours_are_left() -> None:
    desk = Desk(count=1)
    desk.sync()
    (task_id,) = desk.task_ids
    desk.change(task_id, ("w1", "cat"), seconds=1)
    stranger = msgspec.structs.replace(desk.backend.changed[task_id].answers[0], task_id="stranger")
    desk.backend.changed["stranger"] = AnsweredTask(task_id="stranger", at=NOW, answers=(stranger,))
    assert desk.sync().received == 1


# ---------------------------------------------------------------- another backend


def test_a_batch_of_a_former_backend_is_called_back_and_asked_elsewhere() -> None:
    desk = Desk(count=2)
    desk.sync()
    (job,) = desk.backend.jobs
    desk.give(job, desk.task_ids[0], "w1")
    studio = MemoryLabelingBackend()
    sync = replace(desk.sync, project=STUDIO, backends={"ground_truth": desk.backend, "label_studio": studio})
    report = sync()
    assert (report.received, report.sent) == (1, 2)
    assert desk.backend.status(job) == "stopped"
    (batch,) = studio.jobs.values()
    assert {each.task_id for each in batch} == set(desk.task_ids)
    found = [desk.tasks.get("pets", each) for each in desk.task_ids]
    assert {each.backend for each in found} == {"label_studio"}
    assert sorted(each.answered_by for each in found) == [(), ("w1",)]
    assert sync() == SyncReport(sent=0, received=0)


def test_a_batch_of_a_backend_without_settings_is_given_up_and_its_tasks_are_not() -> None:
    desk = Desk(count=2)
    desk.sync()
    home = replace(desk.sync, project=project(), backends={})
    assert home().sent == 2
    claimed = desk.claim("pets", "ada")
    assert claimed is not None
    assert claimed.task.task_id in desk.task_ids
    assert {desk.tasks.get("pets", each).backend for each in desk.task_ids} == {"queue"}
    assert desk.batches.batches("pets", "in_progress") == []


def test_tasks_that_never_went_out_come_home_in_a_thorough_pass() -> None:
    desk = Desk(count=2)
    home = replace(desk.sync, project=project(), backends={})
    assert home().sent == 0
    assert home(thorough=True).sent == 2
    assert home(thorough=True).sent == 0
    assert desk.claim("pets", "ada") is not None


def test_tasks_of_the_queue_go_to_the_backend_once_nobody_holds_them() -> None:
    desk = Desk(count=2)
    home = replace(desk.sync, project=project(), backends={})
    home(thorough=True)
    held = desk.claim("pets", "ada")
    assert held is not None
    assert desk.sync().sent == 1
    assert desk.tasks.get("pets", held.task.task_id).backend == "queue"
    assert desk.claim("pets", "ben") is None or desk.loop.claim("pets", "ben") is None
    desk.loop.clock.advance(seconds=3600)
    assert desk.sync().sent == 1
    assert desk.claim("pets", "cleo") is None


# ---------------------------------------------------------------- what people see


@pytest.mark.parametrize(("shown", "strategy", "seen"), [(True, "margin", 1), (True, "audit", 0), (False, "margin", 0)])
def test_the_model_is_shown_where_the_project_wishes_and_never_in_an_audit(
    shown: bool, strategy: str, seen: int
) -> None:
    desk = Desk(count=0)
    config = project(**FOREIGN, annotation={"show_prediction": shown})
    made = opening(1, config=config)
    selection = msgspec.structs.replace(made.selection, strategy=strategy)
    desk.tasks.open([msgspec.structs.replace(made, selection=selection)], Journal(at=NOW))
    replace(desk.sync, project=config)()
    (batch,) = desk.backend.jobs.values()
    assert sum(each.prediction is not None for each in batch) == seen
