"""What happened to a project's dataset and models, in OpenLineage's words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from trueup.dataset.segments import decode, labelled
from trueup.events import (
    Event,
    ModelPromoted,
    PromotionFailed,
    RetrainingConcluded,
    RetrainingStarted,
    VersionCommitted,
)
from trueup.lineage.facts import (
    Brought,
    VersionFacts,
    answer_facts,
    strategy_facts,
    version_facts,
)
from trueup.lineage.openlineage import jobs
from trueup.lineage.openlineage.events import RunEvent
from trueup.lineage.whereabouts import Whereabouts
from trueup.model import DatasetVersion, LabelledSample, RetrainingRun, RunStatus
from trueup.ports import DatasetStore, ReportStore, RunStore

# What of a version's new segments is read to tell why people were asked; a line takes some 500 bytes.
MOST_BYTES = 32_000_000
_MOST_RUNS = 100_000
# What became of a run whose candidate was registered, after that.
_AFTER_REGISTRATION = (RunStatus.PROMOTED, RunStatus.ROLLED_BACK, RunStatus.FAILED, RunStatus.REJECTED)


@dataclass(frozen=True)
class DescribeLineage:
    """`places` says where a project's things are. Raises NotFoundError for a version or run that is not there."""

    places: Callable[[str], Whereabouts]
    datasets: DatasetStore
    runs: RunStore
    reports: ReportStore

    def __call__(self, event: Event, at: datetime) -> tuple[RunEvent, ...]:
        """What an event of ours, told `at` that time, tells of jobs and runs; nothing of most kinds of them."""
        place = self.places(event.project)
        if isinstance(event, VersionCommitted):
            return self._committed(place, self.datasets.version(place.name, event.version_id))
        if isinstance(event, RetrainingStarted):
            run = self.runs.get(place.name, event.run_id)
            return jobs.retraining_started(place, run, self._facts(place.name, run.version_id))
        if isinstance(event, RetrainingConcluded):
            run = self.runs.get(place.name, event.run_id)
            return jobs.retraining_concluded(place, run, self._facts(place.name, run.version_id), event, at)
        if isinstance(event, ModelPromoted):
            return jobs.model_promoted(place, event, at)
        return jobs.promotion_failed(place, event, at) if isinstance(event, PromotionFailed) else ()

    def history(self, project: str) -> Iterator[RunEvent]:
        """All of a project, as far as it was kept, in the order in which it happened. The end of a run that was
        promoted later than registered is told of at the time of the last."""
        place = self.places(project)
        told: list[tuple[datetime, DatasetVersion | Event]] = [
            (each.created_at, each) for each in self.datasets.versions(project)
        ]
        told += [each for run in self.runs.runs(project, _MOST_RUNS) for each in _events_of(run)]
        for at, each in sorted(told, key=lambda pair: pair[0]):
            yield from self._committed(place, each) if isinstance(each, DatasetVersion) else self(each, at)

    def _committed(self, place: Whereabouts, version: DatasetVersion) -> tuple[RunEvent, ...]:
        parent = self._parent(version)
        report = self.reports.report(place.name)
        answers = answer_facts(report) if report else None
        return jobs.version_committed(
            place,
            version_facts(version, parent),
            self._brought(version),
            answers,
        )

    def _facts(self, project: str, version_id: str) -> VersionFacts:
        version = self.datasets.version(project, version_id)
        return version_facts(version, self._parent(version))

    def _parent(self, version: DatasetVersion) -> DatasetVersion | None:
        return self.datasets.version(version.project, version.parent) if version.parent else None

    def _brought(self, version: DatasetVersion) -> Brought:
        """One segment is in memory at a time, and what is too much is left unread: the version is told of all the
        same."""
        whole = True

        def lines() -> Iterator[LabelledSample]:
            nonlocal whole
            left = MOST_BYTES
            for each in version.delta:
                left -= each.bytes
                if left < 0:
                    whole = False
                    return
                yield from labelled(decode(self.datasets.segment(version.project, each.sha256)))

        strategies = strategy_facts(lines())
        return Brought(strategies=strategies, whole=whole)


def _events_of(run: RetrainingRun) -> Iterator[tuple[datetime, Event]]:
    """What was said of a run in its time, as far as its record tells: of several ends it keeps the last."""
    started = RetrainingStarted(
        project=run.project, run_id=run.run_id, version_id=run.version_id, rule=run.rule, reason=run.reason
    )
    yield run.started_at, started
    if run.ended_at is None:
        return
    if run.model_package_arn is None:
        yield run.ended_at, _concluded(run, run.status, run.outcome)
        return
    later = run.status in _AFTER_REGISTRATION
    yield run.ended_at, _concluded(run, RunStatus.AWAITING_APPROVAL, "" if later else run.outcome)
    if later:
        yield run.ended_at, _ended(run, run.model_package_arn)


def _ended(run: RetrainingRun, package: str) -> Event:
    if run.status is RunStatus.REJECTED:
        return _concluded(run, run.status, run.outcome)
    if run.status is not RunStatus.PROMOTED:
        return PromotionFailed(project=run.project, run_id=run.run_id, model_package_arn=package, reason=run.outcome)
    return ModelPromoted(
        project=run.project,
        run_id=run.run_id,
        model_package_arn=package,
        endpoint_name="",
        endpoint_config=run.endpoint_config or "",
    )


def _concluded(run: RetrainingRun, status: RunStatus, outcome: str) -> RetrainingConcluded:
    return RetrainingConcluded(
        project=run.project, run_id=run.run_id, status=status.value, outcome=outcome, metrics=dict(run.metrics)
    )
