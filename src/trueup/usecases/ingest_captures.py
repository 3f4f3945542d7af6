"""A capture file becomes tasks: decode, score, select under the budget, keep the few inputs, account for all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice

import msgspec
import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from trueup.capture.samples import media_type
from trueup.errors import CaptureError
from trueup.events import CapturesIngested, TasksOpened
from trueup.model import (
    AUDIT,
    CaptureFile,
    Drawn,
    FileReceipt,
    Knowledge,
    Project,
    Quarantined,
    QueueStatus,
    Reservation,
)
from trueup.ports import (
    AnnotationQueue,
    CaptureArchive,
    CaptureLedger,
    Clock,
    Journal,
    KnowledgeStore,
    PayloadStore,
    QueueStandings,
    RunStore,
    TaskStore,
)
from trueup.selection.choose import Choice, Draw, Offer, matrix
from trueup.selection.pace import rate_of
from trueup.selection.pool import Entry
from trueup.selection.second_look import Seen
from trueup.selection.strategies import UNTAUGHT
from trueup.similarity.features import features_of
from trueup.similarity.near_duplicates import Fingerprints, as_text
from trueup.usecases.compare_variants import CompareVariants
from trueup.usecases.openings import ServedBy, invite, opening_of
from trueup.usecases.read_captures import FileReading, Instance, Spot

# How much longer than what is wanted the list of candidates is: some turn out to be known.
_SPARE = 1.25
_SPARE_AT_LEAST = 5
_CHUNK = 100
_TRAFFIC = timedelta(days=1)
_RECEIPTS = 100


class IngestCaptures(msgspec.Struct, frozen=True):
    """Account for one capture file wholly, or raise and leave it to be retried. The same file again returns
    the first receipt; a repeat after a crash in the middle ends in the same state as no crash.

    A project whose queue is draining asks nobody. Raises CaptureError when no project owns the file, NotFoundError
    when the object is gone.
    """

    projects: Mapping[str, Project]
    archive: CaptureArchive
    ledger: CaptureLedger
    payloads: PayloadStore
    tasks: TaskStore
    queue: AnnotationQueue
    clock: Clock
    knowledge: KnowledgeStore
    variants: CompareVariants
    standings: QueueStandings
    runs: RunStore

    def __call__(self, file: CaptureFile) -> FileReceipt:
        project = self._owner(file)
        done, reservation = self.ledger.begun(file)
        if done is not None:
            return done
        now = self.clock.now()
        window = _Window(self, file, project, now, reservation)
        reading = window.read()
        task_ids = window.ask()
        reading.finish()
        receipt = window.receipt(len(task_ids))
        self.ledger.close(receipt, _closing_journal(receipt, task_ids))
        return receipt

    def _owner(self, file: CaptureFile) -> Project:
        project = self.projects.get(file.project)
        if project is None:
            known = ", ".join(sorted(self.projects))
            raise CaptureError(f"{file.uri}: no project is named {file.project!r} (projects: {known})", field=file.uri)
        return project


class _Window:
    """One file on its way through."""

    def __init__(
        self,
        world: IngestCaptures,
        file: CaptureFile,
        project: Project,
        now: datetime,
        reservation: Reservation | None,
    ) -> None:
        self._world, self._file, self._project, self._now = world, file, project, now
        self._reservation = reservation
        self._parts = 0
        self._draw: Draw[Spot] = Draw(project.selection, file.file_id, self._knowledge())
        self._reading = FileReading(project, self._draw, self._quarantine)
        self._instances: dict[int, Instance | None] = {}
        self._places: dict[str, int] = {}
        self._asked: Fingerprints | None = None
        self._fingerprints: tuple[str, ...] = ()
        self._wanted: Mapping[str, int] = {}
        self._granted: Mapping[str, int] = {}

    def _knowledge(self) -> Knowledge:
        """Asked for only where something looks at it."""
        policy = self._project.selection
        alone = {*UNTAUGHT}.issuperset({policy.strategy, *policy.shares})
        return Knowledge() if alone and not policy.calibrate else self._world.knowledge.knowledge(self._project.name)

    def read(self) -> FileReading:
        self._reading.read(self._world.archive.blocks(self._file))
        return self._reading

    def ask(self) -> tuple[str, ...]:
        choices = self._choose()
        if not choices:
            return ()
        project, payloads = self._project, self._world.payloads
        served_by = ServedBy(self._world.runs, self._now)
        openings = [
            opening_of(project, payloads, self._file, self._known(each.position), each, self._now, served_by)
            for each in choices
        ]
        prints = (as_text(self._known(each.position).fingerprint) for each in choices)
        self._fingerprints = tuple(each for each in prints if each is not None)
        task_ids = self._world.tasks.open(openings, Journal(at=self._now))
        standing = set(task_ids)
        opened = {each.task.task_id: each.task for each in openings if each.task.task_id in standing}
        invite(project, self._world.queue, opened.values())
        return task_ids

    def receipt(self, selected: int) -> FileReceipt:
        tally, policy = self._reading.tally, self._project.selection
        receipt = FileReceipt(
            file=self._file,
            lines=tally.lines,
            captures=tally.captures,
            quarantined=tally.quarantined,
            duplicates=tally.duplicates,
            predictions=tally.predictions,
            selected=selected,
            class_counts=tally.scores.counts(),
            ingested_at=self._now,
            strategy=policy.strategy,
            scores=tally.scores.whole(),
            class_scores=tally.scores.sketches(),
            slice_scores=tally.slices.sketches(),
            decoders=dict(sorted(tally.decoders.items())),
            wanted=dict(self._wanted),
            granted=dict(self._granted),
            fingerprints=self._fingerprints,
        )
        return _accounted(receipt)

    def _quarantine(self, items: Sequence[Quarantined]) -> None:
        self._parts += 1
        self._world.archive.quarantine(self._file, items, self._parts)

    def _choose(self) -> list[Choice[Spot]]:
        """What the first reading of this file chose, be it this one or another, which may have ended half way or go on
        at the same time."""
        own: list[Choice[Spot]] = []
        found = self._reservation or self._reserve(own)
        if found is None:
            return []
        drawn = found.drawn
        self._wanted, self._granted = drawn.wanted, found.granted
        if drawn.chosen == _positions(own):
            return own
        return self._draw.again(self._offers(drawn.rate), drawn.chosen, self)

    def _reserve(self, own: list[Choice[Spot]]) -> Reservation | None:
        """Chooses into `own`. What another reading reserved meanwhile stands before it."""
        rate = self._rate()
        offers = [self._fresh(each) for each in self._offers(rate)]
        self._wanted = {each.reason: min(each.wanted, len(each.entries)) for each in offers}
        ledger, wanted = self._world.ledger, self._wanted
        if not any(wanted.values()) or self._draining():
            return ledger.begun(self._file)[1]

        def draw(granted: Mapping[str, int]) -> Drawn:
            own[:] = self._draw.choices(offers, granted, self)
            return Drawn(rate=rate, wanted=wanted, chosen=_positions(own))

        budget = self._project.selection.budget
        return ledger.reserve(self._project.name, self._file.file_id, self._now, wanted, budget, draw)

    def _offers(self, rate: float) -> list[Offer[Spot]]:
        return self._draw.look_again(self._draw.offers(rate), self)

    def _draining(self) -> bool:
        return self._world.standings.standing(self._project.name).status is QueueStatus.DRAINING

    def usable(self, entries: Sequence[Entry[Spot]]) -> list[Entry[Spot]]:
        return [each for each in entries if self._instance(each) is not None]

    def seen(self, entries: Sequence[Entry[Spot]]) -> Seen:
        instances = [self._known(each.position) for each in entries]
        inputs = [each.input for each in instances]
        return Seen(
            inputs=[features_of(each.data, media_type(each.content_type)) for each in inputs],
            answers=matrix([each.prediction for each in instances]),
        )

    def disagreements(self, entries: Sequence[Entry[Spot]]) -> NDArray[np.float64]:
        return self._world.variants(self._project, self._file, [self._known(each.position) for each in entries])

    def _instance(self, entry: Entry[Spot]) -> Instance | None:
        """Read once: what cannot be used is put away then."""
        if entry.position not in self._instances:
            self._instances[entry.position] = self._reading.instance(entry.thing)
        return self._instances[entry.position]

    def _known(self, position: int) -> Instance:
        found = self._instances[position]
        if found is None:
            raise CaptureError(f"{self._file.uri}: what was chosen at {position} has no input", field=self._file.uri)
        return found

    def _rate(self) -> float:
        """The policy's, or the one at which the traffic of the last day would use up the budget."""
        policy = self._project.selection
        if policy.rate is not None:
            return policy.rate
        ledger = self._world.ledger
        receipts = list(islice(ledger.latest(self._project.name), _RECEIPTS))
        recent = [each for each in receipts if each.ingested_at >= self._now - _TRAFFIC]
        left = ledger.left(self._project.name, self._now, policy.budget)
        return rate_of(self._reading.tally.scores.whole(), recent, left, policy, self._now)

    def _fresh(self, offer: Offer[Spot]) -> Offer[Spot]:
        """The candidates of an offer that nobody asked about before, each sample once, more than are wanted."""
        enough = int(offer.wanted * max(_SPARE, offer.reach)) + _SPARE_AT_LEAST if offer.wanted else 0
        return structs.replace(offer, entries=list(islice(self._unknown(offer.entries, enough), enough)))

    def _unknown(self, entries: Sequence[Entry[Spot]], enough: int) -> Iterator[Entry[Spot]]:
        project, seen, near = self._project.name, set[str](), Fingerprints()
        for batch in _batches(entries, enough):
            chunk = list(self._distinct(batch, seen))
            names = {each.position: self._known(each.position).sample_id for each in chunk}
            known = self._world.tasks.known_samples(project, names.values())
            for each in chunk:
                if names[each.position] not in known and not self._asked_alike(self._known(each.position), near):
                    yield each

    def _distinct(self, entries: Iterable[Entry[Spot]], seen: set[str]) -> Iterator[Entry[Spot]]:
        """The first of each sample, in the place where any offer first met it: so it is one thing to all of them."""
        for each in entries:
            instance = self._instance(each)
            if instance is None or instance.sample_id in seen:
                continue
            seen.add(instance.sample_id)
            position = self._places.setdefault(instance.sample_id, each.position)
            self._instances.setdefault(position, instance)
            yield structs.replace(each, position=position)

    def _asked_alike(self, instance: Instance, near: Fingerprints) -> bool:
        """Whether a text like this one was asked about of late, or is among the candidates already."""
        found = instance.fingerprint
        if found is None:
            return False
        if self._asked is None:
            latest = islice(self._world.ledger.latest(self._project.name), _RECEIPTS)
            self._asked = Fingerprints(int(each, 16) for receipt in latest for each in receipt.fingerprints)
        if self._asked.near(found) or near.near(found):
            return True
        near.add(found)
        return False


def _positions(choices: Sequence[Choice[Spot]]) -> dict[str, tuple[int, ...]]:
    """By the reason for which the budget paid."""
    found: dict[str, tuple[int, ...]] = {}
    for each in choices:
        reason = AUDIT if each.reason == AUDIT else each.strategy
        found[reason] = (*found.get(reason, ()), each.position)
    return found


def _batches(entries: Sequence[Entry[Spot]], first: int) -> Iterator[Sequence[Entry[Spot]]]:
    """As many as will do if none is known, which is how most files are, then ever more: each is read and asked for."""
    start, size = 0, first
    while start < len(entries):
        size = min(size, _CHUNK)
        yield entries[start : start + size]
        start, size = start + size, 2 * size


def _accounted(receipt: FileReceipt) -> FileReceipt:
    if receipt.lines != receipt.captures + receipt.quarantined + receipt.duplicates:
        raise CaptureError(
            f"{receipt.file.uri}: {receipt.lines} lines are not all accounted for: {receipt}", field=receipt.file.uri
        )
    return receipt


def _closing_journal(receipt: FileReceipt, task_ids: tuple[str, ...]) -> Journal:
    project = receipt.file.project
    opened = (TasksOpened(project=project, task_ids=task_ids, file_id=receipt.file.file_id),) if task_ids else ()
    return Journal(at=receipt.ingested_at, events=(CapturesIngested(project=project, receipt=receipt), *opened))
