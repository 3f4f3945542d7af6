"""What the use cases need from the world, in the words of the domain.

Every port has a fake in adapters/memory.py and an AWS adapter in adapters/aws/; tests/contract/ runs one suite
over both. All methods may raise RetryableError (try again later) and ServiceError (retrying will not help).

State changes take a `Journal`: the lineage edges and events that belong to the change. An adapter writes them
in the same transaction as the state, so that neither exists without the other; events leave through the outbox.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol

from trueup.events import Envelope, Event
from trueup.model import (
    Annotation,
    AnnotatorSkill,
    Branch,
    Budget,
    CaptureFile,
    Champion,
    Change,
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
    Forgetting,
    FrozenTest,
    Gold,
    GoldAnswer,
    GroupDocument,
    Guidelines,
    Knowledge,
    LabelClass,
    ModelPackage,
    Node,
    Payload,
    Pruned,
    QualityReport,
    Quarantined,
    QueueStanding,
    ReceiptEntry,
    Record,
    Redaction,
    Reservation,
    RetrainingRun,
    Ruling,
    Sample,
    SchemaVersion,
    Segment,
    Selection,
    SettledLabel,
    Signature,
    Standing,
    StoredPart,
    Tag,
    Task,
    TaskStatus,
    TransformPair,
    TriggerDecision,
)

if TYPE_CHECKING:
    # Every function imports the ports, and few import what only these speak of: sixty classes.
    from trueup.dataset.sources import Source
    from trueup.lineage.mirror import Association, Entity
    from trueup.lineage.openlineage.events import RunEvent


class Journal(Record, frozen=True, kw_only=True):
    """What a state change leaves behind beside the state itself. `tags` are set or moved with it."""

    at: datetime
    edges: tuple[Edge, ...] = ()
    events: tuple[Event, ...] = ()
    tags: tuple[Tag, ...] = ()


class Opening(Record, frozen=True, kw_only=True):
    """One selected sample about to become a task: all four facts are written together or not at all."""

    sample: Sample
    selection: Selection
    task: Task
    edges: tuple[Edge, ...] = ()


class Given(Record, frozen=True, kw_only=True):
    """Answers to one sample that came with an import, the label that stands on them, and their arrows."""

    annotations: tuple[Annotation, ...]
    consensus: Consensus
    edges: tuple[Edge, ...] = ()


class Slot(Record, frozen=True, kw_only=True):
    """One message of an annotation queue: an invitation to answer a task once. `receipt` is opaque."""

    task_id: str
    receipt: str


class Clock(Protocol):
    def now(self) -> datetime:
        """The present, timezone-aware UTC."""
        ...


class CaptureArchive(Protocol):
    """Capture files, and where their unreadable lines go."""

    def blocks(self, file: CaptureFile) -> Iterator[bytes]:
        """Stream the file, unzipped, in blocks of whole lines (the last line of all may lack its end); memory stays
        flat. Raises NotFoundError, CaptureError."""
        ...

    def quarantine(self, file: CaptureFile, items: Sequence[Quarantined], part: int = 1) -> str:
        """Keep bad lines with reasons. A file has as many parts as its lines need, each overwritten by a repeat.
        Returns the part's URI."""
        ...


class CaptureListing(Protocol):
    """Which capture files there are, by the hour in which they were captured."""

    def files(self, project: str, start: datetime, end: datetime) -> Iterator[CaptureFile]:
        """Those of the hours from that of `start` to that of `end`, of all endpoints and variants, in no order."""
        ...


class BadLines(Record, frozen=True, kw_only=True):
    """A part of what of a capture file was put away; `name` is the part's own, `file` the capture file's URI."""

    name: str
    file: str
    lines: tuple[Quarantined, ...]


class Quarantine(Protocol):
    """Capture lines that could not be used, as CaptureArchive put them away, until they are replayed."""

    def parts(self, project: str) -> Iterator[BadLines]:
        """What waits, in the order of names."""
        ...

    def release(self, part: BadLines, file: CaptureFile, data: bytes) -> None:
        """Make a capture file of `data`, as SageMaker would have written it, and take the part out of the quarantine.
        The same again is a no-op; a crash in the middle leaves the part there, and its repeat doubles nothing."""
        ...


class SourceObject(Record, frozen=True, kw_only=True):
    """An object as it is read: what S3 says of its type, and its bytes, unzipped, in blocks of whole lines."""

    content_type: str
    blocks: Iterator[bytes]


class CaptureSources(Protocol):
    """What SageMaker wrote that is no capture file, in the captures bucket and in those of users; and the capture files
    that are made of it."""

    def open(self, uri: str) -> SourceObject:
        """Raises NotFoundError, PermissionDeniedError; the blocks raise CaptureError for a broken gzip stream."""
        ...

    def under(self, uri: str) -> Iterator[str]:
        """The URIs that begin with one, in their order."""
        ...

    def write(self, file: CaptureFile, data: bytes) -> None:
        """Write a capture file once: one that is there is left alone."""
        ...


class TransformQueue(Protocol):
    """The objects of batch transforms that wait to be translated. At least once, unordered."""

    def send(self, pairs: Sequence[TransformPair]) -> None: ...


class CaptureLedger(Protocol):
    """What became of each capture file, and how much of the budget each took."""

    def begun(self, file: CaptureFile) -> tuple[FileReceipt | None, Reservation | None]:
        """How far an earlier reading of a file came."""
        ...

    def close(self, receipt: FileReceipt, journal: Journal) -> bool:
        """Record a file as wholly accounted for. False (and nothing written) when it already was."""
        ...

    def reserve(
        self,
        project: str,
        name: str,
        at: datetime,
        wanted: Mapping[str, int],
        budget: Budget,
        draw: Callable[[Mapping[str, int]], Drawn] | None = None,
    ) -> Reservation:
        """Take up to the `wanted` labels, by reason, from what the project's budget leaves for the hour, the day and
        ever, exactly once for a name, as a file's id: a repeat gets the first answer again. What is granted of each
        trueup.selection.budget decides where not all is left. `draw` is told, and says what it chooses with that: the
        choice of the first is kept, whoever else reads the file at the same time."""
        ...

    def left(self, project: str, at: datetime, budget: Budget) -> Mapping[str, int | None]:
        """What the budget leaves in each period of Budget.limits; None is without end."""
        ...

    def receipts(self, project: str, since: datetime) -> Iterator[FileReceipt]:
        """Receipts with ingested_at >= since, oldest first."""
        ...

    def latest(self, project: str) -> Iterator[FileReceipt]:
        """Receipts, newest first. Eventually consistent."""
        ...


class FeedbackStore(Protocol):
    """What turned out of inferences later, from its arrival until its capture is found or will not be."""

    def put(self, feedback: Feedback) -> bool:
        """Keep it pending. False, and nothing written, when it is there already; one that was refused or has expired
        becomes pending again."""
        ...

    def get(self, project: str, feedback_id: str) -> FeedbackState | None: ...

    def by_status(self, project: str, status: FeedbackStatus, limit: int) -> list[FeedbackState]:
        """Newest arrivals first. Eventually consistent."""
        ...

    def save(self, state: FeedbackState, journal: Journal) -> bool:
        """Say how a pending one stands now. False, and nothing written, when it is not pending any more."""
        ...

    def search(self, project: str) -> FeedbackSearch:
        """How far captures were searched; one that says nothing of it at first."""
        ...

    def save_search(self, search: FeedbackSearch) -> None: ...


class PayloadStore(Protocol):
    """Selected inputs, once under their content hash."""

    def put(self, project: str, sample_id: str, payload: Payload) -> str:
        """Store if absent. Returns the URI (s3://…)."""
        ...

    def get(self, uri: str) -> Payload:
        """Raises NotFoundError."""
        ...

    def presign(self, uri: str, seconds: int) -> str:
        """A URL that a browser can read for `seconds`."""
        ...


class TaskStore(Protocol):
    """Tasks, their answers and their consensus. Every write to a task is a compare-and-swap on `revision`."""

    def open(self, openings: Sequence[Opening], journal: Journal) -> tuple[str, ...]:
        """Write openings (each all-or-nothing). Returns the task ids that now stand because of *this* selection
        (same event id), new or repeated, each once; a sample asked about earlier by another capture, or by another
        opening of this call, is left alone. The journal's events are written with the last chunk."""
        ...

    def known_samples(self, project: str, sample_ids: Iterable[str]) -> frozenset[str]:
        """Those that already have a task or a label."""
        ...

    def get(self, project: str, task_id: str) -> Task:
        """Strongly consistent. Raises NotFoundError."""
        ...

    def add(self, task: Task, journal: Journal, *, sample: Sample | None = None) -> None:
        """A task beside those of selection, with its sample where that may be unknown; a known one stays as it is.
        Raises ConflictError when the task is there already."""
        ...

    def save(
        self,
        task: Task,
        journal: Journal,
        *,
        annotation: Annotation | None = None,
        consensus: Consensus | None = None,
        ruling: Ruling | None = None,
    ) -> None:
        """Replace the stored task (whose revision must be task.revision - 1) and append the annotation, consensus and
        ruling, with the journal, in one transaction. A new consensus takes the place of an older one of the
        task that no version holds yet. Raises ConflictError when the revision moved on, or when the annotation
        or consensus is there already."""
        ...

    def bring(self, given: Iterable[Given]) -> None:
        """Keep what came with an import, without an event. What is there stays, so that the same again completes what a
        crash left. Forgotten samples are passed over. It is in no `work`, which is that of people who can be asked
        here, and never `uncommitted`."""
        ...

    def by_status(self, project: str, status: TaskStatus, limit: int) -> list[Task]:
        """Highest priority first, then oldest; without gold tasks. Eventually consistent."""
        ...

    def count(self, project: str, status: TaskStatus) -> int: ...

    def annotations(self, project: str, task_id: str) -> list[Annotation]:
        """All of a task, oldest first, superseded ones included. Strongly consistent."""
        ...

    def annotation(self, project: str, task_id: str, annotation_id: str) -> Annotation | None: ...

    def work(self, project: str, annotator: str, limit: int) -> list[Annotation]:
        """An annotator's answers, newest first."""
        ...

    def work_count(self, project: str, annotator: str, since: datetime | None = None) -> int: ...

    def answers(self, project: str, limit: int) -> list[Annotation]:
        """The project's newest answers, newest first."""
        ...

    def consensus(self, project: str, task_id: str) -> Consensus | None:
        """The newest consensus of a task."""
        ...

    def consensuses(self, project: str, task_id: str) -> list[Consensus]:
        """All of a task, oldest first. Strongly consistent."""
        ...

    def rulings(self, project: str, limit: int) -> list[Ruling]:
        """A project's, newest first. Eventually consistent."""
        ...

    def rulings_of(self, project: str, task_id: str) -> list[Ruling]:
        """A task's, oldest first. Strongly consistent."""
        ...

    def sample(self, project: str, sample_id: str) -> Sample:
        """Raises NotFoundError."""
        ...

    def selection(self, project: str, sample_id: str) -> Selection | None: ...

    def uncommitted(self, project: str, limit: int) -> list[SettledLabel]:
        """Labels that reached consensus and that no version holds yet, oldest first."""
        ...

    def mark_committed(self, labels: Sequence[SettledLabel], version_id: str) -> None:
        """Idempotent. A newer consensus of the same task stays uncommitted. Raises NotFoundError."""
        ...


class AnnotationQueue(Protocol):
    """The wake-up: one message per free slot of a task. At least once, unordered; the task store is the truth."""

    def send(self, project: str, task_ids: Sequence[str]) -> None:
        """One message each; a task id given n times opens n slots."""
        ...

    def receive(self, project: str, limit: int, hold_seconds: int) -> list[Slot]:
        """Up to `limit` (1..10) messages, hidden from others for `hold_seconds`."""
        ...

    def hold(self, project: str, receipt: str, seconds: int) -> None:
        """Hide for `seconds` from now. A receipt that is gone is ignored."""
        ...

    def give_back(self, project: str, slot: Slot, delay_seconds: int = 0) -> None:
        """Put the invitation back for somebody else without counting as a failed delivery."""
        ...

    def done(self, project: str, receipt: str) -> None:
        """The invitation is used up. A receipt that is gone is ignored."""
        ...

    def depth(self, project: str) -> int:
        """Approximate number of messages, hidden ones included."""
        ...


class GuidelineStore(Protocol):
    """Versions of what annotators read."""

    def newest(self, project: str) -> Guidelines | None: ...

    def versions(self, project: str) -> list[Guidelines]:
        """Newest first."""
        ...

    def save(self, guidelines: Guidelines, journal: Journal) -> None:
        """Raises ConflictError when a version of this number is there already."""
        ...


class QueueStandings(Protocol):
    """How projects' queues stand."""

    def standing(self, project: str) -> QueueStanding:
        """Active, and nothing else, where nobody said anything."""
        ...

    def set_standing(self, standing: QueueStanding, journal: Journal) -> None:
        """Of two at once the later stays."""
        ...


class SkillStore(Protocol):
    """What consensus believes of the annotators."""

    def skills(self, project: str) -> list[AnnotatorSkill]: ...

    def save_skills(self, project: str, skills: Sequence[AnnotatorSkill]) -> None: ...


class GoldStore(Protocol):
    """Inputs whose label is known, and what annotators said of them."""

    def items(self, project: str) -> list[Gold]:
        """By id."""
        ...

    def item(self, project: str, gold_id: str) -> Gold | None: ...

    def put(self, gold: Gold) -> bool:
        """False, and nothing written, when it is there already."""
        ...

    def remove(self, project: str, gold_id: str) -> None:
        """One that is gone is ignored; its answers stay."""
        ...

    def expose(self, project: str, gold_id: str) -> None:
        """One more annotator was asked. One that is gone is ignored."""
        ...

    def record(self, answer: GoldAnswer) -> None:
        """Once for a task: a correction takes the place of what was said before."""
        ...

    def answers(self, project: str, annotator: str | None = None) -> list[GoldAnswer]:
        """Of one annotator, or of all; oldest first."""
        ...


class StandingStore(Protocol):
    """How annotators stand."""

    def standing(self, project: str, annotator: str) -> Standing:
        """Active, where nobody said anything."""
        ...

    def standings(self, project: str) -> list[Standing]:
        """Those of whom anything was said, by name."""
        ...

    def set_standing(self, standing: Standing, journal: Journal) -> None:
        """Of two at once the later stays."""
        ...


class ReportStore(Protocol):
    """The newest figures of each project."""

    def report(self, project: str) -> QualityReport | None: ...

    def save_report(self, report: QualityReport) -> None: ...


class KnowledgeStore(Protocol):
    """What labels taught about a project's model."""

    def knowledge(self, project: str) -> Knowledge:
        """Empty while nothing is known."""
        ...

    def learn(self, knowledge: Knowledge) -> None:
        """Replace what is known; of two at once the later stays."""
        ...


class Forgotten(Record, frozen=True, kw_only=True):
    """Which of some samples were forgotten, as of an epoch: each deletion begins one."""

    epoch: int = 0
    sample_ids: frozenset[str] = frozenset()


class SplitStore(Protocol):
    """What is known of a project beside its versions: where their groups stand, which test sets are frozen, and under
    which label schemas versions were made."""

    def put_part(self, project: str, data: bytes) -> str:
        """Store under the SHA-256 of `data`, which it returns; a repeat is free."""
        ...

    def part(self, project: str, sha256: str) -> bytes:
        """Raises NotFoundError; IntegrityError when the bytes do not hash to the name."""
        ...

    def put_groups(self, project: str, version_id: str, groups: GroupDocument) -> None:
        """Of a version that is about to be committed, or was: it follows from its content."""
        ...

    def groups(self, project: str, version_id: str) -> GroupDocument | None: ...

    def freeze(self, frozen: FrozenTest, journal: Journal) -> None:
        """The same again changes nothing. Raises ConflictError when the name stands for another set, or when
        somebody froze another one at the same time."""
        ...

    def frozen(self, project: str) -> tuple[FrozenTest, ...]:
        """All, by name. Strongly consistent."""
        ...

    def note_schema(self, schema: SchemaVersion) -> None:
        """The first note of a version stands."""
        ...

    def schemas(self, project: str) -> list[SchemaVersion]:
        """Oldest first."""
        ...


class DatasetStore(SplitStore, Protocol):
    """Versions: content-addressed segments and documents, and one head per project."""

    def put_segment(self, project: str, data: bytes) -> str:
        """Store under the SHA-256 of `data`, which it returns; a repeat is free."""
        ...

    def segment(self, project: str, sha256: str) -> bytes:
        """What stands for it where samples of it were forgotten. Raises NotFoundError; IntegrityError when the bytes
        do not hash to the name."""
        ...

    def checkpoint(self, project: str, version_id: str) -> tuple[Segment, ...] | None:
        """Segments that hold what those of a version hold, and are fewer. None where there is no checkpoint."""
        ...

    def checkpoint_names(self, project: str, version_id: str) -> frozenset[str]:
        """The SHA-256 of all that is stored for the checkpoint of a version; empty where there is none."""
        ...

    def put_checkpoint(self, project: str, version_id: str, segments: Sequence[Segment]) -> None:
        """A later one takes its place. Its segments are stored already."""
        ...

    def redaction(self, project: str, sha256: str) -> Redaction | None:
        """What is recorded of a segment of which samples were forgotten."""
        ...

    def forgotten(self, project: str, sample_ids: Collection[str]) -> Forgotten:
        """Those that no version may hold again. Strongly consistent, and free where nothing was ever forgotten."""
        ...

    def commit(
        self, version: DatasetVersion, journal: Journal, *, epoch: int | None = None, frozen: int | None = None
    ) -> None:
        """Write the version's document, then make it head of its branch in one transaction if that is still
        `version.parent`, nothing was forgotten since `epoch`, and the project still has as many frozen test sets as
        the maker knew (`frozen`); None does not ask. Raises HeadMovedError, also where a collection may have taken what
        a commit that began so long ago (`version.created_at`) wrote for it."""
        ...

    def head(self, project: str, branch: str = "main") -> DatasetVersion | None: ...

    def heads(self, project: str) -> dict[str, DatasetVersion]:
        """By branch."""
        ...

    def next_number(self, project: str) -> int:
        """One above those of all versions, whatever their branch."""
        ...

    def walk(self, project: str, newest: int) -> Iterator[DatasetVersion]:
        """Those with numbers up to `newest`, newest first, read as far as they are asked for."""
        ...

    def version(self, project: str, version_id: str) -> DatasetVersion:
        """By full id, unique prefix (>= 6 digits) or number ("7", "v7"). Raises NotFoundError."""
        ...

    def versions(self, project: str) -> list[DatasetVersion]:
        """Newest first."""
        ...

    def document(self, project: str, version_id: str) -> bytes:
        """The stored version document, as written. Raises NotFoundError."""
        ...

    def put_export(self, project: str, version_id: str, name: str, data: bytes) -> str:
        """Write an export file; returns its URI."""
        ...

    def put_report(self, project: str, name: str, data: bytes) -> str: ...

    def report(self, project: str, name: str) -> bytes:
        """What `put_report` put there. Raises NotFoundError."""
        ...

    def read(self, uri: str) -> bytes:
        """Bytes of an object in the dataset bucket. Raises NotFoundError."""
        ...


class RefStore(Protocol):
    """Names of versions: branches, whose heads DatasetStore moves, and tags; and which versions lost their content."""

    def branches(self, project: str) -> list[Branch]:
        """Those beside main, by name."""
        ...

    def create_branch(self, branch: Branch, version: DatasetVersion, journal: Journal) -> None:
        """Its head is `version`. Raises ConflictError when it is there already, or the version was pruned."""
        ...

    def forward_branch(self, name: str, before: DatasetVersion, to: DatasetVersion, journal: Journal) -> None:
        """Move a head without a commit. Raises HeadMovedError when it is not `before`, ConflictError (pruned)."""
        ...

    def delete_branch(self, name: str, head: DatasetVersion, journal: Journal) -> None:
        """Its versions stay. Raises HeadMovedError when its head is another one, or none."""
        ...

    def tags(self, project: str) -> list[Tag]:
        """By name."""
        ...

    def tag(self, project: str, name: str) -> Tag | None: ...

    def put_tag(self, tag: Tag, version: DatasetVersion, journal: Journal, before: Tag | None = None) -> None:
        """Raises ConflictError when the tag does not name what `before` does, or the version was pruned."""
        ...

    def delete_tag(self, tag: Tag, journal: Journal) -> None:
        """Raises ConflictError when it names another version meanwhile, or none."""
        ...

    def pruned(self, project: str) -> list[Pruned]:
        """By number."""
        ...

    def prune(self, versions: Sequence[Pruned]) -> None:
        """From now on none of them gets a name. Idempotent."""
        ...

    def restore(self, versions: Sequence[Pruned]) -> None:
        """They were not pruned after all. Idempotent."""
        ...

    def sweep_before(self, project: str, began: datetime) -> None:
        """From now on no commit is made that began before then."""
        ...


class StoredParts(Protocol):
    """What of the versions lies in storage, whether a version knows of it or not."""

    def parts(self, project: str) -> Iterator[StoredPart]:
        """Every writing that is there, older ones of the same name included."""
        ...

    def delete(self, project: str, parts: Sequence[StoredPart]) -> None:
        """For good, these writings and no others: what is written meanwhile under the same name stays. Those that are
        gone are ignored."""
        ...


class Answer(Record, frozen=True, kw_only=True):
    """What SQL answers. `more`: there were more rows than asked for."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    more: bool = False


class SampleSql(Protocol):
    """SQL over `samples`: what versions hold."""

    def ask(self, sql: str, most: int) -> Answer:
        """At most so many rows. Raises InputError when the SQL is wrong."""
        ...


class SegmentTables(Protocol):
    """Copies of segments and lists of versions, for others' SQL."""

    def made_of(self, project: str, sha256: str) -> str | None:
        """The hash of the bytes that a segment was copied from: another than its name once samples of it were
        forgotten. None where there is no copy."""
        ...

    def put(self, project: str, sha256: str, made_of: str, lines: Iterable[Change]) -> None:
        """In the place of the copy that is there, of which nothing stays."""
        ...

    def put_version(self, version: DatasetVersion) -> None:
        """Make a version known, whose segments are there."""
        ...


class ExportSink(Protocol):
    """Where the files of an export go, by their paths below it. A file is there whole or not at all."""

    @property
    def root(self) -> str:
        """The URI that paths are relative to, ending in a slash; empty where they are files of this machine."""
        ...

    def holds_anything(self) -> bool: ...

    def read(self, path: str) -> bytes | None:
        """None when there is no such file."""
        ...

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        """Also while another file is being written. What stood there before is replaced when all chunks have come;
        when they end in an error, nothing changes."""
        ...

    def remove(self, path: str) -> None:
        """One that is not there is no error."""
        ...


class Spill(Protocol):
    """Room on a disk for what is too much to hold, in numbered places."""

    def put(self, place: int, data: bytes) -> None: ...

    def take(self, place: int) -> Iterator[bytes]:
        """What was put into a place, in that order."""
        ...


class LineageStore(Protocol):
    def add(self, edges: Sequence[Edge]) -> None:
        """Idempotent: an edge that is there stays as it was first written."""
        ...

    def edges_from(self, project: str, node: Node, limit: int | None = None) -> list[Edge]:
        """What a node led to, in the order of the targets; with a `limit` no more than so many, of the end of that
        order."""
        ...

    def edges_to(self, project: str, node: Node, limit: int | None = None) -> list[Edge]:
        """What led to a node, in the order of the sources; with a `limit` no more than so many, of the end of that
        order, where a version's parent is. Eventually consistent."""
        ...

    def count_from(self, project: str, node: Node, at_most: int) -> int:
        """How many arrows leave a node, counted as far as `at_most`."""
        ...

    def count_to(self, project: str, node: Node, at_most: int) -> int:
        """How many arrows reach a node, counted as far as `at_most`. Eventually consistent."""
        ...


class LineageEvents(Protocol):
    """Who hears of runs in OpenLineage's words."""

    def emit(self, events: Sequence[RunEvent]) -> None:
        """Tell of each, in order. The same again is no harm to whoever hears it: run ids say that it is the same.
        Raises PermissionDeniedError, ServiceError with the reason of a refusal; RetryableError. Some may be told then,
        and all are told again."""
        ...


class ModelLineage(Protocol):
    """SageMaker's own graph of jobs, models and endpoints."""

    def mirror(self, entities: Sequence[Entity], associations: Sequence[Association]) -> tuple[str, ...]:
        """See to it that they are there, as told. The same again changes nothing. Returns the sources of the jobs that
        SageMaker does not know, whose associations are left out. Raises ConflictError, RetryableError when somebody
        else changes the same; ServiceError at SageMaker's limits."""
        ...


class RunStore(Protocol):
    """Retraining runs: at most one active per project; triggers that come meanwhile coalesce into one."""

    def begin(self, run: RetrainingRun, journal: Journal) -> None:
        """Make `run` the active one. Raises RunActiveError when another is; the same run again is a no-op."""
        ...

    def postpone(
        self, project: str, decision: TriggerDecision, version_id: str, journal: Journal | None = None
    ) -> None:
        """Remember a trigger that fired without starting a run: one is active, or a person is to decide (the
        newest wins)."""
        ...

    def postponed(self, project: str) -> tuple[TriggerDecision, str] | None:
        """What was postponed, without taking it. Cleared by the next `begin`."""
        ...

    def active(self, project: str) -> RetrainingRun | None: ...

    def get(self, project: str, run_id: str) -> RetrainingRun:
        """Raises NotFoundError."""
        ...

    def save(self, run: RetrainingRun, journal: Journal) -> None:
        """Record progress of a run. A run whose status is not RUNNING stops being the active one, and does not
        run again: raises ConflictError. Raises NotFoundError."""
        ...

    def runs(self, project: str, limit: int) -> list[RetrainingRun]:
        """Newest first."""
        ...

    def trained(self, project: str, first: int, before: int | None, limit: int) -> list[RetrainingRun]:
        """Runs with a training job on a version whose number is at least `first` and below `before` (None: without
        end), in the order of numbers. Runs of version 0 are not told. Eventually consistent."""
        ...

    def serving(self, project: str, at: datetime) -> RetrainingRun | None:
        """The run whose promotion was the last one before or at a moment: its model served then."""
        ...

    def succeeded_by(self, run: RetrainingRun) -> RetrainingRun | None:
        """The run that was promoted next after a promoted one."""
        ...

    def save_evaluation(self, evaluation: Evaluation, journal: Journal) -> None:
        """The same run again takes the place of the first."""
        ...

    def evaluation(self, project: str, run_id: str) -> Evaluation | None: ...


class Execution(Record, frozen=True, kw_only=True):
    """How an execution stands, in Step Functions' words: RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED. `began` tells
    that this call started it, or made it go on."""

    arn: str
    status: str
    began: bool


class Outcome(Record, frozen=True, kw_only=True):
    """How an execution stands: Step Functions' word, what it answered, and what went wrong."""

    status: str
    output: Any = None
    error: str = ""


class Workflows(Protocol):
    """Step Functions, in our words. Names are deterministic, so starting twice is starting once."""

    def start_retraining(self, name: str, document: Mapping[str, Any]) -> str:
        """Returns the execution's ARN, also when that name already ran."""
        ...

    def start_promotion(self, name: str, document: Mapping[str, Any]) -> str: ...

    def start_bulk(self, name: str, document: Mapping[str, Any]) -> str:
        """Returns the execution's ARN, also when that name already ran."""
        ...

    def outcome(self, execution_arn: str) -> Outcome: ...

    def start_backfill(self, name: str, document: Mapping[str, Any]) -> Execution:
        """One of that name that failed goes on where it stopped; one that runs or is done is left alone."""
        ...


class ModelRegistry(Protocol):
    """What SageMaker knows of endpoints and model packages."""

    def champion(self, endpoint_name: str) -> Champion:
        """The model that serves now. Raises NotFoundError when there is no such endpoint."""
        ...

    def endpoint_config(self, endpoint_name: str) -> Mapping[str, Any]:
        """The DescribeEndpointConfig answer of the endpoint's present configuration."""
        ...

    def package(self, arn: str) -> ModelPackage:
        """Raises NotFoundError."""
        ...


class EndpointAdmin(Protocol):
    """What attaching an endpoint needs: its configuration, and to move it to another."""

    def config(self, endpoint: str) -> Mapping[str, Any]:
        """The DescribeEndpointConfig answer of the present configuration. Raises NotFoundError."""
        ...

    def named_config(self, name: str) -> Mapping[str, Any]:
        """Raises NotFoundError."""
        ...

    def tags(self, arn: str) -> dict[str, str]: ...

    def create_config(self, request: Mapping[str, Any]) -> None:
        """One that exists already is left alone."""
        ...

    def switch(self, endpoint: str, config_name: str) -> None:
        """Update the endpoint and wait. Raises ConflictError when it did not get there."""
        ...


class EventBus(Protocol):
    def publish(self, envelopes: Sequence[Envelope]) -> tuple[str, ...]:
        """Returns the event ids that were refused; the caller retries those."""
        ...


class Question(Record, frozen=True, kw_only=True):
    """What a model is asked: which of `classes` a payload is, and what annotators read before they answer."""

    payload: Payload
    classes: tuple[LabelClass, ...]
    guidelines: str = ""
    instructions: str = ""


class ModelAnswer(Record, frozen=True, kw_only=True):
    """One of the classes, and the tokens that the model read and wrote."""

    label: str
    input_tokens: int = 0
    output_tokens: int = 0


class LabelingModels(Protocol):
    """Models that answer a question about a payload."""

    def answer(self, model_id: str, question: Question) -> ModelAnswer:
        """Raises InputError for what the model cannot read, LabelError for an answer that is none of the classes,
        NotFoundError, PermissionDeniedError."""
        ...


class LabelingJob(Record, frozen=True, kw_only=True):
    """A batch of tasks at a foreign backend. Where it failed as a whole, its project waits until `retry_at`."""

    project: str
    name: str
    status: str
    task_ids: tuple[str, ...] = ()
    backend: str = "ground_truth"
    retry_at: datetime | None = None


class AnsweredTask(Record, frozen=True, kw_only=True):
    """All answers to a task that stood at a foreign backend at one moment, by its clock; one for each annotator."""

    task_id: str
    at: datetime
    answers: tuple[Annotation, ...]


class Changes(Record, frozen=True, kw_only=True):
    """Tasks of a project of which something may have changed; asking `since` the moment `until` finds what comes later.
    None where nothing has ever been there."""

    tasks: tuple[AnsweredTask, ...] = ()
    until: datetime | None = None


class Bill(Record, frozen=True, kw_only=True):
    """What a labeling service asks for a batch, and for how many objects that it labelled."""

    objects: int
    amount: float
    currency: str = "USD"


class LabelingBackend(Protocol):
    """A foreign labeling service that takes tasks in batches (Ground Truth, Label Studio)."""

    def begin_pass(self) -> None:
        """What was read before is out of date from now on."""
        return

    def start(self, name: str, tasks: Sequence[Task]) -> None:
        """Hand over a batch; the same name again is a no-op."""
        ...

    def status(self, name: str) -> str:
        """in_progress | completed | failed | stopped. Raises NotFoundError."""
        ...

    def answers(self, name: str) -> list[Annotation]:
        """Worker-level answers so far, with stable annotation ids."""
        ...

    def failures(self, name: str) -> dict[str, str]:
        """Tasks of a batch that the backend could not get labels for, so far: task id to reason."""
        ...

    @property
    def single(self) -> bool:
        """Whether each task of a batch has a number of people of its own, comes back by itself, and can be called
        back, while the batch goes on."""
        ...

    def returned(self, name: str, task_ids: Collection[str]) -> frozenset[str]:
        """Those of a batch's tasks that nobody works on any more though it goes on: answered as often as was asked,
        failed, or gone."""
        ...

    def withdraw(self, name: str, task_ids: Collection[str]) -> None:
        """Ask nobody any more about these tasks of a batch; the same again is a no-op, as it is where the batch cannot
        be changed."""
        ...

    def recall(self, name: str) -> None:
        """Stop a batch; the answers so far stay. It ends soon. The same again is a no-op."""
        ...

    def changes(self, since: datetime | None) -> Changes:
        """What was edited or deleted in any batch, ended ones too; None is since ever. Nothing where answers stay as
        they are."""
        ...

    def retryable(self, name: str) -> frozenset[str]:  # noqa: ARG002
        """Those of `failures` that another batch may cure: what expired, or was left when a job was stopped."""
        return frozenset()

    def bill(self, name: str, answers: int, before: int) -> Bill | None:  # noqa: ARG002
        """What a batch that has ended costs by the list price, with so many `answers`, where `before` objects of the
        project were labelled this month. None where the service charges nothing."""
        return None


class BatchStore(Protocol):
    """Which tasks are with a foreign backend, so that a batch is never in two places, and what that cost."""

    def save_batch(self, job: LabelingJob) -> bool:
        """False, and nothing written, when it has ended already."""
        ...

    def end_batch(self, job: LabelingJob, journal: Journal, charge: Charge | None = None) -> bool:
        """Write how a batch ended, with what it cost, once. False, and nothing written, when it has ended already."""
        ...

    def charges(self, project: str, month: str = "") -> list[Charge]:
        """Of a month (yyyy-mm), or all; in the order of months and names."""
        ...

    def batches(self, project: str, status: str) -> list[LabelingJob]:
        """By name. One that was written a moment ago may be missing."""
        ...

    def batch(self, project: str, name: str) -> LabelingJob | None: ...

    def ever(self, project: str) -> bool:
        """Whether a project has had a batch."""
        ...

    def seen(self, project: str, backend: str) -> datetime | None:
        """Up to when a backend's changes were taken in."""
        ...

    def saw(self, project: str, backend: str, until: datetime) -> None: ...


class HintToken(Protocol):
    """What a labeling server's hints of one project come with."""

    def value(self) -> str: ...


class BackendWakeups(Protocol):
    """Wakes the pass that brings a project in step. At least once; one that is lost is made up for by the schedule."""

    def wake(self, project: str, at: datetime) -> None:
        """For what happened up to `at`."""
        ...


class FailureNote(Record, frozen=True, kw_only=True):
    """Why a function could not process something. `name` is a message's id, or the sequence number of a record of
    the table's stream."""

    name: str
    function: str
    reason: str
    at: datetime


class FailureNotes(Protocol):
    """What functions said of their failures, kept for as long as a dead letter lives."""

    def keep(self, note: FailureNote) -> None:
        """The newest note of a name takes the place of the others."""
        ...

    def find(self, names: Sequence[str]) -> Mapping[str, FailureNote]:
        """The notes that there are, by name."""
        ...


class DeadLetter(Record, frozen=True, kw_only=True):
    """One message that could not be processed. `reason` is what its consumer noted, or else what the message
    itself tells of why."""

    message_id: str
    body: str
    reason: str
    sent_at: datetime | None = None


class Drained(Record, frozen=True, kw_only=True):
    """What became of a queue's messages: how many are done with, and those that stay, each with why."""

    done: int
    kept: tuple[DeadLetter, ...] = ()


class Move(Record, frozen=True, kw_only=True):
    """Messages brought back: by SQS itself (`task`), or one by one (`copy`) where it would not."""

    messages: int
    how: Literal["task", "copy"]


class DeadLetters(Protocol):
    """Dead-letter queues, by URL."""

    def count(self, queue: str) -> int:
        """Approximate number of messages."""
        ...

    def peek(self, queue: str, limit: int) -> list[DeadLetter]:
        """Up to `limit` messages, without taking them."""
        ...

    def move(self, queue: str, to: str) -> Move:
        """Bring every message back. One may be doubled by a crash, none is lost."""
        ...

    def drain(self, queue: str, work: Callable[[DeadLetter], None]) -> Drained:
        """Give each message to `work` once, and delete it after. One over which `work` raises a TrueupError stays,
        and is returned with that as its reason. A crash doubles a message and loses none."""
        ...


class Replays(Protocol):
    """Calls of functions that failed for good, made again from what their dead letters tell."""

    def replay(self, letter: DeadLetter) -> None:
        """Call again. Raises InputError (the letter tells of no call), NotFoundError (the function, or the stream's
        records, are gone), RetryableError (it failed again)."""
        ...


class PackageRulings(Protocol):
    """A person's word in the model registry."""

    def rule(self, arn: str, approval: str) -> None:
        """Set a model package Approved or Rejected. Raises NotFoundError."""
        ...


class StackState(Record, frozen=True, kw_only=True):
    name: str
    status: str
    reason: str = ""


class QueueState(Record, frozen=True, kw_only=True):
    """`consumers` maps each function that polls the queue to the state of its event-source mapping."""

    messages: int
    consumers: Mapping[str, str] = {}


class AlarmState(Record, frozen=True, kw_only=True):
    name: str
    reason: str


class EndpointState(Record, frozen=True, kw_only=True):
    """`capture_uri` is None when data capture is off."""

    status: str
    config: str
    capture_uri: str | None = None
    capture_status: str = ""
    sampling: int = 0


class Health(Protocol):
    """How a deployment is, as AWS says. Everything raises PermissionDeniedError when the caller may not look."""

    def identity(self) -> str:
        """The ARN of whoever calls."""
        ...

    def stacks(self, prefix: str) -> list[StackState]:
        """Stacks whose name begins with `prefix`, by name."""
        ...

    def queue(self, url: str) -> QueueState:
        """Raises NotFoundError."""
        ...

    def stream_consumers(self, table: str) -> Mapping[str, str]:
        """Functions that read the table's stream, with the state of their event-source mappings. Raises
        NotFoundError."""
        ...

    def ringing(self, prefix: str) -> list[AlarmState]:
        """Alarms in ALARM whose name begins with `prefix`, by name."""
        ...

    def endpoint(self, name: str) -> EndpointState:
        """Raises NotFoundError."""
        ...

    def invocations(self, endpoint: str, since: datetime, until: datetime) -> int:
        """Requests that the endpoint counted in CloudWatch; 0 also when it counts none."""
        ...


class ObjectReader(Protocol):
    """Objects that an operator names by URI, wherever they lie."""

    def get(self, uri: str) -> Payload:
        """Raises NotFoundError, InputError (no URI of an object)."""
        ...

    def under(self, uri: str) -> Iterator[str]:
        """URIs of the objects whose own begin with `uri`, in order. Raises InputError (no s3:// URI)."""
        ...


class LabelPlace(Record, frozen=True):
    """Where an import reads: `file` is the one that was named, None where a whole folder was."""

    source: Source
    file: str | None = None

    @property
    def name(self) -> str:
        """As an operator names it."""
        place = self.source.place
        return place if self.file is None else f"{place.removesuffix('/')}/{self.file}"


class LabelingOutput(Record, frozen=True, kw_only=True):
    """Where a Ground Truth job writes what its workers say, under which attribute, and how far it is."""

    place: str
    attribute: str | None = None
    status: str = ""


class LabelSources(Protocol):
    """Labels of other tools, wherever they lie."""

    def at(self, place: str) -> LabelPlace:
        """A file or a folder: of this machine, or by an s3:// URI. Raises NotFoundError, InputError."""
        ...

    def job(self, name: str) -> LabelingOutput:
        """Raises NotFoundError."""
        ...


class Scrubbed(Record, frozen=True, kw_only=True):
    """What was emptied in the table for one task. `batches` are those of labeling services that it was sent in,
    `sources` what its answers were imported from."""

    tasks: int = 0
    answers: int = 0
    consensus: int = 0
    rulings: int = 0
    feedback: int = 0
    batches: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


class ForgettingStore(Protocol):
    """What the table holds of a sample, and how it is taken away. Ids, times, and who answered stay: what was labelled
    remains known, what was said does not. All of it may be repeated."""

    def samples_of(self, project: str, group: str) -> list[str]:
        """Samples with a task, of a group that is not a sample's own. Eventually consistent."""
        ...

    def bury(self, project: str, sample_ids: Sequence[str], job_id: str, at: datetime) -> None:
        """From now on neither a task nor a version takes them in: a tombstone for each, which takes the place of what
        is known of it, then another epoch."""
        ...

    def gold_tasks(self, project: str, sample_ids: Collection[str]) -> list[str]:
        """Tasks by which annotators were asked about gold of these samples. Eventually consistent."""
        ...

    def scrub(self, project: str, task_id: str) -> Scrubbed:
        """Cancel a task, and empty it, its answers, consensus, rulings and feedback; or what is kept of imported
        answers in the place of a task."""
        ...

    def refreeze(self, frozen: FrozenTest) -> None:
        """Put a frozen test set without what was forgotten in the place of the one of its name."""
        ...

    def drop_gold(self, project: str, sample_ids: Collection[str]) -> int:
        """Gold made of these samples, and what annotators said of it."""
        ...

    def drop_feedback(self, project: str, inferences: Collection[str]) -> int:
        """Feedback about inferences, by the ids of captures or callers, whatever became of it. Eventually
        consistent."""
        ...


class ObjectEraser(Protocol):
    """Objects of the dataset bucket, taken away with every version of theirs. All of it may be repeated."""

    def segments(self, project: str) -> Iterator[tuple[str, bytes]]:
        """Every segment that is stored in any version of the bucket, also one that no dataset version lists: its name
        and what is read under that."""
        ...

    def redact(self, redaction: Redaction, data: bytes) -> None:
        """Put `data` in the place of a segment, then take the segment away, and what stood for it before."""
        ...

    def payload(self, project: str, sample_id: str, uri: str) -> bool:
        """Put a tombstone where the payload lies or would lie, which no later one takes the place of, and take every
        version of it away. False where `uri` lies elsewhere, and was left there."""
        ...

    def strays(self, project: str) -> list[str]:
        """Take away copies for others' SQL of segments that are not stored any more; returns their URIs."""
        ...

    def parts(self, project: str) -> Iterator[tuple[str, bytes]]:
        """Every part of a group index or a frozen test set that is stored in any version of the bucket."""
        ...

    def drop_parts(self, project: str, names: Collection[str]) -> list[str]:
        """Take some of these away; returns their URIs."""
        ...

    def exports(self, project: str, version_id: str) -> list[str]:
        """Take the exports of a version away; returns their URIs."""
        ...

    def batch(self, project: str, name: str) -> list[str]:
        """Take away what lies of a batch of a labeling service; returns the URIs."""
        ...

    def answers(self, names: Collection[str]) -> list[str]:
        """Take away answers of others' SQL that mention one of `names`, as a word; returns their URIs."""
        ...

    def quarantined(self, project: str, names: Collection[str]) -> int:
        """Take bad lines that mention one of `names`, as a word, out of what was put away of capture files, replayed or
        not. Returns how many."""
        ...

    def mentions(self, project: str, folder: str, names: Collection[str]) -> list[str]:
        """Take away what lies in a folder of the project (as evaluation/) and mentions one of `names`, in its key or
        its bytes; returns the URIs."""
        ...


class CaptureRewriter(Protocol):
    """Capture files, of which lines are taken out: in a bucket that may be the user's own."""

    def lines(self, uri: str) -> Iterator[bytes]:
        """Raises NotFoundError, CaptureError."""
        ...

    def rewrite(self, uri: str, keep: Callable[[bytes], bool]) -> int:
        """Put the file back without the lines that are not kept, and take its older versions away. Returns how many
        went; 0 leaves the file as it is. Raises ConflictError when somebody else wrote it meanwhile, NotFoundError."""
        ...


class ReceiptBook(Protocol):
    """Deletions under way, and the chain of the receipts of those that are done."""

    def save_job(self, job: Forgetting) -> None: ...

    def jobs(self, project: str) -> list[Forgetting]:
        """Those that have no receipt yet, oldest first."""
        ...

    def drop_job(self, project: str, job_id: str) -> None:
        """One that is gone is ignored."""
        ...

    def issue(self, entry: ReceiptEntry, data: bytes, journal: Journal) -> None:
        """Keep a receipt at the chain's end, with the journal. Raises ConflictError when there is one of that number
        already."""
        ...

    def place(self, project: str, job_id: str) -> str:
        """The URI of a job's receipt."""
        ...

    def entries(self, project: str) -> list[ReceiptEntry]:
        """By number. Strongly consistent."""
        ...

    def read(self, uri: str) -> bytes:
        """Raises NotFoundError."""
        ...


class ReceiptSigner(Protocol):
    """A key that nobody can take out of where it is."""

    def sign(self, digest: bytes) -> Signature:
        """Of a SHA-256."""
        ...

    def holds(self, digest: bytes, signature: Signature) -> bool:
        """Whether the signature is ours, and of this."""
        ...
