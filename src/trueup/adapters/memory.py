"""The shipped fakes: every port in memory, with the semantics that the contract suite asks of all adapters.

One World is shared by the stores of a test, as one table is by the AWS adapters: state, edges and events of a
change are written together or not at all.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import io
import math
import threading
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import msgspec

from trueup.annotation.imported import IMPORT
from trueup.capture.lines import whole_lines
from trueup.capture.records import parse_key
from trueup.dataset.documents import MIN_PREFIX, document, version_number
from trueup.errors import (
    CaptureError,
    ConflictError,
    HeadMovedError,
    IntegrityError,
    LabelError,
    NotFoundError,
    PermissionDeniedError,
    RunActiveError,
    TrueupError,
)
from trueup.events import Envelope, seal
from trueup.lineage.mirror import Association, Entity
from trueup.lineage.openlineage.events import RunEvent
from trueup.model import (
    Annotation,
    AnnotatorSkill,
    Budget,
    CaptureFile,
    Champion,
    Charge,
    Consensus,
    DatasetVersion,
    Drawn,
    Edge,
    Evaluation,
    Feedback,
    FeedbackSearch,
    FeedbackState,
    FeedbackStatus,
    FileReceipt,
    FrozenTest,
    Gold,
    GoldAnswer,
    GroupDocument,
    Guidelines,
    Knowledge,
    ModelPackage,
    Node,
    Payload,
    QualityReport,
    Quarantined,
    QueueStanding,
    Redaction,
    Reservation,
    RetrainingRun,
    Ruling,
    RunStatus,
    Sample,
    SchemaVersion,
    Segment,
    Selection,
    SettledLabel,
    Standing,
    Tag,
    Task,
    TaskStatus,
    TransformPair,
    TriggerDecision,
)
from trueup.ports import (
    AnnotationQueue,
    AnsweredTask,
    BadLines,
    BatchStore,
    Bill,
    CaptureArchive,
    CaptureLedger,
    CaptureListing,
    CaptureSources,
    Changes,
    Clock,
    DatasetStore,
    EndpointAdmin,
    EventBus,
    Execution,
    ExportSink,
    FeedbackStore,
    Forgotten,
    Given,
    GoldStore,
    GuidelineStore,
    Journal,
    KnowledgeStore,
    LabelingBackend,
    LabelingJob,
    LabelingModels,
    LineageEvents,
    LineageStore,
    ModelAnswer,
    ModelLineage,
    ModelRegistry,
    Opening,
    Outcome,
    PackageRulings,
    PayloadStore,
    Quarantine,
    Question,
    QueueStandings,
    ReportStore,
    RunStore,
    SkillStore,
    Slot,
    SourceObject,
    SplitStore,
    StandingStore,
    TaskStore,
    TransformQueue,
    Workflows,
)
from trueup.selection.budget import allocate


@dataclass
class World:
    """What all fakes of one test share: one lock, the lineage graph, and the outbox."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    edges: dict[tuple[str, str, str], Edge] = field(default_factory=dict)
    leaving: dict[tuple[str, Node], list[Edge]] = field(default_factory=dict)
    reaching: dict[tuple[str, Node], list[Edge]] = field(default_factory=dict)
    envelopes: dict[str, Envelope] = field(default_factory=dict)
    buried: dict[tuple[str, str], str] = field(default_factory=dict)
    epochs: dict[str, int] = field(default_factory=dict)
    redactions: dict[tuple[str, str], Redaction] = field(default_factory=dict)
    heads: dict[tuple[str, str], DatasetVersion] = field(default_factory=dict)
    tags: dict[tuple[str, str], Tag] = field(default_factory=dict)
    swept: dict[str, datetime] = field(default_factory=dict)

    @property
    def outbox(self) -> list[Envelope]:
        """Every event written so far, oldest first."""
        with self.lock:
            return list(self.envelopes.values())

    def write(self, journal: Journal, edges: Iterable[Edge] = ()) -> None:
        """What is there already stays as it was first written."""
        for each in (*journal.edges, *edges):
            self.draw(each)
        for event in journal.events:
            envelope = seal(event, journal.at)
            self.envelopes.setdefault(envelope.event_id, envelope)
        self.tags |= {(each.project, each.name): each for each in journal.tags}

    def redraw(self, edge: Edge) -> None:
        """In place of the one between the same ends."""
        key = edge.project, str(edge.source), str(edge.target)
        before = self.edges[key]
        self.edges[key] = edge
        for ends in (self.leaving[edge.project, edge.source], self.reaching[edge.project, edge.target]):
            ends[ends.index(before)] = edge

    def draw(self, edge: Edge) -> None:
        key = edge.project, str(edge.source), str(edge.target)
        if key not in self.edges:
            self.edges[key] = edge
            self.leaving.setdefault((edge.project, edge.source), []).append(edge)
            self.reaching.setdefault((edge.project, edge.target), []).append(edge)


class _Shared(Protocol):
    @property
    def _world(self) -> World: ...


_P = ParamSpec("_P")
_T = TypeVar("_T")
_S = TypeVar("_S", bound=_Shared)


def _locked(method: Callable[Concatenate[_S, _P], _T]) -> Callable[Concatenate[_S, _P], _T]:
    """Run a method under its world's lock, so that threads see each change whole."""

    @functools.wraps(method)
    def run(self: _S, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        with self._world.lock:
            return method(self, *args, **kwargs)

    return run


class FixedClock(Clock):
    """Stands still until a test moves it."""

    def __init__(self, start: datetime = datetime(2026, 11, 24, 10, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    def set(self, now: datetime) -> None:
        self._now = now


class MemoryCaptureArchive(CaptureArchive):
    """`files` maps URI to bytes; `quarantined` maps file id to the bad lines."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.quarantined: dict[str, list[Quarantined]] = {}
        self.origins: dict[str, CaptureFile] = {}

    def blocks(self, file: CaptureFile) -> Iterator[bytes]:
        if file.uri not in self.files:
            raise NotFoundError(f"{file.uri} does not exist")
        yield from whole_lines(io.BytesIO(self.files[file.uri]).readinto)

    def quarantine(self, file: CaptureFile, items: Sequence[Quarantined], part: int = 1) -> str:
        self.origins[file.file_id] = file
        kept = self.quarantined.setdefault(file.file_id, [])
        kept[:] = [*items] if part == 1 else [*kept, *items]
        return f"memory://quarantine/{file.file_id}/{part}"


class MemoryCaptureListing(CaptureListing):
    """The files of an archive."""

    def __init__(self, archive: MemoryCaptureArchive) -> None:
        self._archive = archive

    def files(self, project: str, start: datetime, end: datetime) -> Iterator[CaptureFile]:
        first, last = (f"{each.astimezone(UTC):%Y/%m/%d/%H}" for each in (start, end))
        for uri in list(self._archive.files):
            bucket, _, key = uri.removeprefix("s3://").partition("/")
            file = parse_key(bucket, key)
            if file.project == project and first <= file.hour <= last:
                yield file


class MemoryQuarantine(Quarantine):
    """What an archive put away; what is released becomes one of its files."""

    def __init__(self, archive: MemoryCaptureArchive) -> None:
        self._archive = archive

    def parts(self, project: str) -> Iterator[BadLines]:
        for file_id, items in sorted(self._archive.quarantined.items()):
            file = self._archive.origins[file_id]
            if items and file.project == project:
                yield BadLines(name=file_id, file=file.uri, lines=tuple(items))

    def release(self, part: BadLines, file: CaptureFile, data: bytes) -> None:
        self._archive.files.setdefault(file.uri, data)
        self._archive.quarantined.pop(part.name, None)


class MemoryCaptureSources(CaptureSources):
    """`objects` maps URI to content type and bytes; `private` names buckets that may not be read."""

    def __init__(self) -> None:
        self.objects: dict[str, Payload] = {}
        self.private: set[str] = set()

    def open(self, uri: str) -> SourceObject:
        if uri.split("/")[2] in self.private:
            raise PermissionDeniedError(f"reading {uri}: not allowed")
        if uri not in self.objects:
            raise NotFoundError(f"{uri} does not exist")
        found = self.objects[uri]
        return SourceObject(
            content_type=found.content_type,
            blocks=whole_lines(_unzipped(uri, found.data).readinto),
        )

    def under(self, uri: str) -> Iterator[str]:
        yield from sorted(each for each in self.objects if each.startswith(uri))

    def write(self, file: CaptureFile, data: bytes) -> None:
        self.objects.setdefault(file.uri, Payload(data=data, content_type="application/json"))


def _unzipped(uri: str, data: bytes) -> io.BytesIO:
    try:
        return io.BytesIO(gzip.decompress(data) if uri.endswith(".gz") else data)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CaptureError(f"{uri}: the gzip stream ends early or is broken: {error}") from error


class MemoryTransformQueue(TransformQueue):
    """`pairs` holds what was sent, in order."""

    def __init__(self) -> None:
        self.pairs: list[TransformPair] = []

    def send(self, pairs: Sequence[TransformPair]) -> None:
        self.pairs += pairs


class MemoryCaptureLedger(CaptureLedger):
    def __init__(self, world: World) -> None:
        self._world = world
        self._receipts: dict[str, FileReceipt] = {}
        self._reserved: dict[tuple[str, str], Reservation] = {}
        self._used: dict[tuple[str, str], int] = {}

    @_locked
    def begun(self, file: CaptureFile) -> tuple[FileReceipt | None, Reservation | None]:
        return self._receipts.get(file.file_id), self._reserved.get((file.project, file.file_id))

    @_locked
    def close(self, receipt: FileReceipt, journal: Journal) -> bool:
        if receipt.file.file_id in self._receipts:
            return False
        self._receipts[receipt.file.file_id] = receipt
        self._world.write(journal)
        return True

    @_locked
    def reserve(
        self,
        project: str,
        name: str,
        at: datetime,
        wanted: Mapping[str, int],
        budget: Budget,
        draw: Callable[[Mapping[str, int]], Drawn] | None = None,
    ) -> Reservation:
        if (project, name) in self._reserved:
            return self._reserved[project, name]
        left = [each for each in self.left(project, at, budget).values() if each is not None]
        own = {reason: budget.limits_of(reason, at) for reason in wanted}
        mine = {
            reason: min(limit - self._used.get((project, period), 0) for period, limit in each.items())
            for reason, each in own.items()
            if each
        }
        granted = allocate(wanted, min(left, default=None), mine, name)
        found = Reservation(granted=granted, drawn=draw(granted) if draw else Drawn())
        for period in budget.limits(at):
            self._use(project, period, sum(granted.values()))
        for reason, each in own.items():
            for period in each:
                self._use(project, period, granted[reason])
        self._reserved[project, name] = found
        return found

    def _use(self, project: str, period: str, number: int) -> None:
        self._used[project, period] = self._used.get((project, period), 0) + number

    @_locked
    def left(self, project: str, at: datetime, budget: Budget) -> Mapping[str, int | None]:
        return {
            period: None if limit is None else max(0, limit - self._used.get((project, period), 0))
            for period, limit in budget.limits(at).items()
        }

    @_locked
    def receipts(self, project: str, since: datetime) -> Iterator[FileReceipt]:
        found = [each for each in self._receipts.values() if each.file.project == project and each.ingested_at >= since]
        return iter(sorted(found, key=lambda each: (each.ingested_at, each.file.file_id)))

    @_locked
    def latest(self, project: str) -> Iterator[FileReceipt]:
        return reversed(list(self.receipts(project, datetime.min.replace(tzinfo=UTC))))


class MemoryFeedbackStore(FeedbackStore):
    def __init__(self, world: World) -> None:
        self._world = world
        self._states: dict[tuple[str, str], FeedbackState] = {}
        self._searches: dict[str, FeedbackSearch] = {}

    @_locked
    def put(self, feedback: Feedback) -> bool:
        key = (feedback.project, feedback.feedback_id)
        there = self._states.get(key)
        if there is not None and there.status in (FeedbackStatus.PENDING, FeedbackStatus.JOINED):
            return False
        self._states[key] = FeedbackState(feedback=feedback)
        return True

    @_locked
    def get(self, project: str, feedback_id: str) -> FeedbackState | None:
        return self._states.get((project, feedback_id))

    @_locked
    def by_status(self, project: str, status: FeedbackStatus, limit: int) -> list[FeedbackState]:
        found = [each for (name, _), each in self._states.items() if name == project and each.status is status]
        newest = sorted(found, key=lambda each: (each.feedback.received_at, each.feedback.feedback_id), reverse=True)
        return newest[:limit]

    @_locked
    def save(self, state: FeedbackState, journal: Journal) -> bool:
        key = (state.feedback.project, state.feedback.feedback_id)
        there = self._states.get(key)
        if there is None or there.status is not FeedbackStatus.PENDING:
            return False
        self._states[key] = state
        self._world.write(journal)
        return True

    @_locked
    def search(self, project: str) -> FeedbackSearch:
        return self._searches.get(project, FeedbackSearch(project=project))

    @_locked
    def save_search(self, search: FeedbackSearch) -> None:
        self._searches[search.project] = search


# Where a payload was that is forgotten, and no other one comes.
FORGOTTEN_PAYLOAD = Payload(data=b"", content_type="application/x-trueup-forgotten")


class MemoryPayloadStore(PayloadStore):
    def __init__(self) -> None:
        self.payloads: dict[str, Payload] = {}

    def put(self, project: str, sample_id: str, payload: Payload) -> str:
        uri = f"memory://{project}/payloads/{sample_id}"
        self.payloads.setdefault(uri, payload)
        return uri

    def get(self, uri: str) -> Payload:
        if uri not in self.payloads:
            raise NotFoundError(f"{uri} does not exist")
        if self.payloads[uri] == FORGOTTEN_PAYLOAD:
            raise NotFoundError(f"{uri} was forgotten")
        return self.payloads[uri]

    def presign(self, uri: str, seconds: int) -> str:
        return f"{uri}?expires={seconds}"


class MemoryExportSink(ExportSink):
    def __init__(self, root: str = "") -> None:
        self.files: dict[str, bytes] = {}
        self._root = root

    @property
    def root(self) -> str:
        return self._root

    def holds_anything(self) -> bool:
        return bool(self.files)

    def read(self, path: str) -> bytes | None:
        return self.files.get(path)

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        self.files[path] = b"".join(chunks)

    def remove(self, path: str) -> None:
        self.files.pop(path, None)


class MemoryTaskStore(TaskStore):
    def __init__(self, world: World) -> None:
        self._world = world
        self._tasks: dict[tuple[str, str], Task] = {}
        self._samples: dict[tuple[str, str], Sample] = {}
        self._selections: dict[tuple[str, str], Selection] = {}
        self._annotations: dict[tuple[str, str, str], Annotation] = {}
        self._consensus: dict[tuple[str, str, str], Consensus] = {}
        self._uncommitted: set[tuple[str, str, str]] = set()
        self._rulings: list[Ruling] = []

    @_locked
    def open(self, openings: Sequence[Opening], journal: Journal) -> tuple[str, ...]:
        opened = [each.task.task_id for each in openings if self._open(each)]
        self._world.write(journal)
        return tuple(dict.fromkeys(opened))

    def _open(self, opening: Opening) -> bool:
        sample, selection, task = opening.sample, opening.selection, opening.task
        key = (sample.project, sample.sample_id)
        if (task.project, task.task_id) in self._tasks:
            before = self._selections.get(key)
            return before is not None and before.event_id == selection.event_id
        self._samples[key], self._selections[key] = sample, selection
        self._tasks[task.project, task.task_id] = task
        self._world.write(Journal(at=task.opened_at), opening.edges)
        return True

    @_locked
    def known_samples(self, project: str, sample_ids: Iterable[str]) -> frozenset[str]:
        return frozenset(each for each in sample_ids if (project, each) in self._samples)

    @_locked
    def get(self, project: str, task_id: str) -> Task:
        if (project, task_id) not in self._tasks:
            raise NotFoundError(f"project {project} has no task {task_id}")
        return self._tasks[project, task_id]

    @_locked
    def add(self, task: Task, journal: Journal, *, sample: Sample | None = None) -> None:
        if (task.project, task.task_id) in self._tasks:
            raise ConflictError(f"task {task.task_id} is there already")
        if sample is not None:
            self._samples.setdefault((task.project, task.sample_id), sample)
        self._tasks[task.project, task.task_id] = task
        self._world.write(journal)

    @_locked
    def save(
        self,
        task: Task,
        journal: Journal,
        *,
        annotation: Annotation | None = None,
        consensus: Consensus | None = None,
        ruling: Ruling | None = None,
    ) -> None:
        stored = self._tasks.get((task.project, task.task_id))
        if stored is None or stored.revision != task.revision - 1:
            raise ConflictError(f"task {task.task_id} is past revision {task.revision - 1}")
        if annotation is not None and _answer_key(annotation) in self._annotations:
            raise ConflictError(f"annotation {annotation.annotation_id} is there already")
        if consensus is not None and _consensus_key(consensus) in self._consensus:
            raise ConflictError(f"consensus {consensus.consensus_id} is there already")
        if annotation is not None:
            self._annotations[_answer_key(annotation)] = annotation
        if consensus is not None:
            self._settle(consensus)
        if ruling is not None:
            self._rulings.append(ruling)
        self._tasks[task.project, task.task_id] = task
        self._world.write(journal)

    def bring(self, given: Iterable[Given]) -> None:
        """Other threads may read here for what is given next."""
        for each in given:
            self._bring(each)

    @_locked
    def _bring(self, given: Given) -> None:
        consensus = given.consensus
        if (consensus.project, consensus.sample_id) in self._world.buried:
            return
        for answer in given.annotations:
            self._annotations.setdefault(_answer_key(answer), answer)
        self._consensus.setdefault(_consensus_key(consensus), consensus)
        for edge in given.edges:
            self._world.draw(edge)

    def _settle(self, consensus: Consensus) -> None:
        key = _consensus_key(consensus)
        self._consensus[key] = consensus
        self._uncommitted = {each for each in self._uncommitted if each[:2] != key[:2]} | {key}

    @_locked
    def by_status(self, project: str, status: TaskStatus, limit: int) -> list[Task]:
        mine = [each for each in self._tasks.values() if each.project == project and each.gold_id is None]
        found = [each for each in mine if each.status is status]
        return sorted(found, key=lambda each: (-each.priority, each.opened_at, each.task_id))[:limit]

    @_locked
    def count(self, project: str, status: TaskStatus) -> int:
        return len(self.by_status(project, status, len(self._tasks)))

    @_locked
    def annotations(self, project: str, task_id: str) -> list[Annotation]:
        found = [each for each in self._annotations.values() if (each.project, each.task_id) == (project, task_id)]
        return sorted(found, key=lambda each: (each.submitted_at, each.annotation_id))

    @_locked
    def annotation(self, project: str, task_id: str, annotation_id: str) -> Annotation | None:
        return self._annotations.get((project, task_id, annotation_id))

    @_locked
    def work(self, project: str, annotator: str, limit: int) -> list[Annotation]:
        theirs = [each for each in self.answers(project, len(self._annotations)) if each.annotator == annotator]
        return [each for each in theirs if each.backend != IMPORT][:limit]

    @_locked
    def work_count(self, project: str, annotator: str, since: datetime | None = None) -> int:
        found = self.work(project, annotator, len(self._annotations))
        return sum(since is None or each.submitted_at >= since for each in found)

    @_locked
    def answers(self, project: str, limit: int) -> list[Annotation]:
        mine = [each for each in self._annotations.values() if each.project == project]
        found = [each for each in mine if (project, each.sample_id) not in self._world.buried]
        return sorted(found, key=lambda each: (each.submitted_at, each.annotation_id), reverse=True)[:limit]

    @_locked
    def consensus(self, project: str, task_id: str) -> Consensus | None:
        found = [each for each in self._consensus.values() if (each.project, each.task_id) == (project, task_id)]
        return max(found, key=lambda each: (each.reached_at, each.consensus_id), default=None)

    @_locked
    def consensuses(self, project: str, task_id: str) -> list[Consensus]:
        found = [each for each in self._consensus.values() if (each.project, each.task_id) == (project, task_id)]
        return sorted(found, key=lambda each: (each.reached_at, each.consensus_id))

    @_locked
    def rulings(self, project: str, limit: int) -> list[Ruling]:
        mine = [each for each in self._rulings if each.project == project]
        found = [each for each in mine if (project, each.sample_id) not in self._world.buried]
        return sorted(found, key=lambda each: (each.at, each.ruling_id), reverse=True)[:limit]

    @_locked
    def rulings_of(self, project: str, task_id: str) -> list[Ruling]:
        found = [each for each in self._rulings if (each.project, each.task_id) == (project, task_id)]
        return sorted(found, key=lambda each: (each.at, each.ruling_id))

    @_locked
    def sample(self, project: str, sample_id: str) -> Sample:
        if (project, sample_id) not in self._samples:
            raise NotFoundError(f"project {project} has no sample {sample_id}")
        return self._samples[project, sample_id]

    @_locked
    def selection(self, project: str, sample_id: str) -> Selection | None:
        return self._selections.get((project, sample_id))

    @_locked
    def uncommitted(self, project: str, limit: int) -> list[SettledLabel]:
        waiting = [self._consensus[key] for key in self._uncommitted if key[0] == project]
        oldest = sorted(waiting, key=lambda each: (each.reached_at, each.consensus_id))[:limit]
        return [
            SettledLabel(
                consensus=each,
                sample=self._samples[project, each.sample_id],
                selection=self._selections.get((project, each.sample_id)),
            )
            for each in oldest
        ]

    @_locked
    def mark_committed(self, labels: Sequence[SettledLabel], version_id: str) -> None:  # noqa: ARG002
        keys = {_consensus_key(each.consensus) for each in labels}
        missing = keys - self._consensus.keys()
        if missing:
            raise NotFoundError(f"there is no consensus {min(missing)[2]}")
        self._uncommitted -= keys


def _answer_key(annotation: Annotation) -> tuple[str, str, str]:
    return annotation.project, annotation.task_id, annotation.annotation_id


def _consensus_key(consensus: Consensus) -> tuple[str, str, str]:
    return consensus.project, consensus.task_id, consensus.consensus_id


@dataclass
class _Message:
    number: int
    task_id: str
    visible_at: datetime


class MemoryAnnotationQueue(AnnotationQueue):
    """At least once: with `repeats` every message is delivered that many times more, with `disorder` the visible
    ones come in the order that this generator draws."""

    def __init__(self, clock: Clock, repeats: int = 0, disorder: Random | None = None) -> None:
        self._world = World()
        self._clock = clock
        self._repeats = repeats
        self._disorder = disorder
        self._messages: dict[str, dict[int, _Message]] = {}
        self._number = 0

    @_locked
    def send(self, project: str, task_ids: Sequence[str]) -> None:
        for each in task_ids:
            for _ in range(1 + self._repeats):
                self._put(project, each, 0)

    def _put(self, project: str, task_id: str, delay: int) -> None:
        self._number += 1
        visible = self._clock.now() + timedelta(seconds=delay)
        self._messages.setdefault(project, {})[self._number] = _Message(self._number, task_id, visible)

    @_locked
    def receive(self, project: str, limit: int, hold_seconds: int) -> list[Slot]:
        now = self._clock.now()
        visible = [each for each in self._messages.get(project, {}).values() if each.visible_at <= now]
        if self._disorder is not None:
            self._disorder.shuffle(visible)
        for each in visible[:limit]:
            each.visible_at = now + timedelta(seconds=hold_seconds)
        return [Slot(task_id=each.task_id, receipt=str(each.number)) for each in visible[:limit]]

    @_locked
    def hold(self, project: str, receipt: str, seconds: int) -> None:
        message = self._message(project, receipt)
        if message is not None:
            message.visible_at = self._clock.now() + timedelta(seconds=seconds)

    @_locked
    def give_back(self, project: str, slot: Slot, delay_seconds: int = 0) -> None:
        self._put(project, slot.task_id, delay_seconds)
        self.done(project, slot.receipt)

    @_locked
    def done(self, project: str, receipt: str) -> None:
        message = self._message(project, receipt)
        if message is not None:
            del self._messages[project][message.number]

    @_locked
    def depth(self, project: str) -> int:
        return len(self._messages.get(project, {}))

    def _message(self, project: str, receipt: str) -> _Message | None:
        return self._messages.get(project, {}).get(int(receipt)) if receipt.isdecimal() else None


class MemoryGuidelineStore(GuidelineStore):
    def __init__(self, world: World) -> None:
        self._world = world
        self._versions: dict[tuple[str, int], Guidelines] = {}

    @_locked
    def newest(self, project: str) -> Guidelines | None:
        return next(iter(self.versions(project)), None)

    @_locked
    def versions(self, project: str) -> list[Guidelines]:
        found = [each for (name, _), each in self._versions.items() if name == project]
        return sorted(found, key=lambda each: -each.number)

    @_locked
    def save(self, guidelines: Guidelines, journal: Journal) -> None:
        key = guidelines.project, guidelines.number
        if key in self._versions:
            raise ConflictError(f"the guidelines have a version {guidelines.number} already")
        self._versions[key] = guidelines
        self._world.write(journal)


class MemoryQueueStandings(QueueStandings):
    def __init__(self, world: World) -> None:
        self._world = world
        self._standings: dict[str, QueueStanding] = {}

    @_locked
    def standing(self, project: str) -> QueueStanding:
        return self._standings.get(project, QueueStanding(project=project))

    @_locked
    def set_standing(self, standing: QueueStanding, journal: Journal) -> None:
        self._standings[standing.project] = standing
        self._world.write(journal)


class MemoryGoldStore(GoldStore):
    def __init__(self) -> None:
        self._world = World()
        self._items: dict[tuple[str, str], Gold] = {}
        self._answers: dict[tuple[str, str, str], GoldAnswer] = {}

    @_locked
    def items(self, project: str) -> list[Gold]:
        return [each for (name, _), each in sorted(self._items.items()) if name == project]

    @_locked
    def item(self, project: str, gold_id: str) -> Gold | None:
        return self._items.get((project, gold_id))

    @_locked
    def put(self, gold: Gold) -> bool:
        fresh = (gold.project, gold.gold_id) not in self._items
        self._items.setdefault((gold.project, gold.gold_id), gold)
        return fresh

    @_locked
    def remove(self, project: str, gold_id: str) -> None:
        self._items.pop((project, gold_id), None)

    @_locked
    def expose(self, project: str, gold_id: str) -> None:
        found = self._items.get((project, gold_id))
        if found is not None:
            self._items[project, gold_id] = msgspec.structs.replace(found, exposures=found.exposures + 1)

    @_locked
    def record(self, answer: GoldAnswer) -> None:
        self._answers[answer.project, answer.annotator, answer.task_id] = answer

    @_locked
    def answers(self, project: str, annotator: str | None = None) -> list[GoldAnswer]:
        found = [each for each in self._answers.values() if each.project == project]
        mine = [each for each in found if annotator is None or each.annotator == annotator]
        return sorted(mine, key=lambda each: (each.at, each.task_id))


class MemoryStandingStore(StandingStore):
    def __init__(self, world: World) -> None:
        self._world = world
        self._standings: dict[tuple[str, str], Standing] = {}

    @_locked
    def standing(self, project: str, annotator: str) -> Standing:
        return self._standings.get((project, annotator), Standing(project=project, annotator=annotator))

    @_locked
    def standings(self, project: str) -> list[Standing]:
        return [each for (name, _), each in sorted(self._standings.items()) if name == project]

    @_locked
    def set_standing(self, standing: Standing, journal: Journal) -> None:
        self._standings[standing.project, standing.annotator] = standing
        self._world.write(journal)


class MemoryReportStore(ReportStore):
    def __init__(self) -> None:
        self._reports: dict[str, QualityReport] = {}

    def report(self, project: str) -> QualityReport | None:
        return self._reports.get(project)

    def save_report(self, report: QualityReport) -> None:
        self._reports[report.project] = report


class MemorySkillStore(SkillStore):
    def __init__(self) -> None:
        self._world = World()
        self._skills: dict[tuple[str, str], AnnotatorSkill] = {}

    @_locked
    def skills(self, project: str) -> list[AnnotatorSkill]:
        return [each for (name, _), each in sorted(self._skills.items()) if name == project]

    @_locked
    def save_skills(self, project: str, skills: Sequence[AnnotatorSkill]) -> None:
        self._skills |= {(project, each.annotator): each for each in skills}


class MemoryKnowledgeStore(KnowledgeStore):
    def __init__(self) -> None:
        self._world = World()
        self._known: dict[str, Knowledge] = {}

    @_locked
    def knowledge(self, project: str) -> Knowledge:
        return self._known.get(project, Knowledge(project=project))

    @_locked
    def learn(self, knowledge: Knowledge) -> None:
        self._known[knowledge.project] = knowledge


class MemorySplitStore(SplitStore):
    """`objects` maps URI to bytes, for tests that look at or spoil what is stored."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.objects: dict[str, bytes] = {}
        self._frozen: dict[tuple[str, str], FrozenTest] = {}
        self._schemas: dict[tuple[str, str], SchemaVersion] = {}

    @_locked
    def put_part(self, project: str, data: bytes) -> str:
        name = hashlib.sha256(data).hexdigest()
        self.objects.setdefault(f"memory://{project}/groups/parts/{name}", data)
        return name

    @_locked
    def part(self, project: str, sha256: str) -> bytes:
        data = self._stored(f"memory://{project}/groups/parts/{sha256}")
        if hashlib.sha256(data).hexdigest() != sha256:
            raise IntegrityError(f"part {sha256[:12]} of {project} does not hash to its name")
        return data

    @_locked
    def put_groups(self, project: str, version_id: str, groups: GroupDocument) -> None:
        self.objects.setdefault(f"memory://{project}/groups/{version_id}", msgspec.json.encode(groups))

    @_locked
    def groups(self, project: str, version_id: str) -> GroupDocument | None:
        data = self.objects.get(f"memory://{project}/groups/{version_id}")
        return None if data is None else msgspec.json.decode(data, type=GroupDocument)

    @_locked
    def freeze(self, frozen: FrozenTest, journal: Journal) -> None:
        there = self._frozen.get((frozen.project, frozen.name))
        if there is not None and there.sha256 != frozen.sha256:
            raise ConflictError(f"the name {frozen.name} stands for another frozen test set of {frozen.project}")
        if there is None:
            self._frozen[frozen.project, frozen.name] = frozen
            self._world.write(journal)

    @_locked
    def frozen(self, project: str) -> tuple[FrozenTest, ...]:
        return tuple(each for (owner, _), each in sorted(self._frozen.items()) if owner == project)

    @_locked
    def note_schema(self, schema: SchemaVersion) -> None:
        self._schemas.setdefault((schema.project, schema.version), schema)

    @_locked
    def schemas(self, project: str) -> list[SchemaVersion]:
        found = (each for (owner, _), each in sorted(self._schemas.items()) if owner == project)
        return sorted(found, key=lambda each: each.at)

    def _stored(self, uri: str) -> bytes:
        if uri not in self.objects:
            raise NotFoundError(f"{uri} does not exist")
        return self.objects[uri]


class MemoryDatasetStore(MemorySplitStore, DatasetStore):
    """`written` says when segments and documents were written last."""

    def __init__(self, world: World, clock: Clock | None = None) -> None:
        super().__init__(world)
        self._clock = clock or FixedClock()
        self.written: dict[str, datetime] = {}
        self._versions: dict[str, list[DatasetVersion]] = {}
        self._checkpoints: dict[tuple[str, str], tuple[Segment, ...]] = {}

    @_locked
    def checkpoint(self, project: str, version_id: str) -> tuple[Segment, ...] | None:
        return self._checkpoints.get((project, version_id))

    @_locked
    def checkpoint_names(self, project: str, version_id: str) -> frozenset[str]:
        return frozenset(each.sha256 for each in self.checkpoint(project, version_id) or ())

    @_locked
    def put_checkpoint(self, project: str, version_id: str, segments: Sequence[Segment]) -> None:
        self._checkpoints[project, version_id] = tuple(segments)

    @_locked
    def put_segment(self, project: str, data: bytes) -> str:
        name = hashlib.sha256(data).hexdigest()
        self._put_part(f"memory://{project}/segments/{name}", data)
        return name

    @_locked
    def segment(self, project: str, sha256: str) -> bytes:
        redaction = self.redaction(project, sha256)
        place = f"redacted/{sha256}/{redaction.sha256}" if redaction else f"segments/{sha256}"
        data = self.read(f"memory://{project}/{place}")
        if hashlib.sha256(data).hexdigest() != (redaction.sha256 if redaction else sha256):
            raise IntegrityError(f"segment {sha256[:12]} of {project} does not hash to its name")
        return data

    @_locked
    def redaction(self, project: str, sha256: str) -> Redaction | None:
        return self._world.redactions.get((project, sha256))

    @_locked
    def forgotten(self, project: str, sample_ids: Collection[str]) -> Forgotten:
        gone = frozenset(each for each in sample_ids if (project, each) in self._world.buried)
        return Forgotten(epoch=self._world.epochs.get(project, 0), sample_ids=gone)

    @_locked
    def commit(
        self, version: DatasetVersion, journal: Journal, *, epoch: int | None = None, frozen: int | None = None
    ) -> None:
        if epoch not in (None, self._world.epochs.get(version.project, 0)):
            raise HeadMovedError(f"samples of {version.project} were forgotten during this commit")
        self._put_part(f"memory://{version.project}/versions/{version.version_id}", document(version))
        head = self.head(version.project, version.branch)
        taken = {each.number for each in self._versions.get(version.project, ())}
        stale = frozen is not None and frozen != len(self.frozen(version.project))
        if (head.version_id if head else None) != version.parent or version.number in taken or stale:
            raise HeadMovedError(
                f"the head of {version.project} is no longer the parent of this commit, or a test set was frozen since"
            )
        swept = self._world.swept.get(version.project)
        if swept is not None and version.created_at < swept:
            raise HeadMovedError(f"the commit to {version.project} took so long that its segments may be gone")
        self._versions.setdefault(version.project, []).append(version)
        self._world.heads[version.project, version.branch] = version
        self._world.write(journal)

    @_locked
    def head(self, project: str, branch: str = "main") -> DatasetVersion | None:
        return self._world.heads.get((project, branch))

    @_locked
    def heads(self, project: str) -> dict[str, DatasetVersion]:
        return {branch: each for (name, branch), each in sorted(self._world.heads.items()) if name == project}

    @_locked
    def next_number(self, project: str) -> int:
        return max((each.number for each in self._versions.get(project, ())), default=0) + 1

    @_locked
    def walk(self, project: str, newest: int) -> Iterator[DatasetVersion]:
        return iter([each for each in self.versions(project) if each.number <= newest])

    @_locked
    def version(self, project: str, version_id: str) -> DatasetVersion:
        number = version_number(version_id)
        numbered = [each for each in self.versions(project) if each.number == number]
        if numbered:
            return numbered[0]
        found = [each for each in self.versions(project) if each.version_id.startswith(version_id)]
        if len(version_id) < MIN_PREFIX or len(found) != 1:
            raise NotFoundError(f"project {project} has no version {version_id}")
        return found[0]

    @_locked
    def versions(self, project: str) -> list[DatasetVersion]:
        return sorted(self._versions.get(project, []), key=lambda each: -each.number)

    @_locked
    def document(self, project: str, version_id: str) -> bytes:
        return self.read(f"memory://{project}/versions/{version_id}")

    @_locked
    def put_export(self, project: str, version_id: str, name: str, data: bytes) -> str:
        return self._put(f"memory://{project}/exports/{version_id}/{name}", data)

    @_locked
    def put_report(self, project: str, name: str, data: bytes) -> str:
        return self._put(f"memory://{project}/reports/{name}", data)

    @_locked
    def report(self, project: str, name: str) -> bytes:
        return self.read(f"memory://{project}/reports/{name}")

    @_locked
    def read(self, uri: str) -> bytes:
        return self._stored(uri)

    def _put(self, uri: str, data: bytes) -> str:
        self.objects[uri] = data
        return uri

    def _put_part(self, uri: str, data: bytes) -> None:
        self.objects.setdefault(uri, data)
        self.written[uri] = self._clock.now()


class MemoryLineageStore(LineageStore):
    def __init__(self, world: World) -> None:
        self._world = world

    @_locked
    def add(self, edges: Sequence[Edge]) -> None:
        for each in edges:
            self._world.write(Journal(at=each.at, edges=(each,)))

    @_locked
    def edges_from(self, project: str, node: Node, limit: int | None = None) -> list[Edge]:
        found = self._world.leaving.get((project, node), [])
        return _last(sorted(found, key=lambda each: str(each.target)), limit)

    @_locked
    def edges_to(self, project: str, node: Node, limit: int | None = None) -> list[Edge]:
        found = self._world.reaching.get((project, node), [])
        return _last(sorted(found, key=lambda each: str(each.source)), limit)

    @_locked
    def count_from(self, project: str, node: Node, at_most: int) -> int:
        return min(at_most, len(self._world.leaving.get((project, node), [])))

    @_locked
    def count_to(self, project: str, node: Node, at_most: int) -> int:
        return min(at_most, len(self._world.reaching.get((project, node), [])))


def _last(edges: list[Edge], limit: int | None) -> list[Edge]:
    return edges if limit is None else edges[max(0, len(edges) - limit) :]


class MemoryRunStore(RunStore):
    def __init__(self, world: World) -> None:
        self._world = world
        self._runs: dict[tuple[str, str], RetrainingRun] = {}
        self._active: dict[str, str] = {}
        self._postponed: dict[str, tuple[TriggerDecision, str]] = {}
        self._evaluations: dict[tuple[str, str], Evaluation] = {}

    @_locked
    def begin(self, run: RetrainingRun, journal: Journal) -> None:
        if (run.project, run.run_id) in self._runs:
            return
        if run.project in self._active:
            raise RunActiveError(f"project {run.project} retrains already")
        self._runs[run.project, run.run_id] = run
        self._active[run.project] = run.run_id
        self._postponed.pop(run.project, None)
        self._world.write(journal)

    @_locked
    def postpone(
        self, project: str, decision: TriggerDecision, version_id: str, journal: Journal | None = None
    ) -> None:
        self._postponed[project] = (decision, version_id)
        if journal is not None:
            self._world.write(journal)

    @_locked
    def postponed(self, project: str) -> tuple[TriggerDecision, str] | None:
        return self._postponed.get(project)

    @_locked
    def active(self, project: str) -> RetrainingRun | None:
        run_id = self._active.get(project)
        return self._runs[project, run_id] if run_id else None

    @_locked
    def get(self, project: str, run_id: str) -> RetrainingRun:
        if (project, run_id) not in self._runs:
            raise NotFoundError(f"project {project} has no run {run_id}")
        return self._runs[project, run_id]

    @_locked
    def save(self, run: RetrainingRun, journal: Journal) -> None:
        self.get(run.project, run.run_id)
        active = self._active.get(run.project) == run.run_id
        if run.status is RunStatus.RUNNING and not active:
            raise ConflictError(f"run {run.run_id} of {run.project} has ended")
        self._runs[run.project, run.run_id] = run
        if run.status is not RunStatus.RUNNING and active:
            del self._active[run.project]
        self._world.write(journal)

    @_locked
    def runs(self, project: str, limit: int) -> list[RetrainingRun]:
        found = [each for each in self._runs.values() if each.project == project]
        return sorted(found, key=lambda each: (each.started_at, each.run_id), reverse=True)[:limit]

    @_locked
    def trained(self, project: str, first: int, before: int | None, limit: int) -> list[RetrainingRun]:
        found = [each for each in self._runs.values() if each.project == project and each.training_job]
        fits = [each for each in found if max(first, 1) <= each.version_number < (before or math.inf)]
        return sorted(fits, key=lambda each: (each.version_number, each.run_id))[:limit]

    def _promoted(self, project: str) -> list[RetrainingRun]:
        found = [each for each in self._runs.values() if each.project == project and each.ended_at]
        return sorted((each for each in found if each.status is RunStatus.PROMOTED), key=_promotion)

    @_locked
    def serving(self, project: str, at: datetime) -> RetrainingRun | None:
        found = [each for each in self._promoted(project) if each.ended_at and each.ended_at <= at]
        return found[-1] if found else None

    @_locked
    def succeeded_by(self, run: RetrainingRun) -> RetrainingRun | None:
        return next((each for each in self._promoted(run.project) if _promotion(each) > _promotion(run)), None)

    @_locked
    def save_evaluation(self, evaluation: Evaluation, journal: Journal) -> None:
        self._evaluations[evaluation.project, evaluation.run_id] = evaluation
        self._world.write(journal)

    @_locked
    def evaluation(self, project: str, run_id: str) -> Evaluation | None:
        return self._evaluations.get((project, run_id))


def _promotion(run: RetrainingRun) -> tuple[datetime, str]:
    return run.ended_at or run.started_at, run.run_id


def _outcome(work: Callable[[Mapping[str, Any]], Any], document: Mapping[str, Any]) -> Outcome:
    try:
        return Outcome(status="SUCCEEDED", output=work(document))
    except TrueupError as error:
        return Outcome(status="FAILED", error=f"{type(error).__name__}: {error}")


class MemoryWorkflows(Workflows):
    """`started` maps "<machine>:<name>" to the first document given. What was started is done when it is asked for
    again. `bulk` does what the bulk workflow does, at once."""

    def __init__(self, bulk: Callable[[Mapping[str, Any]], Any] | None = None) -> None:
        self.started: dict[str, dict[str, Any]] = {}
        self.bulk = bulk
        self._outcomes: dict[str, Outcome] = {}

    def start_bulk(self, name: str, document: Mapping[str, Any]) -> str:
        arn = self._start(f"bulk:{name}", document)
        if self.bulk is not None and arn not in self._outcomes:
            self._outcomes[arn] = _outcome(self.bulk, document)
        return arn

    def outcome(self, execution_arn: str) -> Outcome:
        return self._outcomes.get(execution_arn, Outcome(status="RUNNING"))

    def start_retraining(self, name: str, document: Mapping[str, Any]) -> str:
        return self._start(f"retraining:{name}", document)

    def start_promotion(self, name: str, document: Mapping[str, Any]) -> str:
        return self._start(f"promotion:{name}", document)

    def start_backfill(self, name: str, document: Mapping[str, Any]) -> Execution:
        began = f"backfill:{name}" not in self.started
        arn = self._start(f"backfill:{name}", document)
        return Execution(arn=arn, status="RUNNING" if began else "SUCCEEDED", began=began)

    def _start(self, name: str, document: Mapping[str, Any]) -> str:
        self.started.setdefault(name, dict(document))
        return f"memory:execution:{name}"


class MemoryRegistry(ModelRegistry, PackageRulings):
    def __init__(self) -> None:
        self.champions: dict[str, Champion] = {}
        self.configs: dict[str, dict[str, Any]] = {}
        self.packages: dict[str, ModelPackage] = {}

    def champion(self, endpoint_name: str) -> Champion:
        if endpoint_name not in self.champions:
            raise NotFoundError(f"there is no endpoint {endpoint_name}")
        return self.champions[endpoint_name]

    def endpoint_config(self, endpoint_name: str) -> Mapping[str, Any]:
        if endpoint_name not in self.configs:
            raise NotFoundError(f"there is no endpoint {endpoint_name}")
        return self.configs[endpoint_name]

    def package(self, arn: str) -> ModelPackage:
        if arn not in self.packages:
            raise NotFoundError(f"there is no model package {arn}")
        return self.packages[arn]

    def rule(self, arn: str, approval: str) -> None:
        self.packages[arn] = msgspec.structs.replace(self.package(arn), approval=approval)


class MemoryEventBus(EventBus):
    """Refuses the event ids in `refuse` once each."""

    def __init__(self) -> None:
        self._world = World()
        self.published: list[Envelope] = []
        self.refuse: set[str] = set()

    @_locked
    def publish(self, envelopes: Sequence[Envelope]) -> tuple[str, ...]:
        refused = tuple(each.event_id for each in envelopes if each.event_id in self.refuse)
        self.refuse -= set(refused)
        self.published += [each for each in envelopes if each.event_id not in refused]
        return refused


class MemoryLineageEvents(LineageEvents):
    """Refuses with the error in `refusal`, while there is one."""

    def __init__(self) -> None:
        self.emitted: list[RunEvent] = []
        self.refusal: Exception | None = None

    def emit(self, events: Sequence[RunEvent]) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.emitted += events


class MemoryModelLineage(ModelLineage):
    """`jobs` are those that SageMaker knows. Entities are kept by their sources, associations once for each pair."""

    def __init__(self) -> None:
        self._world = World()
        self.jobs: set[str] = set()
        self.entities: dict[str, Entity] = {}
        self.associations: dict[tuple[str, str], str] = {}

    @_locked
    def mirror(self, entities: Sequence[Entity], associations: Sequence[Association]) -> tuple[str, ...]:
        unknown = tuple(each.source for each in entities if each.kind == "job" and each.source not in self.jobs)
        for each in entities:
            if each.source not in unknown and (each.properties or each.source not in self.entities):
                self.entities[each.source] = each
        for bond in associations:
            if not {bond.source, bond.destination} & set(unknown):
                self.associations.setdefault((bond.source, bond.destination), bond.bond)
        return unknown


class MemoryEndpointAdmin(EndpointAdmin):
    def __init__(self) -> None:
        self.configs: dict[str, dict[str, Any]] = {}
        self.serving: dict[str, str] = {}

    def config(self, endpoint: str) -> Mapping[str, Any]:
        if endpoint not in self.serving:
            raise NotFoundError(f"there is no endpoint {endpoint}")
        return self.named_config(self.serving[endpoint])

    def named_config(self, name: str) -> Mapping[str, Any]:
        if name not in self.configs:
            raise NotFoundError(f"there is no endpoint configuration {name}")
        return {key: value for key, value in self.configs[name].items() if key != "Tags"}

    def tags(self, arn: str) -> dict[str, str]:
        name = arn.rsplit("/", 1)[-1]
        return {each["Key"]: each["Value"] for each in self.configs[name].get("Tags", [])}

    def create_config(self, request: Mapping[str, Any]) -> None:
        name = request["EndpointConfigName"]
        self.configs.setdefault(name, {**request, "EndpointConfigArn": f"arn:memory:endpoint-config/{name}"})

    def switch(self, endpoint: str, config_name: str) -> None:
        self.named_config(config_name)
        self.serving[endpoint] = config_name


class MemoryBatchStore(BatchStore):
    def __init__(self, world: World | None = None) -> None:
        self._world = world or World()
        self._jobs: dict[tuple[str, str], LabelingJob] = {}
        self._seen: dict[tuple[str, str], datetime] = {}
        self._ended: set[tuple[str, str]] = set()
        self._charges: dict[tuple[str, str, str], Charge] = {}

    @_locked
    def save_batch(self, job: LabelingJob) -> bool:
        if (job.project, job.name) in self._ended:
            return False
        self._jobs[job.project, job.name] = job
        return True

    @_locked
    def end_batch(self, job: LabelingJob, journal: Journal, charge: Charge | None = None) -> bool:
        if (job.project, job.name) in self._ended:
            return False
        self._ended.add((job.project, job.name))
        self._jobs[job.project, job.name] = job
        if charge is not None:
            self._charges[charge.project, charge.month, charge.batch] = charge
        self._world.write(journal)
        return True

    @_locked
    def charges(self, project: str, month: str = "") -> list[Charge]:
        found = sorted(self._charges.items())
        return [charge for (name, when, _), charge in found if name == project and when.startswith(month)]

    @_locked
    def batches(self, project: str, status: str) -> list[LabelingJob]:
        found = [each for each in self._jobs.values() if each.project == project and each.status == status]
        return sorted(found, key=lambda each: each.name)

    @_locked
    def batch(self, project: str, name: str) -> LabelingJob | None:
        return self._jobs.get((project, name))

    @_locked
    def ever(self, project: str) -> bool:
        return any(each.project == project for each in self._jobs.values())

    @_locked
    def seen(self, project: str, backend: str) -> datetime | None:
        return self._seen.get((project, backend))

    @_locked
    def saw(self, project: str, backend: str, until: datetime) -> None:
        self._seen[project, backend] = until


class MemoryLabelingModels(LabelingModels):
    """Answers as `says` of a payload; what it makes of none of the classes is refused."""

    def __init__(self, says: Callable[[Payload], str]) -> None:
        self.says = says
        self.asked: list[tuple[str, Question]] = []

    def answer(self, model_id: str, question: Question) -> ModelAnswer:
        self.asked.append((model_id, question))
        label = self.says(question.payload)
        if label not in {each.name for each in question.classes}:
            raise LabelError(f"the model answered {label!r}, which is none of the classes", field="label")
        return ModelAnswer(label=label, input_tokens=len(question.payload.data), output_tokens=1)


class MemoryLabelingBackend(LabelingBackend):
    """What its people do is given to it by the test: `given` stands now."""

    single = True

    def __init__(self) -> None:
        self.jobs: dict[str, list[Task]] = {}
        self.statuses: dict[str, str] = {}
        self.given: dict[str, list[Annotation]] = {}
        self.failed: dict[str, dict[str, str]] = {}
        self.done: dict[str, set[str]] = {}
        self.withdrawn: dict[str, set[str]] = {}
        self.changed: dict[str, AnsweredTask] = {}
        self._world = World()
        self.curable: set[str] = set()
        self.dear = False

    @_locked
    def start(self, name: str, tasks: Sequence[Task]) -> None:
        self.jobs.setdefault(name, list(tasks))
        self.statuses.setdefault(name, "in_progress")

    @_locked
    def status(self, name: str) -> str:
        if name not in self.statuses:
            raise NotFoundError(f"there is no batch {name}")
        return self.statuses[name]

    @_locked
    def answers(self, name: str) -> list[Annotation]:
        return list(self.given.get(name, []))

    @_locked
    def failures(self, name: str) -> dict[str, str]:
        return dict(self.failed.get(name, {}))

    @_locked
    def returned(self, name: str, task_ids: Collection[str]) -> frozenset[str]:
        gone = self.done.get(name, set()) | self.failed.get(name, {}).keys() | self.withdrawn.get(name, set())
        return frozenset(task_ids) & gone

    @_locked
    def withdraw(self, name: str, task_ids: Collection[str]) -> None:
        self.withdrawn.setdefault(name, set()).update(task_ids)

    @_locked
    def recall(self, name: str) -> None:
        if self.statuses.get(name) == "in_progress":
            self.statuses[name] = "stopped"

    @_locked
    def changes(self, since: datetime | None) -> Changes:
        found = [each for each in self.changed.values() if since is None or each.at >= since]
        return Changes(tasks=tuple(found), until=max((each.at for each in found), default=since))

    def retryable(self, name: str) -> frozenset[str]:
        return frozenset(self.failed.get(name, {})) & self.curable

    def bill(self, name: str, answers: int, before: int) -> Bill | None:  # noqa: ARG002
        """A cent for each labelled object, where the test made it dear."""
        objects = len({each.task_id for each in self.given.get(name, [])})
        return Bill(objects=objects, amount=objects / 100) if self.dear else None


def copy_of(task: Task, **changes: Any) -> Task:
    """A task with other values, for tests that need one in a certain state."""
    return msgspec.structs.replace(task, **changes)
