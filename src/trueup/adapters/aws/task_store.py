"""Tasks, answers and consensus in DynamoDB."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from trueup.adapters.aws.forgotten import TOMBSTONE, group_keys, sample_key
from trueup.adapters.aws.table import (
    FRESH,
    TRANSACTION_BYTES,
    TRANSACTION_LIMIT,
    ConditionFailedError,
    Item,
    Key,
    Table,
    Write,
    chunks,
    descending,
    edge_write,
    fits,
    journal_writes,
    put,
    put_once,
    record_of,
    stamp,
)
from trueup.errors import ConflictError, NotFoundError
from trueup.model import Annotation, Consensus, Ruling, Sample, Selection, SettledLabel, Task, TaskStatus
from trueup.ports import Given, Journal, Opening, TaskStore

# Twenty answers are at most 2 MB, so that every piece of an import fits into a transaction.
_PIECE = 20


class DynamoTaskStore(TaskStore):
    def __init__(self, table: Table) -> None:
        self._table = table

    def open(self, openings: Sequence[Opening], journal: Journal) -> tuple[str, ...]:
        wanted: dict[Key, Opening] = {}
        for each in openings:
            wanted.setdefault(_task_key(each.task), each)
        last = journal_writes(journal)
        chunk: list[Opening] = []
        opened = 0
        for each in wanted.values():
            if chunk and not fits([*_openings_writes([*chunk, each]), *last]):
                opened += self._open_chunk(chunk, [])
                chunk = []
            chunk.append(each)
        opened += self._open_chunk(chunk, last)
        if opened == len(openings):
            return tuple(each.task.task_id for each in openings)
        return self._standing(openings)

    def _open_chunk(self, openings: Sequence[Opening], last: Sequence[Write]) -> int:
        """All at once, without those that turn out to be there already. Returns how many were not."""
        waiting = {_task_key(each.task): each for each in openings}
        while waiting or last:
            try:
                self._table.write([*_openings_writes(list(waiting.values())), *last])
            except ConditionFailedError as error:
                waiting = {key: each for key, each in waiting.items() if key not in error.failed}
            else:
                break
        return len(waiting)

    def _standing(self, openings: Sequence[Opening]) -> tuple[str, ...]:
        """Tasks that the store holds because of these openings' own captures."""
        keys = {each.task.task_id: _selection_key(each) for each in openings}
        stored = self._table.get_many(keys.values())
        events = {key: record_of(item, Selection).event_id for key, item in stored.items()}
        ours = [each for each in openings if events.get(_selection_key(each)) == each.selection.event_id]
        return tuple(dict.fromkeys(each.task.task_id for each in ours))

    def known_samples(self, project: str, sample_ids: Iterable[str]) -> frozenset[str]:
        keys = {(_sample_pk(project, each), "SAMPLE"): each for each in sample_ids}
        return frozenset(keys[found] for found in self._table.get_many(keys))

    def get(self, project: str, task_id: str) -> Task:
        item = self._table.get(_task_pk(project, task_id), "TASK")
        if item is None:
            raise NotFoundError(f"project {project} has no task {task_id}")
        return record_of(item, Task)

    def add(self, task: Task, journal: Journal, *, sample: Sample | None = None) -> None:
        known = [put_once((_sample_pk(task.project, task.sample_id), "SAMPLE"), sample)] if sample else []
        try:
            self._table.write([_task_write(task, condition=FRESH, values={}), *known, *journal_writes(journal)])
        except ConditionFailedError as error:
            raise ConflictError(f"task {task.task_id} is there already") from error

    def save(
        self,
        task: Task,
        journal: Journal,
        *,
        annotation: Annotation | None = None,
        consensus: Consensus | None = None,
        ruling: Ruling | None = None,
    ) -> None:
        writes = [_task_write(task, condition="revision = :before", values={":before": task.revision - 1})]
        if annotation is not None:
            writes += _annotation_writes(annotation)
        if consensus is not None:
            writes += [_consensus_write(consensus), *self._retirements(task)]
        if ruling is not None:
            writes.append(_ruling_write(ruling))
        try:
            self._table.write([*writes, *journal_writes(journal)])
        except ConditionFailedError as error:
            if _task_key(task) in error.failed:
                raise ConflictError(f"task {task.task_id} is past revision {task.revision - 1}") from error
            raise ConflictError(f"this answer or consensus of task {task.task_id} is there already") from error

    def _retirements(self, task: Task) -> list[Write]:
        """Take a task's waiting consensus out of the line. Whoever adds one meanwhile moves the revision on, and
        then these writes fail with the task's."""
        pk, _ = _task_key(task)
        found = self._table.query(pk, prefix="CONSENSUS#")
        return [
            Write(action="Update", key=(pk, each["sk"]), update="REMOVE gsi1pk, gsi1sk")
            for each in found
            if "gsi1pk" in each
        ]

    def bring(self, given: Iterable[Given]) -> None:
        """As many samples in a transaction as it takes."""
        waiting: list[list[Write]] = []
        items = size = 0
        for piece in (piece for each in given for piece in _pieces(each)):
            more = sum(each.size for each in piece)
            if items + len(piece) > TRANSACTION_LIMIT or size + more > TRANSACTION_BYTES:
                self._bring(waiting)
                waiting, items, size = [], 0, 0
            waiting.append(piece)
            items, size = items + len(piece), size + more
        self._bring(waiting)

    def _bring(self, pieces: Sequence[Sequence[Write]]) -> None:
        """All at once, without those of samples that turn out to be forgotten."""
        while pieces:
            try:
                self._table.write([write for piece in pieces for write in piece])
            except ConditionFailedError as error:
                pieces = [each for each in pieces if each[0].key not in error.failed]
            else:
                return

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

    def consensuses(self, project: str, task_id: str) -> list[Consensus]:
        found = self._table.query(_task_pk(project, task_id), prefix="CONSENSUS#")
        return [record_of(each, Consensus) for each in found]

    def rulings(self, project: str, limit: int) -> list[Ruling]:
        found = self._table.query(f"P#{project}#RULINGS", index=True, newest_first=True, limit=limit)
        return [record_of(each, Ruling) for each in found]

    def rulings_of(self, project: str, task_id: str) -> list[Ruling]:
        found = self._table.query(_task_pk(project, task_id), prefix="RULING#")
        return [record_of(each, Ruling) for each in found]

    def sample(self, project: str, sample_id: str) -> Sample:
        item = self._table.get(_sample_pk(project, sample_id), "SAMPLE")
        if item is None:
            raise NotFoundError(f"project {project} has no sample {sample_id}")
        return record_of(item, Sample)

    def selection(self, project: str, sample_id: str) -> Selection | None:
        item = self._table.get(_sample_pk(project, sample_id), "SELECTION")
        return record_of(item, Selection) if item else None

    def uncommitted(self, project: str, limit: int) -> list[SettledLabel]:
        """The index may lag behind: what it lists counts only while the consensus itself still waits."""
        found = self._table.query(f"P#{project}#UNCOMMITTED", index=True, limit=limit)
        listed = [record_of(each, Consensus) for each in found]
        facts = self._table.get_many(key for each in listed for key in _keys_of_label(each))
        waiting = [each for each in listed if "gsi1pk" in facts.get(_consensus_key(each), {})]
        return [_settled(each, facts) for each in waiting]

    def mark_committed(self, labels: Sequence[SettledLabel], version_id: str) -> None:
        writes = [
            Write(
                action="Update",
                key=_consensus_key(each.consensus),
                update="SET version_id = if_not_exists(version_id, :version) REMOVE gsi1pk, gsi1sk",
                condition="attribute_exists(pk)",
                values={":version": version_id},
            )
            for each in labels
        ]
        try:
            for chunk in chunks(writes):
                self._table.write(chunk)
        except ConditionFailedError as error:
            raise NotFoundError(f"there is no consensus {min(error.failed)[1]}") from error


def _settled(consensus: Consensus, facts: dict[Key, Item]) -> SettledLabel:
    pk = _sample_pk(consensus.project, consensus.sample_id)
    selection = facts.get((pk, "SELECTION"))
    return SettledLabel(
        consensus=consensus,
        sample=record_of(facts[pk, "SAMPLE"], Sample),
        selection=record_of(selection, Selection) if selection else None,
    )


def _keys_of_label(consensus: Consensus) -> list[Key]:
    pk = _sample_pk(consensus.project, consensus.sample_id)
    return [_consensus_key(consensus), (pk, "SAMPLE"), (pk, "SELECTION")]


def _openings_writes(openings: Sequence[Opening]) -> list[Write]:
    return [write for each in openings for write in _opening_writes(each)]


def _opening_writes(opening: Opening) -> list[Write]:
    sample, selection = opening.sample, opening.selection
    pk = _sample_pk(sample.project, sample.sample_id)
    return [
        put((pk, "SAMPLE"), sample, **group_keys(sample)),
        put((pk, "SELECTION"), selection),
        _task_write(opening.task, condition=FRESH, values={}),
        *[edge_write(each) for each in opening.edges],
    ]


def _task_write(task: Task, *, condition: str, values: dict[str, int]) -> Write:
    return put(
        _task_key(task),
        task,
        condition=condition,
        values=values,
        revision=task.revision,
        gsi1pk=_status_key(task.project, task.status) if task.gold_id is None else _gold_key(task.project),
        gsi1sk=f"{descending(task.priority)}#{stamp(task.opened_at)}#{task.task_id}",
    )


def _annotation_writes(annotation: Annotation) -> list[Write]:
    """Once under its task (and, by time, in the index), once under its annotator."""
    when = f"{stamp(annotation.submitted_at)}#{annotation.annotation_id}"
    pk = _task_pk(annotation.project, annotation.task_id)
    return [
        put(
            (pk, f"ANNOTATION#{annotation.annotation_id}"),
            annotation,
            condition=FRESH,
            gsi1pk=f"P#{annotation.project}#ANSWERS",
            gsi1sk=when,
        ),
        put((_work_pk(annotation.project, annotation.annotator), when), annotation),
    ]


def _pieces(given: Given) -> Iterator[list[Write]]:
    """What a sample takes, in pieces of which several fit into a transaction, each with the check that the sample is
    not forgotten. Each item is written once, its answers after their arrows."""
    consensus = given.consensus
    check = Write(
        action="ConditionCheck",
        key=sample_key(consensus.project, consensus.sample_id),
        condition=f"attribute_not_exists({TOMBSTONE})",
    )
    writes = [
        *map(edge_write, given.edges),
        put_once(_consensus_key(consensus), consensus),
        *map(_imported_write, given.annotations),
    ]
    for start in range(0, len(writes), _PIECE):
        yield [check, *writes[start : start + _PIECE]]


def _imported_write(annotation: Annotation) -> Write:
    when = f"{stamp(annotation.submitted_at)}#{annotation.annotation_id}"
    key = _task_pk(annotation.project, annotation.task_id), f"ANNOTATION#{annotation.annotation_id}"
    return put_once(key, annotation, gsi1pk=f"P#{annotation.project}#ANSWERS", gsi1sk=when)


def _consensus_write(consensus: Consensus) -> Write:
    return put(
        _consensus_key(consensus),
        consensus,
        condition=FRESH,
        gsi1pk=f"P#{consensus.project}#UNCOMMITTED",
        gsi1sk=f"{stamp(consensus.reached_at)}#{consensus.consensus_id}",
    )


def _ruling_write(ruling: Ruling) -> Write:
    when = f"{stamp(ruling.at)}#{ruling.ruling_id}"
    key = _task_pk(ruling.project, ruling.task_id), f"RULING#{when}"
    return put(key, ruling, condition=FRESH, gsi1pk=f"P#{ruling.project}#RULINGS", gsi1sk=when)


def _consensus_key(consensus: Consensus) -> Key:
    pk = _task_pk(consensus.project, consensus.task_id)
    return pk, f"CONSENSUS#{stamp(consensus.reached_at)}#{consensus.consensus_id}"


def _task_key(task: Task) -> Key:
    return _task_pk(task.project, task.task_id), "TASK"


def _selection_key(opening: Opening) -> Key:
    return _sample_pk(opening.sample.project, opening.sample.sample_id), "SELECTION"


def _task_pk(project: str, task_id: str) -> str:
    return f"P#{project}#TASK#{task_id}"


def _sample_pk(project: str, sample_id: str) -> str:
    return f"P#{project}#SAMPLE#{sample_id}"


def _work_pk(project: str, annotator: str) -> str:
    return f"P#{project}#WORK#{annotator}"


def _gold_key(project: str) -> str:
    return f"P#{project}#TASKS#gold"


def _status_key(project: str, status: TaskStatus) -> str:
    return f"P#{project}#TASKS#{status.value}"
