"""Lineage, annotator skill, foreign batches, workflows, the model registry and the bus."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from tests.contract.implementations import Ports
from tests.contract.marks import slow_on_aws
from tests.contract.records import edge, event
from tests.worlds import NOW
from trueup.errors import ConflictError, NotFoundError
from trueup.events import GuidelinesChanged, QueueChanged, StandingChanged, seal
from trueup.model import (
    AnnotatorSkill,
    Champion,
    Charge,
    Figure,
    Gold,
    GoldAnswer,
    Guidelines,
    Judged,
    Knowledge,
    ModelPackage,
    Node,
    NodeKind,
    QualityReport,
    QueueStanding,
    QueueStatus,
    Standing,
    StandingStatus,
)
from trueup.ports import Journal, LabelingJob


def skill(name: str, value: float, project: str = "pets") -> AnnotatorSkill:
    return AnnotatorSkill(
        project=project,
        annotator=name,
        skill=value,
        low=0.5,
        high=1.0,
        answers=9,
        classes=("cat", "dog"),
        confusion=((0.9, 0.1), (0.2, 0.8)),
        fitted_at=NOW,
    )


# ---------------------------------------------------------------- lineage


def test_what_labels_taught_is_replaced_whole(ports: Ports) -> None:
    assert ports.knowledge.knowledge("pets") == Knowledge(project="pets")
    judged = (Judged(sample_id="s", chance=0.1 + 0.2, weight=4.0),)
    ports.knowledge.learn(Knowledge(project="pets", labelled={"cat": 1}, judged=judged))
    ports.knowledge.learn(Knowledge(project="pets", labelled={"dög": 2}, judged=judged))
    assert ports.knowledge.knowledge("pets") == Knowledge(project="pets", labelled={"dög": 2}, judged=judged)
    assert ports.knowledge.knowledge("dogs") == Knowledge(project="dogs")


def test_edges_are_walked_both_ways_over_all_pages(ports: Ports) -> None:
    edges = [edge(number) for number in range(5)]
    ports.lineage.add(edges)
    assert ports.lineage.edges_from("pets", edges[0].source) == edges
    assert ports.lineage.edges_to("pets", edges[3].target) == [edges[3]]
    assert ports.lineage.edges_from("pets", edges[3].target) == []
    assert ports.lineage.edges_from("birds", edges[0].source) == []


def test_an_edge_stays_as_it_was_first_written(ports: Ports) -> None:
    ports.lineage.add([edge()])
    ports.lineage.add([edge(seconds=60), edge(seconds=90), edge(2)])
    assert ports.lineage.edges_from("pets", edge().source) == [edge(), edge(2)]


@slow_on_aws
def test_more_edges_than_a_transaction_holds_are_all_written(ports: Ports) -> None:
    ports.lineage.add([edge(number) for number in range(130)])
    assert len(ports.lineage.edges_from("pets", edge().source)) == 130
    ports.lineage.add([])


def test_ids_with_any_characters_are_told_apart(ports: Ports) -> None:
    node = Node(kind=NodeKind.CAPTURE, id="event#0")
    other = Node(kind=NodeKind.CAPTURE, id="event#01")
    one = msgspec.structs.replace(edge(), source=node)
    ports.lineage.add([one, msgspec.structs.replace(edge(), source=other)])
    assert ports.lineage.edges_from("pets", node) == [one]
    assert len(ports.lineage.edges_to("pets", edge().target)) == 2


@slow_on_aws
def test_a_few_arrows_of_many_are_read_and_the_rest_counted(ports: Ports) -> None:
    ports.lineage.add([edge(number) for number in range(30)])
    source = edge().source
    every = ports.lineage.edges_from("pets", source)
    assert ports.lineage.edges_from("pets", source, 7) == every[-7:]
    assert ports.lineage.edges_to("pets", edge(3).target, 7) == [edge(3)]
    assert [ports.lineage.count_from("pets", source, most) for most in (10, 30, 100)] == [10, 30, 30]
    assert ports.lineage.count_to("pets", edge(3).target, 100) == 1
    assert ports.lineage.count_from("birds", source, 100) == 0


def test_arrows_keep_what_their_ends_were(ports: Ports) -> None:
    arrow = msgspec.structs.replace(edge(), source_hash="a" * 64, target_hash="b" * 64)
    ports.lineage.add([arrow])
    assert ports.lineage.edges_from("pets", arrow.source) == ports.lineage.edges_to("pets", arrow.target) == [arrow]


# ---------------------------------------------------------------- skill, batches


def test_the_newest_skill_of_each_annotator_is_kept(ports: Ports) -> None:
    ports.skills.save_skills("pets", [skill("cleo", 0.9), skill("ada", 0.8), skill("ben", 0.7)])
    ports.skills.save_skills("pets", [skill("ben", 0.6)])
    ports.skills.save_skills("pets", [])
    found = [(each.annotator, each.skill) for each in ports.skills.skills("pets")]
    assert found == [("ada", 0.8), ("ben", 0.6), ("cleo", 0.9)]
    assert ports.skills.skills("birds") == []


@slow_on_aws
def test_the_skills_of_a_crowd_are_all_kept(ports: Ports) -> None:
    ports.skills.save_skills("pets", [skill(f"a{number:03d}", 0.9) for number in range(120)])
    assert len(ports.skills.skills("pets")) == 120


def test_batches_are_listed_by_their_present_status(ports: Ports) -> None:
    jobs = [LabelingJob(project="pets", name=f"b{n}", status="in_progress", task_ids=(f"t{n}",)) for n in range(3)]
    for each in jobs:
        ports.batches.save_batch(each)
    done = msgspec.structs.replace(jobs[1], status="completed")
    ports.batches.save_batch(done)
    assert ports.batches.batches("pets", "in_progress") == [jobs[0], jobs[2]]
    assert ports.batches.batches("pets", "completed") == [done]
    assert ports.batches.batch("pets", "b1") == done
    assert ports.batches.batch("birds", "b1") is None
    assert ports.batches.batches("birds", "completed") == []


def charge(batch: str, day: int, **changes: Any) -> Charge:
    at = datetime(2026, 10 + day // 31, 1 + day % 31, tzinfo=UTC)
    told = {"project": "pets", "backend": "ground_truth", "objects": 10, "answers": 20, "amount": 0.8}
    return Charge(**{**told, "batch": batch, "at": at, **changes})


def test_a_batch_ends_once_with_what_it_cost(ports: Ports) -> None:
    job = LabelingJob(project="pets", name="b1", status="completed", task_ids=("t1",))
    begun = msgspec.structs.replace(job, status="in_progress")
    assert ports.batches.save_batch(begun)
    assert ports.batches.save_batch(begun)
    assert ports.batches.end_batch(job, Journal(at=NOW), charge("b1", 3))
    assert not ports.batches.save_batch(begun)
    assert not ports.batches.end_batch(job, Journal(at=NOW), charge("b1", 3, amount=99.0))
    assert ports.batches.charges("pets") == [charge("b1", 3)]
    assert ports.batches.batches("pets", "in_progress") == []
    assert ports.batches.batch("pets", "b1") == job


def test_charges_are_told_by_month(ports: Ports) -> None:
    for name, day in (("b2", 33), ("b3", 2), ("b1", 40)):
        ended = LabelingJob(project="pets", name=name, status="completed")
        assert ports.batches.end_batch(ended, Journal(at=NOW), charge(name, day))
    assert ports.batches.end_batch(LabelingJob(project="pets", name="b4", status="failed"), Journal(at=NOW))
    assert [each.batch for each in ports.batches.charges("pets")] == ["b3", "b1", "b2"]
    assert [each.batch for each in ports.batches.charges("pets", "2026-11")] == ["b1", "b2"]
    assert ports.batches.charges("pets", "2026-12") == ports.batches.charges("birds") == []


# ---------------------------------------------------------------- workflows, registry, bus


def test_starting_twice_is_starting_once(ports: Ports) -> None:
    first = ports.workflows.start_retraining("pets-r1", {"run_id": "r1"})
    assert ports.workflows.start_retraining("pets-r1", {"run_id": "r1"}) == first
    assert ports.workflows.start_retraining("pets-r1", {"run_id": "other"}) == first
    assert ports.workflows.start_promotion("pets-r1", {"run_id": "r1"}) != first
    assert ports.workflows.start_retraining("pets-r2", {}) != first


def test_a_backfill_of_a_name_is_started_once_and_tells_how_it_stands(ports: Ports) -> None:
    first = ports.workflows.start_backfill("pets-1", {"prefixes": []})
    assert (first.status, first.began) == ("RUNNING", True)
    again = ports.workflows.start_backfill("pets-1", {"prefixes": []})
    assert (again.arn, again.began) == (first.arn, False)
    assert again.status in ("RUNNING", "SUCCEEDED")
    assert ports.workflows.start_backfill("pets-2", {"prefixes": []}).began


def test_the_champion_is_what_the_endpoint_says(ports: Ports) -> None:
    champion = Champion(
        endpoint_name="pets",
        endpoint_config="pets-1",
        model_name="pets-model",
        model_data_url="s3://models/model.tar.gz",
        image="123.dkr.ecr.us-east-1.amazonaws.com/sklearn:1",
        variant="AllTraffic",
    )
    ports.deploy(champion)
    assert ports.registry.champion("pets") == champion
    assert ports.registry.endpoint_config("pets")["EndpointConfigName"] == "pets-1"


PACKAGE = ModelPackage(
    arn="arn:aws:sagemaker:us-east-1:123456789012:model-package/pets/1",
    group="pets",
    approval="PendingManualApproval",
    image="image:1",
    model_data_url="s3://models/model.tar.gz",
    environment={"A": "b"},
    metadata={"trueup-run": "r1"},
)


def test_a_package_is_what_the_registry_says(ports: Ports) -> None:
    arn = ports.register(PACKAGE)
    assert ports.registry.package(arn) == msgspec.structs.replace(PACKAGE, arn=arn)


@pytest.mark.parametrize("approval", ["Approved", "Rejected"])
def test_a_ruling_is_on_one_package_and_can_be_taken_back(ports: Ports, approval: str) -> None:
    arns = [ports.register(msgspec.structs.replace(PACKAGE, arn=f"{PACKAGE.arn}{n}", group=f"g{n}")) for n in (1, 2)]
    ports.rulings.rule(arns[0], approval)
    assert [ports.registry.package(each).approval for each in arns] == [approval, "PendingManualApproval"]
    ports.rulings.rule(arns[0], approval)
    ports.rulings.rule(arns[0], "Rejected")
    ruled = ports.registry.package(arns[0])
    assert ruled.approval == "Rejected"
    assert (ruled.image, ruled.model_data_url) == (PACKAGE.image, PACKAGE.model_data_url)


def test_an_endpoint_or_package_that_is_not_there_is_said(ports: Ports) -> None:
    none = "arn:aws:sagemaker:us-east-1:123456789012:model-package/none/1"
    for ask in (
        lambda: ports.registry.champion("none"),
        lambda: ports.registry.endpoint_config("none"),
        lambda: ports.registry.package(none),
        lambda: ports.rulings.rule(none, "Approved"),
    ):
        with pytest.raises(NotFoundError):
            ask()


@slow_on_aws
def test_events_get_to_the_bus_and_none_is_refused(ports: Ports) -> None:
    envelopes = [seal(event(number), NOW + timedelta(seconds=number)) for number in range(23)]
    assert ports.bus.publish(envelopes) == ()
    assert sorted(ports.published()) == sorted(each.event_id for each in envelopes)
    assert ports.bus.publish([]) == ()


def test_how_a_queue_stands_is_kept_with_who_said_so(ports: Ports) -> None:
    assert ports.standings.standing("pets") == QueueStanding(project="pets")
    said = QueueStanding(project="pets", status=QueueStatus.PAUSED, by="lea", reason="wait", at=NOW)
    event = QueueChanged(project="pets", status="paused", by="lea", reason="wait")
    ports.standings.set_standing(said, Journal(at=NOW, events=(event,)))
    assert ports.standings.standing("pets") == said
    assert ports.standings.standing("dogs") == QueueStanding(project="dogs")
    assert [each.event_type for each in ports.outbox()] == ["QueueChanged"]


def test_a_report_takes_the_place_of_the_one_before(ports: Ports) -> None:
    assert ports.reports.report("pets") is None
    figure = Figure(name="all", value=0.5, low=None, high=0.1 + 0.2, samples=3)
    made = QualityReport(
        project="pets",
        at=NOW,
        tasks={"open": 3},
        ages={"a day": 3},
        oldest_seconds=1.5,
        days={"2026-11-24": 2},
        agreement=figure,
        by_class=(figure,),
        by_week=(),
        annotators=(),
        looked_at=2,
        hours=0.1,
        cost=None,
    )
    for each in (made, msgspec.structs.replace(made, looked_at=7)):
        ports.reports.save_report(each)
        assert ports.reports.report("pets") == each
    assert ports.reports.report("dogs") is None


def gold(number: int, project: str = "pets") -> Gold:
    return Gold(
        project=project,
        gold_id=f"g{number}",
        sample_id=f"s{number}",
        label="cat",
        names=("cat",),
        content_type="text/plain",
        payload_uri="s3://b/k",
        added_at=NOW,
    )


def test_gold_is_kept_once_and_its_exposures_are_counted(ports: Ports) -> None:
    assert ports.gold.put(gold(1))
    assert ports.gold.put(gold(2))
    assert not ports.gold.put(msgspec.structs.replace(gold(1), label="dog"))
    for _ in range(3):
        ports.gold.expose("pets", "g2")
    ports.gold.expose("pets", "gone")
    assert ports.gold.items("pets") == [gold(1), msgspec.structs.replace(gold(2), exposures=3)]
    assert ports.gold.item("pets", "g2") == msgspec.structs.replace(gold(2), exposures=3)
    ports.gold.remove("pets", "g1")
    ports.gold.remove("pets", "g1")
    assert ports.gold.item("pets", "g1") is None
    assert ports.gold.items("dogs") == []


def test_a_gold_answer_is_there_once_for_a_task(ports: Ports) -> None:
    def said(who: str, task: str, score: float, seconds: int) -> GoldAnswer:
        return GoldAnswer(
            project="pets",
            annotator=who,
            gold_id="g1",
            task_id=task,
            label="cat",
            names=("cat",),
            score=score,
            at=NOW + timedelta(seconds=seconds),
        )

    for each in (
        said("ada", "t2", 0.0, 2),
        said("ada", "t1", 1.0, 1),
        said("ad", "t3", 0.5, 3),
        said("ada", "t2", 1.0, 4),
    ):
        ports.gold.record(each)
    assert ports.gold.answers("pets", "ada") == [said("ada", "t1", 1.0, 1), said("ada", "t2", 1.0, 4)]
    assert [each.annotator for each in ports.gold.answers("pets")] == ["ada", "ad", "ada"]


def test_how_an_annotator_stands_is_kept(ports: Ports) -> None:
    assert ports.people.standing("pets", "ada") == Standing(project="pets", annotator="ada")
    said = Standing(project="pets", annotator="ada", status=StandingStatus.WARNED, by="rule", reason="x", at=NOW)
    event = StandingChanged(project="pets", annotator="ada", status="warned", by="rule", reason="x")
    ports.people.set_standing(said, Journal(at=NOW, events=(event,)))
    assert ports.people.standing("pets", "ada") == said
    assert ports.people.standings("pets") == [said]
    assert [each.event_type for each in ports.outbox()] == ["StandingChanged"]


def test_guidelines_are_versions_each_written_once(ports: Ports) -> None:
    assert ports.guidelines.newest("pets") is None
    made = [Guidelines(project="pets", number=each, text=f"v{each}", by="rita", at=NOW) for each in (1, 2, 10)]
    event = GuidelinesChanged(project="pets", number=1, by="rita", reason="x")
    for each in made:
        ports.guidelines.save(each, Journal(at=NOW, events=(event,)))
    with pytest.raises(ConflictError):
        ports.guidelines.save(msgspec.structs.replace(made[0], text="other"), Journal(at=NOW))
    assert ports.guidelines.newest("pets") == made[2]
    assert ports.guidelines.versions("pets") == made[::-1]
    assert ports.guidelines.versions("dogs") == []
