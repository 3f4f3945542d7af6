"""Where a person's data lies: their samples, the versions that held them, and what was made of those."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from trueup.capture.instances import instances_in
from trueup.capture.records import read_line
from trueup.capture.samples import sample_id
from trueup.dataset.redaction import held_by, marks_of
from trueup.dataset.segments import decode, labelled
from trueup.errors import DecodeError, NotFoundError
from trueup.model import Capture, Consequence, DatasetVersion, Edge, HeldBy, Node, NodeKind, Project, Record
from trueup.ports import (
    CaptureListing,
    CaptureRewriter,
    Clock,
    DatasetStore,
    ForgettingStore,
    LineageStore,
    ModelRegistry,
    ObjectEraser,
    RunStore,
    TaskStore,
)

_MADE_OF_VERSIONS = (NodeKind.TRAINING, NodeKind.MODEL, NodeKind.ENDPOINT)
_ON_THE_WAY = (*_MADE_OF_VERSIONS, NodeKind.DEPLOYMENT)


class Wish(Record, frozen=True, kw_only=True):
    """What is to be forgotten: all samples of a subject, or single ones by their ids. A subject is a group, or in
    captures an inference id or the value of a custom attribute. `since` looks through all capture files from then
    on."""

    project: str
    subject: str = ""
    sample_ids: tuple[str, ...] = ()
    since: datetime | None = None


class Found(Record, frozen=True, kw_only=True):
    """What there is of it. `events` are captures in `captures`, the files that are known to hold some."""

    samples: tuple[str, ...]
    versions: tuple[HeldBy, ...]
    consequences: tuple[Consequence, ...]
    captures: tuple[str, ...]
    events: tuple[str, ...]


@dataclass(frozen=True)
class ResolveSubject:
    """Reads, and changes nothing. Every segment of the dataset is read, because only that tells for certain which hold
    a line of the subject. Raises NotFoundError where nothing is known of it."""

    tasks: TaskStore
    datasets: DatasetStore
    lineage: LineageStore
    registry: ModelRegistry
    runs: RunStore
    forgetting: ForgettingStore
    objects: ObjectEraser
    listing: CaptureListing
    captures: CaptureRewriter
    clock: Clock

    def __call__(self, project: Project, wish: Wish) -> Found:
        files, events, captured = self._captured(project, wish)
        samples = self.samples(project, wish, captured)
        if not samples and not events:
            raise NotFoundError(
                f"project {project.name} holds nothing of it that is still to be forgotten: trueup forget list shows "
                "what was, and --since DATE looks through capture files, too"
            )
        versions = self.versions(project, samples)
        selected = [self.tasks.selection(project.name, each) for each in samples]
        known = [each for each in selected if each is not None]
        return Found(
            samples=samples,
            versions=versions,
            consequences=self.consequences(project, versions),
            captures=tuple(sorted({*files, *(each.capture_uri for each in known)})),
            events=tuple(sorted({*events, *(each.event_id for each in known)})),
        )

    def samples(self, project: Project, wish: Wish, captured: Collection[str] = ()) -> tuple[str, ...]:
        """Those of which the table or a segment still holds something."""
        name = project.name
        wanted = {*wish.sample_ids, *captured}
        if wish.subject:
            wanted |= {wish.subject, *self.forgetting.samples_of(name, wish.subject)}
        held = {each for _, ids in self._lines(name, wish.subject, wanted) for each in ids}
        asked = self.tasks.known_samples(name, wanted)
        gone = self.datasets.forgotten(name, asked).sample_ids
        return tuple(sorted(held | (asked - gone)))

    def _lines(self, project: str, subject: str, wanted: Collection[str]) -> Iterator[tuple[str, list[str]]]:
        for segment, data in self.objects.segments(project):
            lines = labelled(decode(data))
            yield (
                segment,
                [each.sample_id for each in lines if each.sample_id in wanted or (subject and each.group == subject)],
            )

    def versions(self, project: Project, sample_ids: Collection[str]) -> tuple[HeldBy, ...]:
        """Those that held one, by number, also when they are redacted already."""
        wanted = frozenset(sample_ids)
        segments = self.objects.segments(project.name)
        marks: Mapping[str, dict[str, bool]] = {sha256: marks_of(decode(data), wanted) for sha256, data in segments}
        found = ((each, held_by(each, marks)) for each in self.datasets.versions(project.name))
        return tuple(sorted((_held(each, ids) for each, ids in found if ids), key=lambda each: each.number))

    def consequences(self, project: Project, versions: Iterable[HeldBy]) -> tuple[Consequence, ...]:
        """Training jobs, models and endpoint configurations that came of the versions, each once."""
        held = tuple(versions)
        serving = self._serving(project)
        edges: dict[str, Edge] = {}
        waiting = [Node(kind=NodeKind.VERSION, id=each.version_id) for each in held]
        while waiting:
            for edge in self.lineage.edges_from(project.name, waiting.pop()):
                if edge.target.kind in _ON_THE_WAY and str(edge.target) not in edges:
                    edges[str(edge.target)] = edge
                    # What an endpoint said comes of its model, not of the sample.
                    waiting += [edge.target] if edge.target.kind is not NodeKind.ENDPOINT else []
        ordered = sorted(edges.values(), key=lambda each: each.at)
        found = [_consequence(each, serving) for each in ordered if each.target.kind in _MADE_OF_VERSIONS]
        return (*found, *self._training(project, held))

    def _training(self, project: Project, versions: Iterable[HeldBy]) -> Iterator[Consequence]:
        """The run that goes on: its edges are written when it ends."""
        run = self.runs.active(project.name)
        if run is not None and run.version_id in {each.version_id for each in versions}:
            yield Consequence(
                kind=NodeKind.TRAINING.value,
                id=run.training_job or run.run_id,
                came_from=str(Node(kind=NodeKind.VERSION, id=run.version_id)),
                since=run.started_at,
            )

    def _serving(self, project: Project) -> str:
        try:
            return self.registry.champion(project.endpoint_name).endpoint_config
        except NotFoundError:
            return ""

    def _captured(self, project: Project, wish: Wish) -> tuple[set[str], set[str], set[str]]:
        """Files, events and samples of captures from `since` on."""
        files, events, samples = set[str](), set[str](), set[str]()
        if wish.since is None:
            return files, events, samples
        for file in self.listing.files(project.name, wish.since, self.clock.now()):
            theirs = [each for each in self._captures(file.uri) if is_of(each, wish.subject, wish.sample_ids)]
            if theirs:
                files.add(file.uri)
                events |= {each.event_id for each in theirs}
                samples |= {name for each in theirs if is_by(each, wish.subject) for name in samples_in(each)}
        return files, events, samples

    def _captures(self, uri: str) -> Iterator[Capture]:
        for line in self.captures.lines(uri):
            found = read_line(1, 0, line.strip())
            if isinstance(found, Capture):
                yield found


def is_of(capture: Capture, subject: str, sample_ids: Collection[str]) -> bool:
    """Whether a capture is the subject's, or holds one of the samples."""
    return is_by(capture, subject) or not samples_in(capture).isdisjoint({*sample_ids, subject})


def is_by(capture: Capture, subject: str) -> bool:
    """Whether one of the ids or attributes that the caller gave is the subject's."""
    return bool(subject) and subject in (capture.event_id, capture.inference_id, *_values(capture))


def samples_in(capture: Capture) -> set[str]:
    """The names of the request and of the instances in it."""
    if capture.input is None:
        return set()
    try:
        parts = instances_in(capture.input)
    except DecodeError:
        parts = []
    return {sample_id(each) for each in (capture.input, *parts)}


def _values(capture: Capture) -> Iterator[str]:
    """Those of the custom attributes, which callers may also put in one text."""
    for each in capture.custom_attributes:
        yield from (part.strip().partition("=")[2] or part.strip() for part in each.split(","))


def _held(version: DatasetVersion, ids: Collection[str]) -> HeldBy:
    return HeldBy(version_id=version.version_id, number=version.number, branch=version.branch, samples=len(ids))


def _consequence(edge: Edge, serving: str) -> Consequence:
    return Consequence(
        kind=edge.target.kind.value,
        id=edge.target.id,
        came_from=str(edge.source),
        since=edge.at,
        serving=edge.target.kind is NodeKind.ENDPOINT and edge.target.id == serving,
    )
