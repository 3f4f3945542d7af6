"""A capture file becomes tasks: decode, score, select under the budget, keep the few inputs, account for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from trueup.annotation.tasks import open_task
from trueup.capture.decoders import decode
from trueup.capture.instances import split_input
from trueup.capture.records import Duplicate, Joined, read_captures
from trueup.capture.samples import group_of, sample_id
from trueup.errors import CaptureError, DecodeError
from trueup.events import CapturesIngested, TasksOpened
from trueup.lineage.edges import asked, captured
from trueup.model import (
    Capture,
    CaptureFile,
    FileReceipt,
    Payload,
    Prediction,
    Project,
    Quarantined,
    Sample,
    Selection,
)
from trueup.ports import (
    AnnotationQueue,
    CaptureArchive,
    CaptureLedger,
    Clock,
    Journal,
    Opening,
    PayloadStore,
    TaskStore,
)
from trueup.selection.choose import Candidate, Choice, choose

_MOST_CLASSES = 500
_OTHERS = "(others)"


@dataclass(frozen=True)
class Instance:
    """One prediction of a captured request, with the input that it was made for."""

    capture: Capture
    index: int
    input: Payload
    prediction: Prediction
    sample_id: str


@dataclass
class Tally:
    """What reading one file found. lines = captures + len(quarantined) + duplicates: `captures` counts the lines that
    were read, two of which may hold one event."""

    lines: int = 0
    captures: int = 0
    duplicates: int = 0
    predictions: int = 0
    quarantined: list[Quarantined] = field(default_factory=list)
    class_counts: Counter[str] = field(default_factory=Counter)
    instances: dict[str, Instance] = field(default_factory=dict)


@dataclass(frozen=True)
class IngestCaptures:
    """Account for one capture file wholly, or raise and leave it to be retried. The same file again returns
    the first receipt; a repeat after a crash in the middle ends in the same state as no crash.

    Raises CaptureError when no project owns the file, NotFoundError when the object is gone.
    """

    projects: Mapping[str, Project]
    archive: CaptureArchive
    ledger: CaptureLedger
    payloads: PayloadStore
    tasks: TaskStore
    queue: AnnotationQueue
    clock: Clock

    def __call__(self, file: CaptureFile) -> FileReceipt:
        project = self._owner(file)
        done = self.ledger.receipt(file)
        if done is not None:
            return done
        now = self.clock.now()
        tally = self._read(file, project)
        task_ids = self._ask(file, project, tally, now)
        if tally.quarantined:
            self.archive.quarantine(file, tally.quarantined)
        receipt = _receipt(file, tally, selected=len(task_ids), at=now)
        self.ledger.close(receipt, _closing_journal(receipt, task_ids))
        return receipt

    def _owner(self, file: CaptureFile) -> Project:
        project = self.projects.get(file.project)
        if project is None:
            known = ", ".join(sorted(self.projects))
            raise CaptureError(f"{file.uri}: no project is named {file.project!r} (projects: {known})", field=file.uri)
        return project

    def _read(self, file: CaptureFile, project: Project) -> Tally:
        tally = Tally()
        for item in read_captures(self.archive.lines(file)):
            tally.lines += 1
            if isinstance(item, Quarantined):
                tally.quarantined.append(item)
            elif isinstance(item, Duplicate):
                tally.duplicates += 1
            elif isinstance(item, Joined):
                tally.captures += 1
            else:
                _understand(item, project, tally)
        return tally

    def _ask(self, file: CaptureFile, project: Project, tally: Tally, now: datetime) -> tuple[str, ...]:
        instances = list(tally.instances.values())
        choices = self._choose(file, project, instances, now)
        fresh = self._unknown(project, instances, choices)
        openings = [self._opening(file, project, instances[each.index], each, now) for each in fresh]
        if not openings:
            return ()
        task_ids = self.tasks.open(openings, Journal(at=now))
        slots = [each for each in task_ids for _ in range(project.consensus.overlap)]
        if project.backend == "queue":
            self.queue.send(project.name, slots)
        return task_ids

    def _choose(
        self, file: CaptureFile, project: Project, instances: Sequence[Instance], now: datetime
    ) -> list[Choice]:
        def granted(wanted: int) -> int:
            return self.ledger.reserve(file, now, wanted, project.selection.budget)

        candidates = [Candidate(key=each.sample_id, prediction=each.prediction) for each in instances]
        return choose(candidates, project.selection, granted, seed=file.file_id)

    def _unknown(self, project: Project, instances: Sequence[Instance], choices: Sequence[Choice]) -> list[Choice]:
        """Drop samples that another file already asked about. The one this file opened before a crash stays:
        opening it again is a no-op that returns its task."""
        known = self.tasks.known_samples(project.name, [instances[each.index].sample_id for each in choices])
        return [each for each in choices if self._is_ours(project, instances[each.index], known)]

    def _is_ours(self, project: Project, instance: Instance, known: frozenset[str]) -> bool:
        if instance.sample_id not in known:
            return True
        before = self.tasks.selection(project.name, instance.sample_id)
        return before is not None and before.event_id == instance.capture.event_id

    def _opening(
        self, file: CaptureFile, project: Project, instance: Instance, choice: Choice, now: datetime
    ) -> Opening:
        uri = self.payloads.put(project.name, instance.sample_id, instance.input)
        sample = Sample(
            project=project.name,
            sample_id=instance.sample_id,
            content_type=instance.input.content_type,
            size=len(instance.input.data),
            payload_uri=uri,
            group=group_of(instance.capture, instance.input, project.selection.group_by),
            first_seen=instance.capture.inference_time,
        )
        selection = Selection(
            project=project.name,
            sample_id=instance.sample_id,
            event_id=instance.capture.event_id,
            index=instance.index,
            capture_uri=file.uri,
            capture_line=instance.capture.line,
            strategy=choice.strategy,
            score=choice.score,
            threshold=choice.threshold,
            propensity=choice.propensity,
            reason=choice.reason,
            policy_version=project.selection.version,
            prediction=instance.prediction,
            selected_at=now,
        )
        task = open_task(project.name, sample, selection, now, project)
        return Opening(
            sample=sample, selection=selection, task=task, edges=(*captured(selection), asked(selection, task))
        )


def _understand(capture: Capture, project: Project, tally: Tally) -> None:
    """Count a capture and keep its instances, or quarantine it with the reason."""
    try:
        instances = list(_instances(capture, project))
    except DecodeError as error:
        tally.quarantined.append(
            Quarantined(line=capture.line, offset=capture.offset, reason=str(error), raw=capture.raw)
        )
        return
    tally.captures += 1
    tally.predictions += len(instances)
    for each in instances:
        tally.class_counts[_counted_as(each.prediction.label, project, tally.class_counts)] += 1
        tally.instances.setdefault(each.sample_id, each)


def _counted_as(label: str, project: Project, counts: Mapping[str, int]) -> str:
    """A language model may answer something else each time, and a receipt has to fit an event and an item."""
    known = label in counts or label in project.label_schema.names
    return label if known or len(counts) < _MOST_CLASSES else _OTHERS


def _instances(capture: Capture, project: Project) -> Iterator[Instance]:
    if capture.output is None or capture.input is None:
        missing = "output" if capture.output is None else "input"
        raise DecodeError(f"the record has no {missing}: capture both sides (CaptureOptions Input and Output)")
    predictions, _ = decode(capture.output, project.label_schema.names, project.selection.decoder)
    inputs = split_input(capture.input, len(predictions))
    for index, (payload, prediction) in enumerate(zip(inputs, predictions, strict=True)):
        yield Instance(capture=capture, index=index, input=payload, prediction=prediction, sample_id=sample_id(payload))


def _receipt(file: CaptureFile, tally: Tally, *, selected: int, at: datetime) -> FileReceipt:
    receipt = FileReceipt(
        file=file,
        lines=tally.lines,
        captures=tally.captures,
        quarantined=len(tally.quarantined),
        duplicates=tally.duplicates,
        predictions=tally.predictions,
        selected=selected,
        class_counts=dict(sorted(tally.class_counts.items())),
        ingested_at=at,
    )
    if receipt.lines != receipt.captures + receipt.quarantined + receipt.duplicates:
        raise CaptureError(f"{file.uri}: {receipt.lines} lines are not all accounted for: {receipt}", field=file.uri)
    return receipt


def _closing_journal(receipt: FileReceipt, task_ids: tuple[str, ...]) -> Journal:
    project = receipt.file.project
    opened = (TasksOpened(project=project, task_ids=task_ids, file_id=receipt.file.file_id),) if task_ids else ()
    return Journal(at=receipt.ingested_at, events=(CapturesIngested(project=project, receipt=receipt), *opened))
