"""Which labels a sample had, and from which version to which."""

from __future__ import annotations

from dataclasses import dataclass

from trueup.annotation.imported import answers_id_of
from trueup.annotation.tasks import task_id_of
from trueup.dataset.view import View
from trueup.errors import NotFoundError
from trueup.lineage.edges import consensus_node
from trueup.model import Consensus, DatasetVersion, NodeKind, Project, Record
from trueup.ports import DatasetStore, LineageStore, TaskStore


class HeldLabel(Record, frozen=True, kw_only=True):
    """A label that versions hold from the number `since` on, as long as they are below `until` (None: to this day)."""

    sample_id: str
    label: str
    split: str
    consensus: Consensus
    since: int
    until: int | None = None


@dataclass(frozen=True)
class LabelHistory:
    """Read from the sample's own task, from what was imported of it, and from the arrows of its labels: what it costs
    follows from how often the sample was labelled, and from nothing else. A label that was imported without single
    people's answers is not told."""

    tasks: TaskStore
    lineage: LineageStore
    datasets: DatasetStore

    def __call__(self, project: Project, sample_id: str) -> list[HeldLabel]:
        """Oldest first; without labels that no version took in."""
        places = (task_id_of(project.name, sample_id), answers_id_of(project.name, sample_id))
        found = [each for place in places for each in self.tasks.consensuses(project.name, place)]
        taken = [(version, each) for each in found for version in self._versions(each)]
        taken.sort(key=lambda pair: pair[0].number)
        ends = [version.number for version, _ in taken[1:]]
        return [
            HeldLabel(
                sample_id=sample_id,
                label=each.label,
                split=self._split(version, sample_id),
                consensus=each,
                since=version.number,
                until=end,
            )
            for (version, each), end in zip(taken, [*ends, None], strict=False)
        ]

    def _split(self, version: DatasetVersion, sample_id: str) -> str:
        """As the version that took the label in wrote it; empty where that is gone."""
        try:
            wrote = View(None, lambda name: self.datasets.segment(version.project, name), version.delta)
            line = wrote.lookup([sample_id]).get(sample_id)
        except NotFoundError:
            return ""
        return line.split if line else ""

    def _versions(self, consensus: Consensus) -> list[DatasetVersion]:
        """The first version that took it in, where one did: by itself, or with an import."""
        edges = self.lineage.edges_from(consensus.project, consensus_node(consensus))
        imports = [each.target for each in edges if each.target.kind is NodeKind.IMPORT]
        edges += [each for node in imports for each in self.lineage.edges_from(consensus.project, node)]
        taken = [each for each in edges if each.target.kind is NodeKind.VERSION]
        if not taken:
            return []
        first = min(taken, key=lambda each: each.at).target.id
        try:
            return [self.datasets.version(consensus.project, first)]
        except NotFoundError:
            return []
