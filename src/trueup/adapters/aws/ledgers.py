"""The smaller stores in DynamoDB: lineage, annotator skill, retraining runs, foreign batches."""

from __future__ import annotations

from collections.abc import Sequence

from trueup.adapters.aws.table import (
    TRANSACTION_LIMIT,
    ConditionFailedError,
    Table,
    Write,
    edge_write,
    journal_writes,
    put,
    record_of,
)
from trueup.errors import NotFoundError, RunActiveError
from trueup.model import AnnotatorSkill, Edge, Node, Record, RetrainingRun, RunStatus, TriggerDecision
from trueup.ports import Journal, LabelingJob


class DynamoLineageStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def add(self, edges: Sequence[Edge]) -> None:
        writes = [edge_write(each) for each in edges]
        for start in range(0, len(writes), TRANSACTION_LIMIT):
            self._table.write(writes[start : start + TRANSACTION_LIMIT])

    def edges_from(self, project: str, node: Node) -> list[Edge]:
        return [record_of(each, Edge) for each in self._table.query(f"P#{project}#EDGE#{node}")]

    def edges_to(self, project: str, node: Node) -> list[Edge]:
        return [record_of(each, Edge) for each in self._table.query(f"P#{project}#EDGE#{node}", index=True)]


class DynamoSkillStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def skills(self, project: str) -> list[AnnotatorSkill]:
        return [record_of(each, AnnotatorSkill) for each in self._table.query(f"P#{project}#SKILL")]

    def save_skills(self, project: str, skills: Sequence[AnnotatorSkill]) -> None:
        writes = [put((f"P#{project}#SKILL", each.annotator), each) for each in skills]
        for start in range(0, len(writes), TRANSACTION_LIMIT):
            self._table.write(writes[start : start + TRANSACTION_LIMIT])


class _Postponed(Record, frozen=True, kw_only=True):
    decision: TriggerDecision
    version_id: str


class DynamoRunStore:
    """The item ACTIVE is the project's lock: it is there exactly while a run is RUNNING."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def begin(self, run: RetrainingRun, journal: Journal) -> None:
        lock = put(
            _active_key(run.project), {"run_id": run.run_id}, condition="attribute_not_exists(pk)", run_id=run.run_id
        )
        stored = put(_run_key(run), run, condition="attribute_not_exists(pk)")
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
        writes = [put(_run_key(run), run, condition="attribute_exists(pk)"), *journal_writes(journal)]
        lock = self._table.get(*_active_key(run.project))
        if run.status is not RunStatus.RUNNING and lock is not None and lock["run_id"] == run.run_id:
            key = _active_key(run.project)
            writes.append(Write(action="Delete", key=key, condition="run_id = :run", values={":run": run.run_id}))
        try:
            self._table.write(writes)
        except ConditionFailedError as error:
            raise NotFoundError(f"project {run.project} has no run {run.run_id}") from error

    def runs(self, project: str, limit: int) -> list[RetrainingRun]:
        found = [record_of(each, RetrainingRun) for each in self._table.query(f"P#{project}#RUN")]
        return sorted(found, key=lambda each: (each.started_at, each.run_id), reverse=True)[:limit]


class DynamoBatchStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def save_batch(self, job: LabelingJob) -> None:
        self._table.write([put((f"P#{job.project}#BATCH", job.name), job)])

    def batches(self, project: str, status: str) -> list[LabelingJob]:
        found = (record_of(each, LabelingJob) for each in self._table.query(f"P#{project}#BATCH"))
        return [each for each in found if each.status == status]

    def batch(self, project: str, name: str) -> LabelingJob | None:
        item = self._table.get(f"P#{project}#BATCH", name)
        return record_of(item, LabelingJob) if item else None


def _run_key(run: RetrainingRun) -> tuple[str, str]:
    return f"P#{run.project}#RUN", run.run_id


def _active_key(project: str) -> tuple[str, str]:
    return f"P#{project}#ACTIVE", "RUN"


def _postponed_key(project: str) -> tuple[str, str]:
    return f"P#{project}#ACTIVE", "POSTPONED"
