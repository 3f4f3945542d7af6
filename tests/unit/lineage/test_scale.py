"""What lineage reads follows from what is asked, not from how much there is: counted at ten thousand and at a million
arrows."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from tests.unit.dataset.lines import store_segments
from tests.worlds import NOW, Loop, opening, project
from trueup.adapters.memory import MemoryDatasetStore, World
from trueup.annotation.tasks import settle, task_id_of
from trueup.model import (
    Consensus,
    DatasetVersion,
    Edge,
    LabelledSample,
    Node,
    NodeKind,
    RetrainingRun,
    RunStatus,
    Segment,
)
from trueup.ports import Journal
from trueup.usecases.compare_models import CompareModels
from trueup.usecases.credit_annotators import CreditAnnotators
from trueup.usecases.find_model import FindModel
from trueup.usecases.label_history import LabelHistory
from trueup.usecases.show_lineage import ShowLineage
from trueup.usecases.trace_label import TraceLabel

LABELS = 20
EDGES_PER_VERSION = LABELS * 9 + 1
EVERY = 5
SIZES = (10_000, 1_000_000)


@dataclass
class Reads:
    """Hands stores out that count what is asked of them, and how much they answer."""

    calls: Counter[str] = field(default_factory=Counter)
    most: int = 0

    def of(self, store: Any) -> Any:
        return _Counted(store, self)


@dataclass
class _Counted:
    store: Any
    reads: Reads

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.store, name)

        def call(*given: Any, **named: Any) -> Any:
            found = method(*given, **named)
            self.reads.calls[name] += 1
            self.reads.most = max(self.reads.most, len(found) if isinstance(found, list) else 0)
            return found

        return call


def label(version: int, number: int) -> str:
    return f"c{version}-{number}"


def name_of(number: int) -> str:
    return f"{number:064x}"


class Big:
    """A project of so many arrows: every version takes in twenty labels of two people each, every fifth is trained on,
    and every fifth of these models serves. The sample that is asked about was labelled in the 24th version from the end
    and ruled on in the fourth."""

    def __init__(self, edges: int) -> None:
        self.last = edges // EDGES_PER_VERSION
        self.loop = Loop(project())
        self.asked = opening(1)
        self.held, self.ruled = self.last - 24, self.last - 3
        for number in range(1, self.last + 1):
            self._version(number)
        self._sample()
        assert abs(len(self.loop.world.edges) - edges) < EDGES_PER_VERSION + 20

    def _version(self, number: int) -> None:
        nodes = [Node(kind=NodeKind.VERSION, id=name_of(each)) for each in (number - 1, number)]
        world = self.loop.world
        for place in range(LABELS):
            self._label(world, label(number, place), nodes[1])
        if number > 1:
            self._draw(world, nodes[0], nodes[1])
        _put(self.loop.datasets, number)
        if number % EVERY == self.last % EVERY:
            self._run(number)

    def _label(self, world: World, name: str, version: Node) -> None:
        path = [Node(kind=NodeKind.ENDPOINT, id="pets"), *(Node(kind=each, id=name) for each in _PATH)]
        for source, target in itertools.pairwise(path):
            self._draw(world, source, target)
        consensus = Node(kind=NodeKind.CONSENSUS, id=name)
        for person in ("ada", "ben"):
            answer = Node(kind=NodeKind.ANNOTATION, id=f"{name}-{person}")
            self._draw(world, path[-1], answer, person)
            self._draw(world, answer, consensus)
        self._draw(world, consensus, version)

    def _draw(self, world: World, source: Node, target: Node, actor: str = "trueup") -> None:
        world.draw(Edge(project="pets", source=source, target=target, actor=actor, at=NOW))

    def _run(self, number: int) -> None:
        at = NOW + timedelta(hours=number)
        run = RetrainingRun(
            project="pets",
            run_id=f"r{number}",
            status=RunStatus.RUNNING,
            version_id=name_of(number),
            version_number=number,
            training_job=f"job-{number}",
            rule="count",
            reason="enough",
            started_at=at,
        )
        self.loop.runs.begin(run, Journal(at=at))
        promoted = (self.last - number) % (EVERY * EVERY) == 0
        status = RunStatus.PROMOTED if promoted else RunStatus.REJECTED
        self.loop.runs.save(replace(run, status=status, ended_at=at), Journal(at=at))

    def _sample(self) -> None:
        tasks, task = self.loop.tasks, self.asked.task
        tasks.open([self.asked], Journal(at=NOW))
        for name, version in (("wrong", self.held), ("right", self.ruled)):
            consensus = Consensus(
                project="pets",
                consensus_id=name,
                task_id=task.task_id,
                sample_id=task.sample_id,
                label="cat",
                posterior=1.0,
                agreement=1.0,
                method="majority",
                annotation_ids=("a1",),
                reached_at=NOW + timedelta(seconds=version),
                annotators=("ada",),
            )
            task = settle(task)
            source, target = Node(kind=NodeKind.CONSENSUS, id=name), Node(kind=NodeKind.VERSION, id=name_of(version))
            edge = Edge(project="pets", source=source, target=target, actor="trueup", at=NOW)
            tasks.save(task, Journal(at=NOW, edges=(edge,)), consensus=consensus)


# What versions have in common.
_NEVER_READ = Segment(sha256="0" * 64, samples=10**6, bytes=1, first="0" * 64, last="f" * 64)
_PATH = (NodeKind.CAPTURE, NodeKind.SAMPLE, NodeKind.SELECTION, NodeKind.TASK)


def _put(datasets: MemoryDatasetStore, number: int) -> None:
    line = LabelledSample(
        sample_id=name_of(number),
        label="cat",
        split="train",
        group="g",
        content_type="text/plain",
        payload_uri="s3://p",
    )
    version = DatasetVersion(
        project="pets",
        version_id=name_of(number),
        number=number,
        parent=name_of(number - 1) if number > 1 else None,
        segments=(_NEVER_READ,),
        delta=store_segments(datasets, [line], {}),
        root="",
        slice_counts={},
        strategy_counts={},
        removed=0,
        moved=0,
        restated=0,
        samples=LABELS * number,
        classes=("cat",),
        split_counts={"train": LABELS * number},
        class_counts={"cat": LABELS * number},
        added=LABELS,
        relabelled=0,
        created_at=NOW,
        reason="test",
        annotators={"8bbd178be4": {"train": LABELS * number}},
    )
    datasets.commit(version, Journal(at=NOW))


def answers(big: Big) -> dict[str, Reads]:
    """Each question, with what it read."""
    loop, projects = big.loop, big.loop.projects
    found: dict[str, Reads] = {}

    def reads(name: str) -> Reads:
        return found.setdefault(name, Reads())

    def shown(name: str) -> ShowLineage:
        return ShowLineage(projects, reads(name).of(loop.lineage), reads(name).of(loop.datasets))

    def finder(name: str) -> FindModel:
        datasets, runs, lineage = (reads(name).of(each) for each in (loop.datasets, loop.runs, loop.lineage))
        return FindModel(projects, datasets, runs, lineage, loop.clock)

    counted = reads("models")
    lineage, tasks, runs, datasets = (counted.of(each) for each in (loop.lineage, loop.tasks, loop.runs, loop.datasets))
    trace = TraceLabel(projects, LabelHistory(tasks, lineage, datasets), tasks, lineage, runs)
    traced = trace("pets", Node(kind=NodeKind.SAMPLE, id=big.asked.sample.sample_id))
    assert [len(each.learners) for each in traced.labels] == [4, 1]

    counted = reads("annotators")
    credit = CreditAnnotators(finder("annotators"), counted.of(loop.runs), counted.of(loop.skills))
    assert len(credit("pets", f"r{big.last}").annotators) == 1

    stores = [reads("between").of(each) for each in (loop.datasets, loop.runs)]
    compared = CompareModels(finder("between"), *stores)("pets", f"r{big.last - 10}", f"r{big.last}")
    assert (len(compared.versions), compared.difference.added) == (10, 10)

    middle = Node(kind=NodeKind.CONSENSUS, id=label(big.held, 3))
    for direction in ("up", "down"):
        shown(f"tree {direction}").trees("pets", middle, (direction,))
    (tree,) = shown("endpoint").trees("pets", Node(kind=NodeKind.ENDPOINT, id="pets"), ("down",), 100).values()
    assert (len(tree.branches), tree.uncounted) == (50, big.last * LABELS > 1000)
    shown("picture").piece("pets", str(middle), 12, 8)
    return found


@pytest.fixture(scope="module")
def counted() -> dict[int, dict[str, Reads]]:
    return {size: answers(Big(size)) for size in SIZES}


@pytest.mark.slow
@pytest.mark.parametrize("question", ["models", "annotators", "between", "tree up", "tree down", "endpoint", "picture"])
def test_a_question_reads_the_same_of_a_million_arrows_as_of_ten_thousand(
    counted: dict[int, dict[str, Reads]], question: str
) -> None:
    small, big = (counted[size][question] for size in SIZES)
    assert big.calls == small.calls
    assert max(small.most, big.most) <= 51


@pytest.mark.slow
def test_what_the_questions_read(counted: dict[int, dict[str, Reads]]) -> None:
    read = {name: sum(each.calls.values()) for name, each in counted[SIZES[1]].items()}
    assert read["models"] <= 12
    assert read["annotators"] <= 4
    # Three for each of the ten versions between: itself, its segment, and nothing else of the project.
    assert read["between"] <= 2 * 10 + 8
    assert read["tree up"] <= 10
    assert read["tree down"] <= 1_000
    assert read["picture"] <= 4 * 80


def test_task_ids_follow_from_samples() -> None:
    """What the history of a label is found by."""
    asked = opening(1)
    assert asked.task.task_id == task_id_of("pets", asked.sample.sample_id)
