"""A selection policy over past captures, without writing anything: the real use case, on the shipped fakes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO

import msgspec

from trueup.adapters import memory
from trueup.capture.lines import DAMAGE, whole_lines
from trueup.capture.records import LINES, parse_key
from trueup.errors import CaptureError
from trueup.model import CaptureFile, Payload, Project, Quarantined, Record, Selection, SelectionPolicy
from trueup.ports import CaptureArchive, CaptureListing, Journal, KnowledgeStore, Opening
from trueup.usecases.compare_variants import CompareVariants
from trueup.usecases.ingest_captures import IngestCaptures

_UNKNOWN = "simulated"
Opener = Callable[[str], IO[bytes]]


class Bought(Record, frozen=True, kw_only=True):
    """A label that the policy would have bought: of which sample, when, why, and what the model said."""

    sample_id: str
    at: datetime
    strategy: str
    label: str
    score: float
    propensity: float
    file: str
    line: int


class Simulation(Record, frozen=True, kw_only=True):
    """What a policy does with captures. `wanted` is what it asked the budget for, by reason, `granted` what it got;
    `left_out` says of damaged files what is wrong with each."""

    policy: SelectionPolicy
    files: int
    captures: int
    quarantined: int
    duplicates: int
    predictions: int
    wanted: Mapping[str, int]
    granted: Mapping[str, int]
    bought: Sequence[Bought]
    left_out: Sequence[str] = ()


def simulate(
    project: Project,
    policy: SelectionPolicy,
    files: Sequence[tuple[datetime, str]],
    opened: Opener,
    known: KnowledgeStore | None = None,
) -> Simulation:
    """Ingest files, each as if it came at its time, by `policy` instead of the project's own, with what is `known`
    today. Raises NotFoundError and InputError for a file that is not there, and ConfigurationError for a policy that
    names what does not exist."""
    world, clock, tasks = memory.World(), memory.FixedClock(), _Tasks(memory.World())
    ingest = IngestCaptures(
        projects={project.name: msgspec.structs.replace(project, selection=policy, backend="queue")},
        archive=_Archive(opened),
        ledger=memory.MemoryCaptureLedger(world),
        payloads=_Nowhere(),
        tasks=tasks,
        queue=memory.MemoryAnnotationQueue(clock),
        clock=clock,
        knowledge=known or memory.MemoryKnowledgeStore(),
        variants=CompareVariants(_Listing(project.name, [name for _, name in files]), _Archive(opened)),
        standings=memory.MemoryQueueStandings(world),
        runs=memory.MemoryRunStore(world),
    )
    receipts, left_out = [], []
    for at, name in sorted(files):
        clock.set(at)
        try:
            receipts.append(ingest(_file(project.name, name)))
        except CaptureError as error:
            left_out.append(str(error))
    wanted, granted = Counter[str](), Counter[str]()
    for each in receipts:
        wanted.update(each.wanted)
        granted.update(each.granted)
    return Simulation(
        policy=policy,
        files=len(receipts),
        captures=sum(each.captures for each in receipts),
        quarantined=sum(each.quarantined for each in receipts),
        duplicates=sum(each.duplicates for each in receipts),
        predictions=sum(each.predictions for each in receipts),
        wanted=dict(wanted),
        granted=dict(granted),
        bought=[_bought(each) for each in tasks.selections],
        left_out=left_out,
    )


def dated(names: Sequence[str], opened: Opener) -> list[tuple[datetime, str]]:
    """Capture files with their times: a file without any readable record, which buys nothing, is the first. Raises
    CaptureError if none of them has one."""
    times = {name: _time_of(name, opened) for name in names}
    known = [each for each in times.values() if each is not None]
    if not known:
        raise CaptureError(f"{names[0]} holds no readable capture record", field=names[0])
    return [(time or min(known), name) for name, time in times.items()]


def _time_of(name: str, opened: Opener) -> datetime | None:
    """When its first readable record was made."""
    try:
        with _reading(name, opened) as source:
            times = (_time_in(raw) for raw in source)
            return next((each for each in times if each is not None), None)
    except CaptureError:
        return None


def _time_in(raw: bytes) -> datetime | None:
    try:
        time = LINES.decode(raw).eventMetadata.inferenceTime
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


@contextmanager
def _reading(name: str, opened: Opener) -> Iterator[IO[bytes]]:
    try:
        with closing(opened(name)) as source:
            yield source
    except DAMAGE as error:
        raise CaptureError(f"{name} is cut off or damaged: {error}", field=name) from error


@dataclass(frozen=True)
class _Archive(CaptureArchive):
    """Files by whatever name they have; what cannot be used is only counted."""

    opened: Opener

    def blocks(self, file: CaptureFile) -> Iterator[bytes]:
        with _reading(file.key, self.opened) as source:
            yield from whole_lines(source.readinto)  # type: ignore[attr-defined]

    def quarantine(self, file: CaptureFile, items: Sequence[Quarantined], part: int = 1) -> str:  # noqa: ARG002
        return f"memory://{file.key}"


@dataclass(frozen=True)
class _Listing(CaptureListing):
    """Those of the simulated files whose names tell their endpoint, variant and hour."""

    project: str
    names: Sequence[str]

    def files(self, project: str, start: datetime, end: datetime) -> Iterator[CaptureFile]:
        first, last = (f"{each.astimezone(UTC):%Y/%m/%d/%H}" for each in (start, end))
        for name in self.names:
            file = _file(project, name)
            if file.endpoint != _UNKNOWN and first <= file.hour <= last:
                yield file


class _Tasks(memory.MemoryTaskStore):
    """Remembers in which order samples were asked about."""

    def __init__(self, world: memory.World) -> None:
        super().__init__(world)
        self.selections: list[Selection] = []

    def open(self, openings: Sequence[Opening], journal: Journal) -> tuple[str, ...]:
        self.selections += [each.selection for each in openings]
        return super().open(openings, journal)


class _Nowhere(memory.MemoryPayloadStore):
    """Inputs are chosen, and not kept."""

    def put(self, project: str, sample_id: str, payload: Payload) -> str:  # noqa: ARG002
        return f"memory://{project}/payloads/{sample_id}"


def _file(project: str, name: str) -> CaptureFile:
    """By the name that it has; endpoint and variant are told where that is a capture file's."""
    try:
        found = parse_key(_UNKNOWN, name)
    except CaptureError:
        return CaptureFile(project=project, endpoint=_UNKNOWN, variant=_UNKNOWN, bucket=_UNKNOWN, key=name)
    return msgspec.structs.replace(found, project=project)


def _bought(selection: Selection) -> Bought:
    return Bought(
        sample_id=selection.sample_id,
        at=selection.selected_at,
        strategy=selection.strategy,
        label=selection.prediction.label,
        score=selection.score,
        propensity=selection.propensity,
        file=selection.capture_uri.removeprefix("s3://simulated/"),
        line=selection.capture_line,
    )
