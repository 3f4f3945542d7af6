"""An answer to a gold task is held against what is known, and its annotator stands by such answers."""

from __future__ import annotations

from dataclasses import dataclass

from trueup.annotation.answers import live
from trueup.annotation.gold import status_of
from trueup.annotation.tasks import reopen, settle
from trueup.errors import ConflictError, NotFoundError, TaskClosedError
from trueup.events import GoldAnswered, OverlapExtended, StandingChanged
from trueup.labels.naming import is_none
from trueup.labels.renaming import renamed
from trueup.model import Annotation, Gold, GoldAnswer, Project, Standing, StandingStatus, Task
from trueup.ports import AnnotationQueue, Clock, GoldStore, Journal, StandingStore, TaskStore
from trueup.quality.merging import likeness
from trueup.usecases.rule_on_task import METHOD

RULE = "rule"
# What rests on somebody is asked again as far back as this.
_MOST_REQUEUED = 200


@dataclass(frozen=True)
class ScoreGold:
    """Nothing of a gold task enters consensus or a dataset. The same answer again changes nothing.

    What a lead said of an annotator holds until new answers say otherwise; a suspension is a lead's to lift.
    """

    tasks: TaskStore
    gold: GoldStore
    standings: StandingStore
    queue: AnnotationQueue
    clock: Clock

    def __call__(self, project: Project, task: Task) -> None:
        (annotation, *_) = live(self.tasks.annotations(project.name, task.task_id))
        item = self.gold.item(project.name, task.gold_id or "")
        now = self.clock.now()
        if item is None:
            self.tasks.save(settle(task), Journal(at=now))
            return
        answer = _answer(project, item, annotation)
        self.gold.record(answer)
        event = GoldAnswered(
            project=project.name,
            task_id=task.task_id,
            gold_id=item.gold_id,
            annotator=answer.annotator,
            score=answer.score,
        )
        self.tasks.save(settle(task), Journal(at=now, events=(event,)))
        self._judge(project, answer.annotator)

    def _judge(self, project: Project, annotator: str) -> None:
        before = self.standings.standing(project.name, annotator)
        if before.status is StandingStatus.SUSPENDED:
            return
        since = before.at if before.by != RULE or before.status is StandingStatus.TRAINING else None
        answers = self.gold.answers(project.name, annotator)
        fresh = [each for each in answers if since is None or each.at > since]
        status, reason = status_of(fresh, project.gold)
        trained = before.status is StandingStatus.TRAINING and len(fresh) < project.gold.min_answers
        if status is before.status or trained or _still(before.status, status):
            return
        now = self.clock.now()
        standing = Standing(project=project.name, annotator=annotator, status=status, by=RULE, reason=reason, at=now)
        event = StandingChanged(project=project.name, annotator=annotator, status=status.value, by=RULE, reason=reason)
        self.standings.set_standing(standing, Journal(at=now, events=(event,)))
        if status is StandingStatus.SUSPENDED and project.gold.requeue:
            self._requeue(project, annotator)

    def _requeue(self, project: Project, annotator: str) -> None:
        """One more person about each label that rests on their answer."""
        for each in self.tasks.work(project.name, annotator, _MOST_REQUEUED):
            try:
                self._ask_again(project, each)
            except (TaskClosedError, ConflictError, NotFoundError):
                continue

    def _ask_again(self, project: Project, annotation: Annotation) -> None:
        task = self.tasks.get(project.name, annotation.task_id)
        consensus = self.tasks.consensus(project.name, task.task_id)
        if consensus is None or consensus.method == METHOD or task.gold_id is not None:
            return
        if annotation.annotation_id not in consensus.annotation_ids:
            return
        again = reopen(task)
        event = OverlapExtended(project=project.name, task_id=task.task_id, overlap=again.overlap)
        self.tasks.save(again, Journal(at=self.clock.now(), events=(event,)))
        if task.backend == "queue":
            self.queue.send(task.lane, [task.task_id])


def _still(before: StandingStatus, now: StandingStatus) -> bool:
    """Whoever is trained goes on until they are as right as anybody should be."""
    return before is StandingStatus.TRAINING and now is StandingStatus.WARNED


def _answer(project: Project, gold: Gold, annotation: Annotation) -> GoldAnswer:
    schema = project.label_schema
    said, true = (renamed(each, schema) for each in (annotation.label, gold.label))
    right = 0.0 if is_none(said) else likeness(said, true, schema)
    return GoldAnswer(
        project=project.name,
        annotator=annotation.annotator,
        gold_id=gold.gold_id,
        task_id=annotation.task_id,
        label=annotation.label,
        names=gold.names,
        score=round(right, 6),
        at=annotation.submitted_at,
    )
