"""Events of ours reach whoever keeps lineage: an OpenLineage server, a bus, SageMaker's own graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from trueup.errors import TrueupError
from trueup.events import Event, ModelPromoted, PromotionFailed, RetrainingConcluded, RetrainingStarted
from trueup.lineage.facts import VersionFacts, version_facts
from trueup.lineage.mirror import mirrored
from trueup.lineage.whereabouts import Whereabouts
from trueup.model import Record, RetrainingRun
from trueup.ports import DatasetStore, LineageEvents, ModelLineage, RunStore
from trueup.usecases.describe_lineage import DescribeLineage

_RUNS = (RetrainingStarted, RetrainingConcluded, ModelPromoted, PromotionFailed)
_RECENT_RUNS = 50


class Emitted(Record, frozen=True, kw_only=True):
    """How many events were told, how many entities of SageMaker's graph seen to, and which jobs it does not know."""

    events: int = 0
    entities: int = 0
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class MirrorRun:
    """A run, as it is now, in SageMaker's own graph. Raises NotFoundError (run, version)."""

    places: Callable[[str], Whereabouts]
    datasets: DatasetStore
    runs: RunStore
    graph: ModelLineage

    def __call__(self, project: str, run_id: str) -> Emitted:
        run = self.runs.get(project, run_id)
        facts = self._facts(project, run.version_id)
        mirror = mirrored(self.places(project), run, facts, self._trained_before(run))
        unknown = self.graph.mirror(mirror.entities, mirror.associations)
        return Emitted(entities=len(mirror.entities), unknown=unknown)

    def _trained_before(self, run: RetrainingRun) -> VersionFacts | None:
        """The version of the run before this one."""
        earlier = [
            each
            for each in self.runs.runs(run.project, _RECENT_RUNS)
            if each.started_at < run.started_at and each.version_id != run.version_id
        ]
        return self._facts(run.project, earlier[0].version_id) if earlier else None

    def _facts(self, project: str, version_id: str) -> VersionFacts:
        return version_facts(self.datasets.version(project, version_id), None)


@dataclass(frozen=True)
class EmitLineage:
    """`sinks` and `mirrors` by project: those that want it. One that fails does not keep the other waiting; then all is
    done again. Raises what the first raised."""

    describe: DescribeLineage
    sinks: Mapping[str, LineageEvents]
    mirrors: Mapping[str, MirrorRun]

    def __call__(self, event: Event, at: datetime) -> Emitted:
        told, failures = Emitted(), list[TrueupError]()
        for work in (self._emit, self._mirror):
            try:
                told = _sum(told, work(event, at))
            except TrueupError as error:
                failures.append(error)
        if failures:
            raise failures[0]
        return told

    def _emit(self, event: Event, at: datetime) -> Emitted:
        sink = self.sinks.get(event.project)
        events = self.describe(event, at) if sink else ()
        if sink and events:
            sink.emit(events)
        return Emitted(events=len(events))

    def _mirror(self, event: Event, _at: datetime) -> Emitted:
        mirror = self.mirrors.get(event.project)
        if mirror is None or not isinstance(event, _RUNS):
            return Emitted()
        return mirror(event.project, event.run_id)


def _sum(one: Emitted, other: Emitted) -> Emitted:
    return Emitted(
        events=one.events + other.events,
        entities=one.entities + other.entities,
        unknown=(*one.unknown, *other.unknown),
    )
