"""The smaller stores in DynamoDB: lineage, annotator skill, retraining runs, foreign batches and their cost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from trueup.adapters.aws.table import (
    FRESH,
    ConditionFailedError,
    Key,
    Table,
    Write,
    chunks,
    edge_write,
    journal_writes,
    put,
    record_of,
    stamp,
)
from trueup.errors import ConflictError, NotFoundError, RunActiveError
from trueup.model import (
    AnnotatorSkill,
    Charge,
    Edge,
    Evaluation,
    Guidelines,
    Knowledge,
    Node,
    QualityReport,
    QueueStanding,
    Record,
    RetrainingRun,
    RunStatus,
    TriggerDecision,
)
from trueup.ports import (
    BatchStore,
    GuidelineStore,
    Journal,
    KnowledgeStore,
    LabelingJob,
    LineageStore,
    QueueStandings,
    ReportStore,
    RunStore,
    SkillStore,
)


class DynamoLineageStore(LineageStore):
    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, edges: Sequence[Edge]) -> None:
        for chunk in chunks([edge_write(each) for each in edges]):
            self._table.write(chunk)

    def edges_from(self, project: str, node: Node, limit: int | None = None) -> list[Edge]:
        return self._edges(project, node, limit, index=False)

    def edges_to(self, project: str, node: Node, limit: int | None = None) -> list[Edge]:
        return self._edges(project, node, limit, index=True)

    def _edges(self, project: str, node: Node, limit: int | None, *, index: bool) -> list[Edge]:
        last = limit is not None
        found = self._table.query(f"P#{project}#EDGE#{node}", index=index, newest_first=last, limit=limit)
        edges = [record_of(each, Edge) for each in found]
        return edges[::-1] if last else edges

    def count_from(self, project: str, node: Node, at_most: int) -> int:
        return self._table.count(f"P#{project}#EDGE#{node}", at_most=at_most)

    def count_to(self, project: str, node: Node, at_most: int) -> int:
        return self._table.count(f"P#{project}#EDGE#{node}", index=True, at_most=at_most)


class DynamoSkillStore(SkillStore):
    def __init__(self, table: Table) -> None:
        self._table = table

    def skills(self, project: str) -> list[AnnotatorSkill]:
        return [record_of(each, AnnotatorSkill) for each in self._table.query(f"P#{project}#SKILL")]

    def save_skills(self, project: str, skills: Sequence[AnnotatorSkill]) -> None:
        newest = {each.annotator: each for each in skills}
        for chunk in chunks([put((f"P#{project}#SKILL", each.annotator), each) for each in newest.values()]):
            self._table.write(chunk)


class DynamoKnowledgeStore(KnowledgeStore):
    def __init__(self, table: Table) -> None:
        self._table = table

    def knowledge(self, project: str) -> Knowledge:
        item = self._table.get(f"P#{project}#KNOWLEDGE", "KNOWLEDGE")
        return record_of(item, Knowledge) if item else Knowledge(project=project)

    def learn(self, knowledge: Knowledge) -> None:
        self._table.write([put((f"P#{knowledge.project}#KNOWLEDGE", "KNOWLEDGE"), knowledge)])


class DynamoGuidelineStore(GuidelineStore):
    def __init__(self, table: Table) -> None:
        self._table = table

    def newest(self, project: str) -> Guidelines | None:
        found = self._table.query(f"P#{project}#GUIDELINES", newest_first=True, limit=1)
        return next((record_of(each, Guidelines) for each in found), None)

    def versions(self, project: str) -> list[Guidelines]:
        return [record_of(each, Guidelines) for each in self._table.query(f"P#{project}#GUIDELINES", newest_first=True)]

    def save(self, guidelines: Guidelines, journal: Journal) -> None:
        key = f"P#{guidelines.project}#GUIDELINES", f"{guidelines.number:010d}"
        try:
            self._table.write([put(key, guidelines, condition=FRESH), *journal_writes(journal)])
        except ConditionFailedError as error:
            raise ConflictError(f"the guidelines have a version {guidelines.number} already") from error


class DynamoQueueStandings(QueueStandings):
    def __init__(self, table: Table) -> None:
        self._table = table

    def standing(self, project: str) -> QueueStanding:
        item = self._table.get(f"P#{project}#QUEUE", "STANDING")
        return record_of(item, QueueStanding) if item else QueueStanding(project=project)

    def set_standing(self, standing: QueueStanding, journal: Journal) -> None:
        self._table.write([put((f"P#{standing.project}#QUEUE", "STANDING"), standing), *journal_writes(journal)])


class DynamoReportStore(ReportStore):
    def __init__(self, table: Table) -> None:
        self._table = table

    def report(self, project: str) -> QualityReport | None:
        item = self._table.get(f"P#{project}#REPORT", "REPORT")
        return record_of(item, QualityReport) if item else None

    def save_report(self, report: QualityReport) -> None:
        self._table.write([put((f"P#{report.project}#REPORT", "REPORT"), report)])


class _Postponed(Record, frozen=True, kw_only=True):
    decision: TriggerDecision
    version_id: str


class DynamoRunStore(RunStore):
    """The item ACTIVE is the project's lock: it is there exactly while a run is RUNNING."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def begin(self, run: RetrainingRun, journal: Journal) -> None:
        lock = put(_active_key(run.project), {"run_id": run.run_id}, condition=FRESH, run_id=run.run_id)
        stored = _run_write(run, FRESH)
        forget = Write(action="Delete", key=_postponed_key(run.project))
        try:
            self._table.write([lock, stored, forget, *journal_writes(journal)])
        except ConditionFailedError as error:
            if self._table.get(*_run_key(run)) is not None:
                return
            raise RunActiveError(f"project {run.project} retrains already") from error

    def postpone(
        self, project: str, decision: TriggerDecision, version_id: str, journal: Journal | None = None
    ) -> None:
        note = put(_postponed_key(project), _Postponed(decision=decision, version_id=version_id))
        self._table.write([note, *(journal_writes(journal) if journal else [])])

    def postponed(self, project: str) -> tuple[TriggerDecision, str] | None:
        item = self._table.get(*_postponed_key(project))
        if item is None:
            return None
        note = record_of(item, _Postponed)
        return note.decision, note.version_id

    def active(self, project: str) -> RetrainingRun | None:
        lock = self._table.get(*_active_key(project))
        return self.get(project, lock["run_id"]) if lock else None

    def get(self, project: str, run_id: str) -> RetrainingRun:
        item = self._table.get(f"P#{project}#RUN", run_id)
        if item is None:
            raise NotFoundError(f"project {project} has no run {run_id}")
        return record_of(item, RetrainingRun)

    def save(self, run: RetrainingRun, journal: Journal) -> None:
        """The lock says whether a run is running: one transaction looks at it and writes the run."""
        stored = [_run_write(run, "attribute_exists(pk)"), *_promotions(run), *journal_writes(journal)]
        held = _lock_of(run)
        try:
            self._table.write([*stored, held])
        except ConditionFailedError as error:
            if _run_key(run) in error.failed:
                raise NotFoundError(f"project {run.project} has no run {run.run_id}") from error
            if run.status is RunStatus.RUNNING:
                raise ConflictError(f"run {run.run_id} of {run.project} has ended") from error
            self._table.write(stored)

    def runs(self, project: str, limit: int) -> list[RetrainingRun]:
        found = [record_of(each, RetrainingRun) for each in self._table.query(f"P#{project}#RUN")]
        return sorted(found, key=lambda each: (each.started_at, each.run_id), reverse=True)[:limit]

    def trained(self, project: str, first: int, before: int | None, limit: int) -> list[RetrainingRun]:
        until = f"{before:010d}" if before is not None else None
        found = self._table.query(
            f"P#{project}#TRAINED", at_least=f"{max(first, 1):010d}", at_most=until, index=True, limit=limit
        )
        return [record_of(each, RetrainingRun) for each in found]

    def serving(self, project: str, at: datetime) -> RetrainingRun | None:
        """Run ids sort before the tilde."""
        found = self._table.query(f"P#{project}#PROMOTED", at_most=f"{stamp(at)}#~", newest_first=True, limit=1)
        return next((record_of(each, RetrainingRun) for each in found), None)

    def succeeded_by(self, run: RetrainingRun) -> RetrainingRun | None:
        after = f"{_promotion_key(run)[1]}~"
        found = self._table.query(f"P#{run.project}#PROMOTED", at_least=after, limit=1)
        return next((record_of(each, RetrainingRun) for each in found), None)

    def save_evaluation(self, evaluation: Evaluation, journal: Journal) -> None:
        key = f"P#{evaluation.project}#EVALUATION", evaluation.run_id
        self._table.write([put(key, evaluation), *journal_writes(journal)])

    def evaluation(self, project: str, run_id: str) -> Evaluation | None:
        item = self._table.get(f"P#{project}#EVALUATION", run_id)
        return record_of(item, Evaluation) if item else None


class _Seen(Record, frozen=True, kw_only=True):
    until: datetime


class DynamoBatchStore(BatchStore):
    def __init__(self, table: Table) -> None:
        self._table = table

    def save_batch(self, job: LabelingJob) -> bool:
        return self._written([_batch_write(job)])

    def end_batch(self, job: LabelingJob, journal: Journal, charge: Charge | None = None) -> bool:
        bill = [put((f"P#{job.project}#CHARGE", f"{charge.month}#{charge.batch}"), charge)] if charge else []
        return self._written([_batch_write(job, ended=stamp(journal.at)), *bill, *journal_writes(journal)])

    def _written(self, writes: Sequence[Write]) -> bool:
        try:
            self._table.write(writes)
        except ConditionFailedError:
            return False
        return True

    def charges(self, project: str, month: str = "") -> list[Charge]:
        return [record_of(each, Charge) for each in self._table.query(f"P#{project}#CHARGE", prefix=month)]

    def batches(self, project: str, status: str) -> list[LabelingJob]:
        found = self._table.query(_batches_pk(project, status), index=True)
        return [record_of(each, LabelingJob) for each in found]

    def batch(self, project: str, name: str) -> LabelingJob | None:
        item = self._table.get(f"P#{project}#BATCH", name)
        return record_of(item, LabelingJob) if item else None

    def ever(self, project: str) -> bool:
        return next(iter(self._table.query(f"P#{project}#BATCH", limit=1)), None) is not None

    def seen(self, project: str, backend: str) -> datetime | None:
        item = self._table.get(f"P#{project}#SYNC", backend)
        return record_of(item, _Seen).until if item else None

    def saw(self, project: str, backend: str, until: datetime) -> None:
        self._table.write([put((f"P#{project}#SYNC", backend), _Seen(until=until))])


def _batch_write(job: LabelingJob, **more: Any) -> Write:
    """In the index by its status: a pass looks for those under way every minute, and those that ended only grow."""
    key, listed = (f"P#{job.project}#BATCH", job.name), _batches_pk(job.project, job.status)
    return put(key, job, condition="attribute_not_exists(ended)", gsi1pk=listed, gsi1sk=job.name, **more)


def _batches_pk(project: str, status: str) -> str:
    return f"P#{project}#BATCHES#{status}"


def _run_write(run: RetrainingRun, condition: str) -> Write:
    """In the index by the number of its version once there is a training job."""
    if not run.training_job or not run.version_number:
        return put(_run_key(run), run, condition=condition)
    number = f"{run.version_number:010d}#{run.run_id}"
    return put(_run_key(run), run, condition=condition, gsi1pk=f"P#{run.project}#TRAINED", gsi1sk=number)


def _promotions(run: RetrainingRun) -> list[Write]:
    """A promoted run again, by the moment from which its model serves."""
    return [put(_promotion_key(run), run)] if run.status is RunStatus.PROMOTED and run.ended_at else []


def _promotion_key(run: RetrainingRun) -> Key:
    return f"P#{run.project}#PROMOTED", f"{stamp(run.ended_at or run.started_at)}#{run.run_id}"


def _lock_of(run: RetrainingRun) -> Write:
    """Keep the lock of a run that goes on, let go that of one that ended."""
    key, held, values = _active_key(run.project), "run_id = :run", {":run": run.run_id}
    if run.status is RunStatus.RUNNING:
        return Write(action="ConditionCheck", key=key, condition=held, values=values)
    return Write(action="Delete", key=key, condition=held, values=values)


def _run_key(run: RetrainingRun) -> Key:
    return f"P#{run.project}#RUN", run.run_id


def _active_key(project: str) -> Key:
    return f"P#{project}#ACTIVE", "RUN"


def _postponed_key(project: str) -> Key:
    return f"P#{project}#ACTIVE", "POSTPONED"
