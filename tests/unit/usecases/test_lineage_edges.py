"""Every step of the loop draws its arrows, and docs/lineage.md tells them."""

from __future__ import annotations

import itertools
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.histories import History, history
from tests.worlds import NOW, Loop, capture_file
from trueup.adapters.memory import MemoryRunStore, World
from trueup.errors import NotFoundError
from trueup.model import ModelPackage, Node, NodeKind, RetrainingRun, RunStatus, TaskStatus, record_hash
from trueup.ports import Journal
from trueup.usecases.evaluate_candidate import EvaluateCandidate
from trueup.usecases.openings import ServedBy
from trueup.usecases.promote_model import Deployables, PromoteModel
from trueup.usecases.rule_on_task import RuleOnTask

DOCS = (Path(__file__).resolve().parents[3] / "docs" / "lineage.md").read_text()


@pytest.fixture(scope="module")
def past() -> History:
    return history()


def arrows(loop: Loop) -> set[tuple[NodeKind, NodeKind]]:
    return {(each.source.kind, each.target.kind) for each in loop.world.edges.values()}


def test_the_arrows_are_those_of_the_page(past: History) -> None:
    told = set()
    for row in re.findall(r"^\| ([^|]*→[^|]*) \|", DOCS, re.MULTILINE):
        for path in row.replace("overruled ", "").replace("parent", "version").split(", "):
            steps = [NodeKind(each) for each in path.split(" → ")]
            told |= set(itertools.pairwise(steps))
    elsewhere = {
        (NodeKind.FEEDBACK, NodeKind.TASK),
        (NodeKind.TASK, NodeKind.BATCH),
        (NodeKind.SOURCE, NodeKind.SAMPLE),
        (NodeKind.SAMPLE, NodeKind.ANNOTATION),
        (NodeKind.CONSENSUS, NodeKind.IMPORT),
        (NodeKind.IMPORT, NodeKind.VERSION),
    }
    assert arrows(past.loop) == told - elsewhere


def test_a_capture_is_caused_by_the_model_that_served_it(past: History) -> None:
    edges = past.loop.lineage.edges_from
    first = edges("pets", Node(kind=NodeKind.ENDPOINT, id="pets"))
    later = edges("pets", Node(kind=NodeKind.ENDPOINT, id=past.runs[0].endpoint_config or ""))
    assert {each.target.id for each in first} == {f"event-{number}#0" for number in range(1, 13)}
    assert {each.target.id for each in later} == {f"event-{number}#0" for number in range(101, 113)}


def test_a_ruling_lies_between_the_label_it_overruled_and_the_one_it_made(past: History) -> None:
    loop, task = past.loop, past.wrong
    before, after = loop.tasks.consensuses("pets", task.task_id)
    (ruling,) = loop.tasks.rulings_of("pets", task.task_id)
    node = Node(kind=NodeKind.REVIEW, id=ruling.ruling_id)
    causes = {str(each.source): each.hashes for each in loop.lineage.edges_to("pets", node)}
    assert causes == {
        f"task:{task.task_id}": (None, record_hash(ruling)),
        f"consensus:{before.consensus_id}": (record_hash(before), record_hash(ruling)),
    }
    (made,) = loop.lineage.edges_from("pets", node)
    assert (made.target.id, made.actor, made.note, made.target_hash) == (
        after.consensus_id,
        "rita",
        "fox",
        record_hash(after),
    )


def test_a_task_sent_back_leads_to_its_review() -> None:
    loop = Loop()
    loop.ingest(loop.capture(1))
    (task,) = loop.tasks.by_status("pets", TaskStatus.OPEN, 1)
    loop.tasks.save(replace(task, status=TaskStatus.REVIEW, revision=task.revision + 1), Journal(at=NOW))
    rule = RuleOnTask(loop.projects, loop.tasks, loop.lineage, loop.queue, loop.clock)
    back = rule.give_back("pets", task.task_id, "rita", "look again").ruling
    edges = loop.lineage.edges_from("pets", Node(kind=NodeKind.TASK, id=task.task_id))
    assert [str(each.target) for each in edges] == [f"review:{back.ruling_id}"]


def test_an_evaluation_tells_with_whose_labels_the_candidate_disagreed(past: History) -> None:
    for run, wrong in zip(past.runs, (2, 4, 0), strict=True):
        found = past.loop.runs.evaluation("pets", run.run_id)
        assert found is not None
        # Each label stands on two people's answers; rita's ruling, alone, may be in the test split of none.
        assert (found.wrong, sum(found.wrong_by.values())) == (wrong, 2 * wrong)
        assert set(found.wrong_by) <= set(found.labels_by)
        assert all(number <= found.labels_by[name] for name, number in found.wrong_by.items())
        assert sum(found.labels_by.values()) == 2 * found.samples


def test_an_evaluation_of_no_run_is_none(past: History) -> None:
    evaluate = EvaluateCandidate(past.loop.projects, past.loop.datasets, past.loop.runs, past.loop.clock)
    with pytest.raises(NotFoundError):
        evaluate("pets", "nobody", "memory://evaluation/nobody")


def test_a_promotion_is_drawn_as_soon_as_it_begins() -> None:
    loop = Loop()
    run = RetrainingRun(
        project="pets",
        run_id="v1-abc",
        status=RunStatus.RUNNING,
        version_id="v",
        rule="count",
        reason="enough",
        started_at=NOW,
    )
    loop.runs.begin(run, Journal(at=NOW))
    loop.runs.save(replace(run, status=RunStatus.AWAITING_APPROVAL), Journal(at=NOW))
    package = ModelPackage(
        arn="arn:package",
        group="pets-models",
        approval="Approved",
        image="image",
        model_data_url="s3://models/model.tar.gz",
        metadata={"trueup-project": "pets", "trueup-run": "v1-abc"},
        digest="0f343b0931126a20f133d67c2b018a3b",
    )
    loop.registry.packages[package.arn] = package
    loop.registry.configs["pets"] = {"EndpointConfigName": "old", "ProductionVariants": [{"VariantName": "All"}]}
    around = Deployables(
        role_arn="role", key_arn="key", capture_uri="s3://captures/pets", model_package_group="pets-models"
    )
    promote = PromoteModel(loop.projects, lambda _: around, loop.registry, loop.runs, loop.workflows, loop.clock)
    promote(package.arn)
    (edge,) = loop.lineage.edges_to("pets", Node(kind=NodeKind.DEPLOYMENT, id="v1-abc"))
    assert (str(edge.source), edge.source_hash) == ("model:arn:package", package.digest)


class _Asked(MemoryRunStore):
    """Counts how often it is asked who served."""

    asked = 0

    def serving(self, project: str, at: datetime) -> RetrainingRun | None:
        self.asked += 1
        return super().serving(project, at)


def test_who_served_is_asked_once_for_each_promotion_before_which_captures_came() -> None:
    runs, file = _Asked(World()), capture_file()
    for day in (1, 2):
        run = RetrainingRun(
            project="pets",
            run_id=f"r{day}",
            status=RunStatus.RUNNING,
            version_id="v",
            rule="count",
            reason="enough",
            started_at=NOW,
        )
        runs.begin(run, Journal(at=NOW))
        ended = NOW + timedelta(days=day)
        runs.save(replace(run, status=RunStatus.PROMOTED, ended_at=ended, endpoint_config=f"c{day}"), Journal(at=NOW))
    served_by = ServedBy(runs, NOW + timedelta(days=9))
    moments = [3, 2, 8, 1.5, 1, 0.5, 1.99, 0, 7]
    found = [served_by(file, NOW + timedelta(days=each)) for each in moments]
    assert found == ["c2", "c2", "c2", "c1", "c1", "pets", "c1", "pets", "c2"]
    assert runs.asked <= 6
    assert len([served_by(file, NOW + timedelta(days=5)) for _ in range(99)]) == 99
    assert runs.asked <= 6
