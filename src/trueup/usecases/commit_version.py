"""Settled labels become the next dataset version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from msgspec.structs import replace

from trueup.capture.samples import media_type
from trueup.dataset.labels import from_settled
from trueup.dataset.view import View
from trueup.labels.renaming import renamed
from trueup.model import DatasetVersion, LabelledSample, LabelSchema, Project, Sample, SettledLabel
from trueup.ports import Clock, DatasetStore, KnowledgeStore, PayloadStore, ReportStore, TaskStore
from trueup.quality.report import version_quality
from trueup.selection.features import Vector, features_of
from trueup.selection.knowledge import learned
from trueup.selection.places import learned_places
from trueup.selection.strategies import NOVELTY
from trueup.usecases.find_project import project_named
from trueup.usecases.making_versions import MakeVersion, Proposal

# One DynamoDB transaction holds 100 items, and a version's edges and events go with its head.
MAX_LABELS = 90
_MOST_SLICES = 100


@dataclass(frozen=True)
class CommitVersion:
    """Commit the labels that wait, when there are enough of them or one has waited long enough.

    Returns the versions made (none when it is too early). A crash at any point leaves the old head or the new
    one; labels that a version holds already are only marked. Raises RetryableError after losing several races.
    """

    projects: Mapping[str, Project]
    tasks: TaskStore
    datasets: DatasetStore
    clock: Clock
    knowledge: KnowledgeStore
    payloads: PayloadStore
    reports: ReportStore

    def __call__(self, project_name: str, reason: str, *, force: bool = False) -> list[DatasetVersion]:
        project = project_named(self.projects, project_name)
        waiting = self.tasks.uncommitted(project.name, max(project.commit.batch, MAX_LABELS))
        if not waiting or not (force or _due(project, waiting, self.clock.now())):
            return []
        named = [_with_todays_names(each, project.label_schema) for each in waiting]
        made = [self._commit(project, chunk, reason) for chunk in _chunks(named)]
        return [each for each in made if each is not None]

    def _commit(self, project: Project, labels: Sequence[SettledLabel], reason: str) -> DatasetVersion | None:
        report = self.reports.report(project.name)
        quality = version_quality(report) if report else None
        lines = {each.sample.sample_id: from_settled(each, project.commit, project.name) for each in labels}

        def propose(view: View) -> Proposal:
            held = view.lookup(lines)
            changes = [each for name, each in lines.items() if not _holds(held, each)]
            return Proposal(changes=changes, labels=tuple(labels), quality=quality)

        make = MakeVersion(datasets=self.datasets, clock=self.clock)
        version = make(project, propose, reason)
        holder = version or self.datasets.head(project.name)
        if holder is not None:
            self._learn(project, labels, holder.class_counts, _most(holder.slice_counts))
            self.tasks.mark_committed(labels, holder.version_id)
        return version

    def _learn(
        self,
        project: Project,
        labels: Sequence[SettledLabel],
        class_counts: Mapping[str, int],
        slice_counts: Mapping[str, int],
    ) -> None:
        before = self.knowledge.knowledge(project.name)
        places = before.places
        if NOVELTY in (project.selection.strategy, *project.selection.shares):
            places = learned_places(places, [self._vector(each.sample) for each in labels])
        after = learned(before, labels, class_counts, project.name)
        self.knowledge.learn(replace(after, labelled_slices=slice_counts, places=places))

    def _vector(self, sample: Sample) -> Vector | None:
        payload = self.payloads.get(sample.payload_uri)
        return features_of(payload.data, media_type(payload.content_type))


def _with_todays_names(label: SettledLabel, schema: LabelSchema) -> SettledLabel:
    return replace(label, consensus=replace(label.consensus, label=renamed(label.consensus.label, schema)))


def _most(slice_counts: Mapping[str, int]) -> dict[str, int]:
    """Those with the most labels, and no more of them than a capture file counts."""
    return dict(Counter(slice_counts).most_common(_MOST_SLICES))


def _holds(current: Mapping[str, LabelledSample], line: LabelledSample) -> bool:
    there = current.get(line.sample_id)
    return there is not None and there.consensus_id == line.consensus_id


def _due(project: Project, waiting: Sequence[SettledLabel], now: datetime) -> bool:
    oldest = min(each.consensus.reached_at for each in waiting)
    enough = len(waiting) >= project.commit.batch
    return enough or now - oldest >= timedelta(seconds=project.commit.max_age_seconds)


def _chunks(labels: Sequence[SettledLabel]) -> list[Sequence[SettledLabel]]:
    return [labels[start : start + MAX_LABELS] for start in range(0, len(labels), MAX_LABELS)]
