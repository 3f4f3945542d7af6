"""What the questions of lineage cost in requests to DynamoDB and S3, counted on the wire, in a small project and in one
forty times as large."""

from __future__ import annotations

from datetime import timedelta

import moto  # noqa: F401 - before any client is made, or moto does not see its calls
import pytest
from msgspec.structs import replace

from tests.contract.implementations import DATASET, TABLE
from tests.contract.records import consensus
from tests.integration.test_calls import metered
from tests.unit.dataset.test_versions import made
from tests.worlds import NOW, opening, project
from trueup.adapters.aws.buckets import Bucket
from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.dataset_store import AwsDatasetStore
from trueup.adapters.aws.ledgers import DynamoLineageStore, DynamoRunStore, DynamoSkillStore
from trueup.adapters.aws.table import Table
from trueup.adapters.aws.task_store import DynamoTaskStore
from trueup.adapters.memory import FixedClock
from trueup.annotation.tasks import settle
from trueup.dataset.labels import from_settled
from trueup.dataset.segments.cache import SEGMENTS
from trueup.lineage.edges import committed
from trueup.model import Consensus, DatasetVersion, Node, NodeKind, RetrainingRun, RunStatus, SettledLabel
from trueup.ports import Journal
from trueup.usecases.compare_models import CompareModels
from trueup.usecases.credit_annotators import CreditAnnotators
from trueup.usecases.find_model import FindModel
from trueup.usecases.label_history import LabelHistory
from trueup.usecases.show_lineage import ShowLineage
from trueup.usecases.trace_label import TraceLabel

ASKED = opening(1)


class World:
    """A sample labelled in v2 and ruled on in v4; a model each of v3 and v5; `others` labels beside in each version."""

    def __init__(self, clients: Clients, others: int) -> None:
        table = Table(clients["dynamodb"], TABLE)
        self.tasks, self.lineage, self.runs = DynamoTaskStore(table), DynamoLineageStore(table), DynamoRunStore(table)
        self.datasets = AwsDatasetStore(table, Bucket(clients["s3"], DATASET))
        self.skills = DynamoSkillStore(table)
        self.config = project()
        self.projects = {"pets": self.config}
        self.names = iter(range(2, 10_000))
        self.find = FindModel(self.projects, self.datasets, self.runs, self.lineage, FixedClock(NOW))
        self.task = ASKED.task
        self.tasks.open([ASKED], Journal(at=NOW))
        for number in range(1, 6):
            version = self._version(number, others)
            if number in (3, 5):
                self._promoted(version)

    def _version(self, number: int, others: int) -> DatasetVersion:
        labels = [self._label(number) for _ in range(others + 1)]
        if number in (2, 4):
            labels.append(self._asked(number))
        parent = self.datasets.head("pets")
        lines = [from_settled(each, self.config.commit, "pets") for each in labels]
        version = made(self.datasets, parent, lines, at=NOW + timedelta(hours=number))
        self.datasets.commit(version, Journal(at=version.created_at, edges=committed(version, tuple(labels))))
        return version

    def _label(self, number: int) -> SettledLabel:
        other = opening(next(self.names))
        settled = consensus(other.task, f"c-{other.task.task_id}", seconds=number)
        return SettledLabel(consensus=replace(settled, annotators=("ada", "ben")), sample=other.sample)

    def _asked(self, number: int) -> SettledLabel:
        settled: Consensus = consensus(self.task, f"asked-{number}", seconds=number)
        self.task = settle(self.task)
        self.tasks.save(self.task, Journal(at=NOW), consensus=settled)
        return SettledLabel(consensus=settled, sample=ASKED.sample)

    def _promoted(self, version: DatasetVersion) -> None:
        at = version.created_at
        run = RetrainingRun(
            project="pets",
            run_id=f"r{version.number}",
            status=RunStatus.RUNNING,
            version_id=version.version_id,
            version_number=version.number,
            training_job=f"job-{version.number}",
            rule="count",
            reason="enough",
            started_at=at,
        )
        self.runs.begin(run, Journal(at=at))
        self.runs.save(replace(run, status=RunStatus.PROMOTED, ended_at=at), Journal(at=at))


@pytest.mark.parametrize("others", [1, 40])
def test_which_models_learned_from_a_label(clients: Clients, others: int) -> None:
    world = World(clients, others)
    history = LabelHistory(world.tasks, world.lineage, world.datasets)
    trace = TraceLabel(world.projects, history, world.tasks, world.lineage, world.runs)
    with metered(clients) as meter:
        found = trace("pets", Node(kind=NodeKind.SAMPLE, id=ASKED.sample.sample_id))
    assert [[each.run.run_id for each in label.learners] for label in found.labels] == [["r3"], ["r5"]]
    # Labels, settled and imported; then for each its arrow, its version by name, its runs, and who served after.
    assert meter.calls == {"Query": 2 + 2 * 3, "GetItem": 2 * 2}


@pytest.mark.parametrize("others", [1, 40])
def test_which_annotators_shaped_a_model(clients: Clients, others: int) -> None:
    world = World(clients, others)
    credit = CreditAnnotators(world.find, world.runs, world.skills)
    with metered(clients) as meter:
        found = credit("pets", "r5")
    assert [each.train + each.validation + each.test for each in found.annotators][:2] == [5 * (others + 1)] * 2
    assert meter.calls == {"GetItem": 4}


@pytest.mark.parametrize("others", [1, 40])
def test_what_changed_between_two_models(clients: Clients, others: int) -> None:
    world = World(clients, others)
    compare = CompareModels(world.find, world.datasets, world.runs)
    SEGMENTS.clear()
    with metered(clients) as meter:
        found = compare("pets", "r3", "r5")
    assert (found.difference.added, [each.number for each in found.versions]) == (2 * (others + 1), [4, 5])
    # Both runs, versions, evaluations and successors; two parents, and the segments of two versions.
    assert meter.calls == {"GetItem": 2 + 4 + 2 + 4, "GetObject": 2, "Query": 2}


@pytest.mark.parametrize("others", [60, 85])
def test_a_fan_is_read_as_far_as_it_is_shown(clients: Clients, others: int) -> None:
    world = World(clients, others)
    show = ShowLineage(world.projects, world.lineage, world.datasets)
    node = show.find(["pets"], "v5")[1]
    with metered(clients) as meter:
        tree = show.trees("pets", node, ("up",), 1)["up"]
    assert (len(tree.branches), tree.more) == (50, others + 1 + 1 - 50)
    assert NodeKind.VERSION in {each.node.kind for each in tree.branches}
    assert meter.calls == {"Query": 2}
