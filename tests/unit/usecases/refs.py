"""A dataset on fakes, with every verb on its versions, for the tests of these verbs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec.structs import replace

from tests.unit.dataset.test_versions import line
from tests.worlds import NOW, project
from trueup.adapters.memory import (
    FixedClock,
    MemoryDatasetStore,
    MemoryLineageStore,
    MemoryRunStore,
    MemoryTaskStore,
    World,
)
from trueup.adapters.memory_refs import MemoryRefStore, MemoryStoredParts
from trueup.dataset.naming import MAIN
from trueup.dataset.verify import verify
from trueup.dataset.view import View
from trueup.model import Change, DatasetPolicy, DatasetVersion, LabelledSample, Project, Removal
from trueup.ports import Clock, DatasetStore, LineageStore, RefStore, RunStore, StoredParts, TaskStore
from trueup.usecases.blame_label import BlameLabel
from trueup.usecases.collect_garbage import CollectGarbage
from trueup.usecases.find_version import FindVersion
from trueup.usecases.making_versions import MakeVersion, Proposal
from trueup.usecases.merge_versions import MergeVersions
from trueup.usecases.name_versions import NameVersions
from trueup.usecases.revert_versions import RevertVersions
from trueup.usecases.show_log import ShowLog

BY = "operator:ada"


def sample(number: int) -> str:
    return line(number, "").sample_id


@dataclass
class Shelf:
    """Any implementation of the ports, and the verbs over it. Labels are put in by number: {1: "cat", 2: None}, where
    None takes the sample out."""

    datasets: DatasetStore
    refs: RefStore
    runs: RunStore
    lineage: LineageStore
    tasks: TaskStore
    stored: StoredParts
    clock: Clock
    config: Project = field(default_factory=project)

    @property
    def name(self) -> str:
        return self.config.name

    @property
    def projects(self) -> Mapping[str, Project]:
        return {self.config.name: self.config}

    def put(self, labels: Mapping[int, str | None], branch: str = MAIN) -> DatasetVersion:
        made = self.make(labels, branch)
        assert made is not None
        return made

    def make(self, labels: Mapping[int, str | None], branch: str = MAIN) -> DatasetVersion | None:
        changes: list[Change] = [
            line(number, label) if label is not None else Removal(sample_id=sample(number))
            for number, label in labels.items()
        ]

        def propose(view: View) -> Proposal:
            return Proposal(changes=changes)

        make = MakeVersion(datasets=self.datasets, clock=self.clock)
        return make(self.config, propose, f"{len(changes)} changes", by=BY, branch=branch)

    def branch(self, name: str, at: str = "head") -> None:
        self.names.branch(name, self.find(self.name, at), BY, "to try")

    def labels(self, name: str = "head") -> dict[int, str]:
        view = self.find.view(self.name, self.find(self.name, name))
        return {int(each.sample_id, 16): each.label for each in view}

    def lines(self, version: DatasetVersion) -> dict[str, LabelledSample]:
        return {each.sample_id: each for each in self.find.view(self.name, version)}

    def problems(self) -> list[str]:
        """What verify says of every version that has its content."""
        pruned = {each.version_id for each in self.refs.pruned(self.name)}
        return [
            problem
            for each in self.datasets.versions(self.name)
            if each.version_id not in pruned
            for problem in verify(
                each,
                lambda name: self.datasets.segment(self.name, name),
                lambda name: self.datasets.document(self.name, name),
            )
        ]

    def keep(self, **policy: int | None) -> None:
        self.config = replace(self.config, dataset=DatasetPolicy(**policy))

    @property
    def find(self) -> FindVersion:
        return FindVersion(self.datasets, self.refs)

    @property
    def names(self) -> NameVersions:
        return NameVersions(self.datasets, self.refs, self.clock)

    @property
    def merge(self) -> MergeVersions:
        return MergeVersions(self.projects, self.datasets, self.refs, self.clock)

    @property
    def revert(self) -> RevertVersions:
        return RevertVersions(self.projects, self.datasets, self.refs, self.clock)

    @property
    def blame(self) -> BlameLabel:
        return BlameLabel(self.datasets, self.refs, self.lineage, self.tasks)

    @property
    def log(self) -> ShowLog:
        return ShowLog(self.datasets, self.refs, self.blame)

    @property
    def collect(self) -> CollectGarbage:
        return CollectGarbage(self.projects, self.datasets, self.refs, self.runs, self.lineage, self.stored, self.clock)


@dataclass
class MemoryShelf(Shelf):
    """On the shipped fakes, with a clock that a test moves."""

    clock: FixedClock
    datasets: MemoryDatasetStore
    world: World = field(default_factory=World)


def shelf() -> MemoryShelf:
    world, clock = World(), FixedClock(NOW)
    datasets = MemoryDatasetStore(world, clock)
    return MemoryShelf(
        datasets=datasets,
        refs=MemoryRefStore(world),
        runs=MemoryRunStore(world),
        lineage=MemoryLineageStore(world),
        tasks=MemoryTaskStore(world),
        stored=MemoryStoredParts(datasets),
        clock=clock,
        world=world,
    )
