"""Which labels a sample had, and from which version to which."""

from __future__ import annotations

from dataclasses import dataclass

from trueup.annotation.tasks import task_id_of
from trueup.dataset.splits import split_of
from trueup.errors import NotFoundError
from trueup.lineage.edges import consensus_node
from trueup.model import Consensus, NodeKind, Project, Record
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
    """Read from the sample's own task and the arrows of its labels: what it costs follows from how often the sample was
    labelled, and from nothing else. A label that was imported with the dataset has no task, and is not told."""

    tasks: TaskStore
    lineage: LineageStore
    datasets: DatasetStore

    def __call__(self, project: Project, sample_id: str) -> list[HeldLabel]:
        """Oldest first; without labels that no version took in."""
        found = self.tasks.consensuses(project.name, task_id_of(project.name, sample_id))
        numbered = sorted(((number, each) for each in found for number in self._number(each)), key=lambda pair: pair[0])
        if not numbered:
            return []
        split = split_of(self.tasks.sample(project.name, sample_id).group, project.commit, project.name)
        ends = [number for number, _ in numbered[1:]]
        return [
            HeldLabel(sample_id=sample_id, label=each.label, split=split, consensus=each, since=number, until=end)
            for (number, each), end in zip(numbered, [*ends, None], strict=True)
        ]

    def _number(self, consensus: Consensus) -> list[int]:
        """That of the first version that took it in, where one did."""
        edges = self.lineage.edges_from(consensus.project, consensus_node(consensus))
        taken = [each for each in edges if each.target.kind is NodeKind.VERSION]
        if not taken:
            return []
        first = min(taken, key=lambda each: each.at).target.id
        try:
            return [self.datasets.version(consensus.project, first).number]
        except NotFoundError:
            return []
