"""What the table holds of a sample, emptied. Every step is a transaction of its own and may be repeated."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime

from trueup.adapters.aws.forgotten import TOMBSTONE, epoch_key, group_pk, sample_key
from trueup.adapters.aws.split_store import frozen_again
from trueup.adapters.aws.table import (
    FRESH,
    ConditionFailedError,
    Item,
    Key,
    Table,
    Write,
    chunks,
    descending,
    put,
    record_of,
)
from trueup.adapters.aws.table import stamp as time_key
from trueup.annotation.emptied import (
    closed_task,
    emptied_annotation,
    emptied_consensus,
    emptied_edge,
    emptied_ruling,
    emptied_selection,
    emptied_task,
    tombstone,
)
from trueup.annotation.imported import IMPORT
from trueup.annotation.tasks import task_id_of
from trueup.errors import RetryableError
from trueup.model import (
    Annotation,
    Consensus,
    Edge,
    Feedback,
    FeedbackState,
    FeedbackStatus,
    FrozenTest,
    Gold,
    GoldAnswer,
    Node,
    NodeKind,
    Record,
    Ruling,
    Selection,
    Task,
    TaskStatus,
)
from trueup.ports import ForgettingStore, Scrubbed

_ATTEMPTS = 8
_SAID = {"ANNOTATION": NodeKind.ANNOTATION, "RULING": NodeKind.REVIEW, "CONSENSUS": NodeKind.CONSENSUS}


class DynamoForgettingStore(ForgettingStore):
    def __init__(self, table: Table) -> None:
        self._table = table

    def samples_of(self, project: str, group: str) -> list[str]:
        return [each["gsi1sk"] for each in self._table.query(group_pk(project, group), index=True)]

    def bury(self, project: str, sample_ids: Sequence[str], job_id: str, at: datetime) -> None:
        """An epoch more may begin for nothing, when it is repeated: commits then look once more."""
        for _ in range(_ATTEMPTS):
            try:
                self._bury(project, sample_ids, job_id, at)
            except ConditionFailedError:
                # A task was opened meanwhile.
                continue
            return
        raise RetryableError(f"samples of {project} were asked about {_ATTEMPTS} times while they were to be forgotten")

    def _bury(self, project: str, sample_ids: Sequence[str], job_id: str, at: datetime) -> None:
        found = self._table.get_many(key for each in sample_ids for key in _keys_of(project, each))
        writes = [write for each in sample_ids for write in _tombstones(project, each, job_id, at, found)]
        for chunk in chunks(writes):
            self._table.write(chunk)
        self._next_epoch(project)

    def _next_epoch(self, project: str) -> None:
        self._table.write([Write(action="Update", key=epoch_key(project), update="ADD epoch :one", values={":one": 1})])

    def gold_tasks(self, project: str, sample_ids: Collection[str]) -> list[str]:
        gold = (record_of(each, Task) for each in self._table.query(f"P#{project}#TASKS#gold", index=True))
        return sorted(each.task_id for each in gold if each.sample_id in sample_ids)

    def scrub(self, project: str, task_id: str) -> Scrubbed:
        pk = f"P#{project}#TASK#{task_id}"
        self._cancel(project, pk)
        items = list(self._table.query(pk))
        asked = sum(record_of(each, Task).overlap > 0 for each in items if each["sk"] == "TASK")
        node = Node(kind=NodeKind.TASK, id=task_id)
        feedback = self._forget_feedback(project, node)
        away = self._edges(f"P#{project}#EDGE#{node}", index=False)
        writes = [write for each in items for write in _emptied(each)]
        told = [each for name in _said(items) for each in self._edges(f"P#{project}#EDGE#{name}", index=False)]
        given = _imported(items)
        samples = {Node(kind=NodeKind.SAMPLE, id=each.sample_id) for each in given}
        said = [each for name in samples for each in self._edges(f"P#{project}#EDGE#{name}", index=False)]
        told += [each for each in said if each.target.kind is NodeKind.ANNOTATION]
        writes += [_edge(each) for each in (*away, *told) if emptied_edge(each) != each]
        for chunk in chunks(writes):
            self._table.write(chunk)
        return Scrubbed(
            tasks=asked,
            answers=_count(items, "ANNOTATION#"),
            consensus=_count(items, "CONSENSUS#"),
            rulings=_count(items, "RULING#"),
            feedback=feedback,
            batches=tuple(each.target.id for each in away if each.target.kind is NodeKind.BATCH),
            sources=tuple(sorted({each.source for each in given if each.source})),
        )

    def _cancel(self, project: str, pk: str) -> None:
        """First of all, so that nothing is added to what is emptied then: every answer and label moves the revision
        of an open task on."""
        for _ in range(_ATTEMPTS):
            item = self._table.get(pk, "TASK")
            if item is None or TOMBSTONE in item:
                return
            task = emptied_task(record_of(item, Task))
            status = f"P#{project}#TASKS#{TaskStatus.CANCELLED}"
            listed = status if task.gold_id is None else item["gsi1pk"]
            before = {":before": task.revision - 1}
            write = put(
                (pk, "TASK"),
                task,
                condition="revision = :before",
                values=before,
                revision=task.revision,
                gsi1pk=listed,
                gsi1sk=item["gsi1sk"],
                forgotten=1,
            )
            try:
                self._table.write([write])
            except ConditionFailedError:
                continue
            return
        raise RetryableError(f"{pk} changed {_ATTEMPTS} times while it was to be emptied")

    def _forget_feedback(self, project: str, task: Node) -> int:
        reports = self._edges(f"P#{project}#EDGE#{task}", index=True)
        found = [each for each in reports if each.source.kind is NodeKind.FEEDBACK]
        for each in found:
            gone = Write(action="Delete", key=(f"P#{project}#FEEDBACK#{each.source.id}", "FEEDBACK"))
            self._table.write([gone, _edge(each)])
        return len(found)

    def _edges(self, pk: str, *, index: bool) -> list[Edge]:
        return [record_of(each, Edge) for each in self._table.query(pk, index=index)]

    def refreeze(self, frozen: FrozenTest) -> None:
        self._table.write([frozen_again(frozen)])

    def drop_gold(self, project: str, sample_ids: Collection[str]) -> int:
        gold = [record_of(each, Gold) for each in self._table.query(f"P#{project}#GOLD")]
        names = {each.gold_id for each in gold if each.sample_id in sample_ids}
        writes = [Write(action="Delete", key=(f"P#{project}#GOLD", each)) for each in sorted(names)]
        writes += [Write(action="Delete", key=key) for key in self._gold_answers(project, sample_ids, names)]
        for chunk in chunks(writes):
            self._table.write(chunk)
        return len(names)

    def drop_feedback(self, project: str, inferences: Collection[str]) -> int:
        gone: list[Write] = []
        for status in FeedbackStatus:
            for each in self._table.query(f"P#{project}#FEEDBACK#{status}", index=True):
                feedback = record_of(each, FeedbackState).feedback
                if not _names(feedback).isdisjoint(inferences):
                    gone.append(Write(action="Delete", key=(each["pk"], each["sk"])))
        for chunk in chunks(gone):
            self._table.write(chunk)
        return len(gone)

    def _gold_answers(self, project: str, sample_ids: Collection[str], names: set[str]) -> Iterator[Key]:
        """Also of gold that was removed before its sample was forgotten: its tasks tell which that is."""
        tasks = (record_of(each, Task) for each in self._table.query(f"P#{project}#TASKS#gold", index=True))
        asked = {each.task_id for each in tasks if each.sample_id in sample_ids}
        for each in self._table.query(f"P#{project}#GOLDANSWERS"):
            answer = record_of(each, GoldAnswer)
            if answer.gold_id in names or answer.task_id in asked:
                yield each["pk"], each["sk"]


def _names(feedback: Feedback) -> set[str]:
    return {each for each in (feedback.event_id, feedback.inference_id) if each}


def _keys_of(project: str, sample_id: str) -> list[Key]:
    pk, _ = sample_key(project, sample_id)
    return [(pk, "SAMPLE"), (pk, "SELECTION"), _task_key(project, sample_id)]


def _task_key(project: str, sample_id: str) -> Key:
    return f"P#{project}#TASK#{task_id_of(project, sample_id)}", "TASK"


def _tombstones(project: str, sample_id: str, job_id: str, at: datetime, found: dict[Key, Item]) -> Iterator[Write]:
    """A closed task stands for a sample that has none: it is what openings are refused by."""
    key, selection, task = _keys_of(project, sample_id)
    if TOMBSTONE not in found.get(key, {}):
        yield put(key, tombstone(project, sample_id, at), forgotten=job_id)
    if selection in found:
        yield put(selection, emptied_selection(record_of(found[selection], Selection)))
    if task not in found:
        yield _stand_in(project, sample_id, at)


def _stand_in(project: str, sample_id: str, at: datetime) -> Write:
    task = closed_task(project, task_id_of(project, sample_id), sample_id, at)
    return put(
        _task_key(project, sample_id),
        task,
        condition=FRESH,
        revision=0,
        forgotten=1,
        gsi1pk=f"P#{project}#TASKS#{TaskStatus.CANCELLED}",
        gsi1sk=f"{descending(task.priority)}#{time_key(at)}#{task.task_id}",
    )


def _emptied(item: Item) -> Iterator[Write]:
    """The item without what it says and out of every list, once."""
    kind = item["sk"].partition("#")[0]
    if kind not in _KINDS or TOMBSTONE in item:
        return
    record_kind, emptied = _KINDS[kind]
    record = record_of(item, record_kind)
    kept = {name: item[name] for name in ("version_id",) if name in item}
    yield put((item["pk"], item["sk"]), emptied(record), forgotten=1, **kept)
    if isinstance(record, Annotation):
        when = f"{time_key(record.submitted_at)}#{record.annotation_id}"
        yield Write(action="Delete", key=(f"P#{record.project}#WORK#{record.annotator}", when))


_KINDS: dict[str, tuple[type[Record], Callable[..., Record]]] = {
    "ANNOTATION": (Annotation, emptied_annotation),
    "CONSENSUS": (Consensus, emptied_consensus),
    "RULING": (Ruling, emptied_ruling),
}


def _said(items: Iterable[Item]) -> Iterator[Node]:
    """The answers, labels and rulings among a task's items."""
    for each in items:
        kind, _, name = each["sk"].partition("#")
        if kind in _SAID:
            yield Node(kind=_SAID[kind], id=name.rpartition("#")[2])


def _imported(items: Iterable[Item]) -> list[Annotation]:
    """Answers to which arrows lead from their sample, and not from a task."""
    answers = (record_of(each, Annotation) for each in items if each["sk"].startswith("ANNOTATION#"))
    return [each for each in answers if each.backend == IMPORT]


def _edge(edge: Edge) -> Write:
    """Over what is there: edges are written once otherwise."""
    source, target = f"P#{edge.project}#EDGE#{edge.source}", f"P#{edge.project}#EDGE#{edge.target}"
    return put((source, str(edge.target)), emptied_edge(edge), gsi1pk=target, gsi1sk=str(edge.source))


def _count(items: Sequence[Item], prefix: str) -> int:
    return sum(each["sk"].startswith(prefix) for each in items)
