"""Tasks, answers and consensus in DynamoDB."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from trueup.adapters.aws.table import (
    TRANSACTION_LIMIT,
    ConditionFailedError,
    Table,
    Write,
    edge_write,
    journal_writes,
    put,
    record_of,
    stamp,
)
from trueup.errors import ConflictError, NotFoundError
from trueup.model import Annotation, Consensus, Sample, Selection, SettledLabel, Task, TaskStatus
from trueup.ports import Journal, Opening

_FRESH = "attribute_not_exists(pk)"
_PRIORITY_CEILING = 1e9


class DynamoTaskStore:
    def __init__(self, table: Table) -> None:
        self._table = table

    def open(self, openings: Sequence[Opening], journal: Journal) -> tuple[str, ...]:
        opened: list[str] = []
        chunk: list[Opening] = []
        room = TRANSACTION_LIMIT - len(journal_writes(journal))
        for each in openings:
            if sum(len(_opening_writes(other)) for other in [*chunk, each]) > room:
                opened += self._open_chunk(chunk, Journal(at=journal.at))
                chunk = []
            chunk.append(each)
        opened += self._open_chunk(chunk, journal)
        return tuple(opened)

    def _open_chunk(self, openings: Sequence[Opening], journal: Journal) -> list[str]:
        """All at once; when one of them is there already, one by one."""
        writes = [write for each in openings for write in _opening_writes(each)]
        try:
            self._table.write([*writes, *journal_writes(journal)])
        except ConditionFailedError:
            return self._open_singly(openings, journal)
        return [each.task.task_id for each in openings]

    def _open_singly(self, openings: Sequence[Opening], journal: Journal) -> list[str]:
        opened = [each.task.task_id for each in openings if self._open_one(each)]
        if journal.events or journal.edges:
            self._table.write(journal_writes(journal))
        return opened

    def _open_one(self, opening: Opening) -> bool:
        try:
            self._table.write(_opening_writes(opening))
        except ConditionFailedError:
            before = self.selection(opening.task.project, opening.sample.sample_id)
            return before is not None and before.event_id == opening.selection.event_id
        return True

    def known_samples(self, project: str, sample_ids: Iterable[str]) -> frozenset[str]:
        keys = {(_sample_pk(project, each), "SAMPLE"): each for each in sample_ids}
        return frozenset(keys[found] for found in self._table.get_many(keys))

    def get(self, project: str, task_id: str) -> Task:
        item = self._table.get(_task_pk(project, task_id), "TASK")
        if item is None:
            raise NotFoundError(f"project {project} has no task {task_id}")
        return record_of(item, Task)

    def save(
        self,
        task: Task,
        journal: Journal,
        *,
        annotation: Annotation | None = None,
        consensus: Consensus | None = None,
    ) -> None:
        writes = [_task_write(task, condition="revision = :before", values={":before": task.revision - 1})]
        if annotation is not None:
            writes += _annotation_writes(annotation)
        if consensus is not None:
            writes.append(_consensus_write(consensus))
        try:
            self._table.write([*writes, *journal_writes(journal)])
        except ConditionFailedError as error:
            raise ConflictError(f"task {task.task_id} is past revision {task.revision - 1}") from error

    def by_status(self, project: str, status: TaskStatus, limit: int) -> list[Task]:
        found = self._table.query(_status_key(project, status), index=True, limit=limit)
        return [record_of(each, Task) for each in found]

    def count(self, project: str, status: TaskStatus) -> int:
        return self._table.count(_status_key(project, status), index=True)

    def annotations(self, project: str, task_id: str) -> list[Annotation]:
        found = self._table.query(_task_pk(project, task_id), prefix="ANNOTATION#")
        answers = [record_of(each, Annotation) for each in found]
        return sorted(answers, key=lambda each: (each.submitted_at, each.annotation_id))

    def annotation(self, project: str, task_id: str, annotation_id: str) -> Annotation | None:
        item = self._table.get(_task_pk(project, task_id), f"ANNOTATION#{annotation_id}")
        return record_of(item, Annotation) if item else None

    def work(self, project: str, annotator: str, limit: int) -> list[Annotation]:
        found = self._table.query(_work_pk(project, annotator), newest_first=True, limit=limit)
        return [record_of(each, Annotation) for each in found]

    def work_count(self, project: str, annotator: str, since: datetime | None = None) -> int:
        return self._table.count(_work_pk(project, annotator), at_least=stamp(since) if since else None)

    def answers(self, project: str, limit: int) -> list[Annotation]:
        found = self._table.query(f"P#{project}#ANSWERS", index=True, newest_first=True, limit=limit)
        return [record_of(each, Annotation) for each in found]

    def consensus(self, project: str, task_id: str) -> Consensus | None:
        found = self._table.query(_task_pk(project, task_id), prefix="CONSENSUS#", newest_first=True, limit=1)
        return next((record_of(each, Consensus) for each in found), None)

    def sample(self, project: str, sample_id: str) -> Sample:
        item = self._table.get(_sample_pk(project, sample_id), "SAMPLE")
        if item is None:
            raise NotFoundError(f"project {project} has no sample {sample_id}")
        return record_of(item, Sample)

    def selection(self, project: str, sample_id: str) -> Selection | None:
        item = self._table.get(_sample_pk(project, sample_id), "SELECTION")
        return record_of(item, Selection) if item else None

    def uncommitted(self, project: str, limit: int) -> list[SettledLabel]:
        found = self._table.query(f"P#{project}#UNCOMMITTED", index=True, limit=limit)
        waiting = [record_of(each, Consensus) for each in found]
        keys = [(_sample_pk(project, each.sample_id), kind) for each in waiting for kind in ("SAMPLE", "SELECTION")]
        facts = self._table.get_many(keys)
        labels = []
        for each in waiting:
            pk = _sample_pk(project, each.sample_id)
            selection = facts.get((pk, "SELECTION"))
            labels.append(
                SettledLabel(
                    consensus=each,
                    sample=record_of(facts[pk, "SAMPLE"], Sample),
                    selection=record_of(selection, Selection) if selection else None,
                )
            )
        return labels

    def mark_committed(self, labels: Sequence[SettledLabel], version_id: str) -> None:
        writes = [
            Write(
                action="Update",
                key=_consensus_key(each.consensus),
                update="SET version_id = :version REMOVE gsi1pk, gsi1sk",
                condition="attribute_exists(pk)",
                values={":version": version_id},
            )
            for each in labels
        ]
        for start in range(0, len(writes), TRANSACTION_LIMIT):
            self._table.write(writes[start : start + TRANSACTION_LIMIT])


def _opening_writes(opening: Opening) -> list[Write]:
    sample, selection = opening.sample, opening.selection
    pk = _sample_pk(sample.project, sample.sample_id)
    return [
        put((pk, "SAMPLE"), sample),
        put((pk, "SELECTION"), selection),
        _task_write(opening.task, condition=_FRESH, values={}),
        *[edge_write(each) for each in opening.edges],
    ]


def _task_write(task: Task, *, condition: str, values: dict[str, int]) -> Write:
    return put(
        (_task_pk(task.project, task.task_id), "TASK"),
        task,
        condition=condition,
        values=values,
        revision=task.revision,
        gsi1pk=_status_key(task.project, task.status),
        gsi1sk=f"{_PRIORITY_CEILING - task.priority:020.9f}#{stamp(task.opened_at)}#{task.task_id}",
    )


def _annotation_writes(annotation: Annotation) -> list[Write]:
    """Once under its task (and, by time, in the index), once under its annotator."""
    when = f"{stamp(annotation.submitted_at)}#{annotation.annotation_id}"
    pk = _task_pk(annotation.project, annotation.task_id)
    return [
        put(
            (pk, f"ANNOTATION#{annotation.annotation_id}"),
            annotation,
            condition=_FRESH,
            gsi1pk=f"P#{annotation.project}#ANSWERS",
            gsi1sk=when,
        ),
        put((_work_pk(annotation.project, annotation.annotator), when), annotation),
    ]


def _consensus_write(consensus: Consensus) -> Write:
    return put(
        _consensus_key(consensus),
        consensus,
        gsi1pk=f"P#{consensus.project}#UNCOMMITTED",
        gsi1sk=f"{stamp(consensus.reached_at)}#{consensus.consensus_id}",
    )


def _consensus_key(consensus: Consensus) -> tuple[str, str]:
    pk = _task_pk(consensus.project, consensus.task_id)
    return pk, f"CONSENSUS#{stamp(consensus.reached_at)}#{consensus.consensus_id}"


def _task_pk(project: str, task_id: str) -> str:
    return f"P#{project}#TASK#{task_id}"


def _sample_pk(project: str, sample_id: str) -> str:
    return f"P#{project}#SAMPLE#{sample_id}"


def _work_pk(project: str, annotator: str) -> str:
    return f"P#{project}#WORK#{annotator}"


def _status_key(project: str, status: TaskStatus) -> str:
    return f"P#{project}#TASKS#{status.value}"
