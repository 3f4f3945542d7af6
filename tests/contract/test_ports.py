"""One suite over every implementation of the ports: the shipped fakes, and the AWS adapters on moto."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from tests.unit.dataset.test_versions import line
from tests.worlds import NOW, capture_file, opening
from trueup.adapters import memory
from trueup.annotation.tasks import answer, grant, settle
from trueup.dataset.segments import encode
from trueup.dataset.versions import next_version
from trueup.errors import ConflictError, HeadMovedError, IntegrityError, NotFoundError, RunActiveError
from trueup.events import TaskSkipped
from trueup.lineage.edges import answered, supported
from trueup.model import (
    Action,
    Annotation,
    Consensus,
    FileReceipt,
    Node,
    NodeKind,
    Payload,
    RetrainingRun,
    RunStatus,
    TaskStatus,
    TriggerDecision,
)
from trueup.ports import Journal

EVENT = TaskSkipped(project="pets", task_id="t", annotator="a", reason="r")


@dataclass
class Ports:
    """One implementation of every port, sharing one world."""

    tasks: Any
    ledger: Any
    payloads: Any
    queue: Any
    datasets: Any
    lineage: Any
    runs: Any
    events: Any


def in_memory() -> Ports:
    world, clock = memory.World(), memory.FixedClock(NOW)
    return Ports(
        tasks=memory.MemoryTaskStore(world),
        ledger=memory.MemoryCaptureLedger(world),
        payloads=memory.MemoryPayloadStore(),
        queue=memory.MemoryAnnotationQueue(clock),
        datasets=memory.MemoryDatasetStore(world),
        lineage=memory.MemoryLineageStore(world),
        runs=memory.MemoryRunStore(world),
        events=lambda: sorted(each.event_type for each in world.outbox),
    )


def on_aws() -> Ports:
    import boto3

    from trueup.adapters.aws.annotation_queue import SqsAnnotationQueue
    from trueup.adapters.aws.buckets import Bucket, S3PayloadStore
    from trueup.adapters.aws.capture_ledger import DynamoCaptureLedger
    from trueup.adapters.aws.dataset_store import AwsDatasetStore
    from trueup.adapters.aws.ledgers import DynamoLineageStore, DynamoRunStore
    from trueup.adapters.aws.table import Table
    from trueup.adapters.aws.task_store import DynamoTaskStore

    session = boto3.session.Session(region_name="us-east-1")
    dynamodb, s3, sqs = (session.client(each) for each in ("dynamodb", "s3", "sqs"))
    keys = [("pk", "HASH"), ("sk", "RANGE")]
    index = [("gsi1pk", "HASH"), ("gsi1sk", "RANGE")]
    dynamodb.create_table(
        TableName="trueup",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name, _ in keys + index],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "gsi1",
                "KeySchema": [{"AttributeName": name, "KeyType": kind} for name, kind in index],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    s3.create_bucket(Bucket="dataset")
    url = sqs.create_queue(QueueName="pets")["QueueUrl"]
    table = Table(dynamodb, "trueup", page_size=2)

    def events() -> list[str]:
        items = dynamodb.scan(TableName="trueup")["Items"]
        outbox = [each for each in items if each["pk"]["S"].startswith("EVENT#")]
        return sorted(msgspec.json.decode(each["data"]["S"])["event_type"] for each in outbox)

    return Ports(
        tasks=DynamoTaskStore(table),
        ledger=DynamoCaptureLedger(table),
        payloads=S3PayloadStore(s3, "dataset"),
        queue=SqsAnnotationQueue(sqs, {"pets": url}, wait_seconds=0),
        datasets=AwsDatasetStore(table, Bucket(s3, "dataset")),
        lineage=DynamoLineageStore(table),
        runs=DynamoRunStore(table),
        events=events,
    )


@pytest.fixture(params=["memory", "aws"])
def ports(request: pytest.FixtureRequest) -> Iterator[Ports]:
    if request.param == "memory":
        yield in_memory()
        return
    from moto import mock_aws

    before = dict(os.environ)
    os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    os.environ.pop("AWS_ENDPOINT_URL", None)
    try:
        with mock_aws():
            yield on_aws()
    finally:
        os.environ.clear()
        os.environ.update(before)


def journal(*events: Any, **more: Any) -> Journal:
    return Journal(at=NOW, events=events, **more)


def annotation(task: Any, name: str = "ada", label: str = "cat", seconds: int = 0) -> Annotation:
    return Annotation(
        project=task.project,
        annotation_id=f"{task.task_id[:8]}-{name}",
        task_id=task.task_id,
        sample_id=task.sample_id,
        annotator=name,
        label=label,
        submitted_at=NOW + timedelta(seconds=seconds),
    )


def test_openings_are_written_once_and_other_captures_of_a_sample_are_left_alone(ports: Ports) -> None:
    openings = [opening(each) for each in range(5)]
    first = ports.tasks.open(openings, journal(EVENT))
    assert first == tuple(each.task.task_id for each in openings)
    assert ports.tasks.open(openings, journal(EVENT)) == first
    assert ports.tasks.open([opening(1, event="other")], journal()) == ()
    assert ports.tasks.count("pets", TaskStatus.OPEN) == 5
    assert ports.events() == ["TaskSkipped"]
    known = ports.tasks.known_samples("pets", [openings[0].sample.sample_id, "unknown"])
    assert known == frozenset({openings[0].sample.sample_id})
    start = Node(kind=NodeKind.CAPTURE, id="e-1#0")
    (edge,) = ports.lineage.edges_from("pets", start)
    assert [each.source for each in ports.lineage.edges_to("pets", edge.target)] == [start]


def test_open_tasks_come_by_priority_over_all_pages(ports: Ports) -> None:
    ports.tasks.open([opening(each, score=each / 10) for each in range(6)], journal())
    found = ports.tasks.by_status("pets", TaskStatus.OPEN, 5)
    assert [each.priority for each in found] == [0.5, 0.4, 0.3, 0.2, 0.1]


def test_a_write_on_an_old_revision_leaves_nothing_behind(ports: Ports) -> None:
    task = opening().task
    ports.tasks.open([opening()], journal())
    granted = grant(task, "ada", "token", "", NOW, 60)
    ports.tasks.save(granted, journal())
    given = annotation(task)
    stale = answer(granted, given, "token", NOW)
    ports.tasks.save(stale, journal(), annotation=given)
    other = annotation(task, "ben")
    with pytest.raises(ConflictError):
        ports.tasks.save(granted, journal(EVENT, edges=(answered(other),)), annotation=other)
    assert ports.events() == []
    assert [each.annotator for each in ports.tasks.annotations("pets", task.task_id)] == ["ada"]
    assert ports.lineage.edges_from("pets", Node(kind=NodeKind.TASK, id=task.task_id)) == []


def test_of_many_claims_at_once_exactly_one_wins(ports: Ports) -> None:
    task = opening().task
    ports.tasks.open([opening()], journal())

    def claim(name: str) -> bool:
        try:
            ports.tasks.save(grant(task, name, name, "", NOW, 60), journal())
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(4) as people:
        assert sum(people.map(claim, ["a", "b", "c", "d"])) == 1


def test_work_consensus_and_what_waits_for_a_version(ports: Ports) -> None:
    ports.tasks.open([opening(1), opening(2)], journal())
    for number in (1, 2):
        task = opening(number).task
        granted = grant(task, "ada", "t", "", NOW, 60)
        ports.tasks.save(granted, journal())
        given = annotation(task, seconds=number)
        answered_task = answer(granted, given, "t", NOW)
        ports.tasks.save(answered_task, journal(), annotation=given)
        consensus = Consensus(
            project="pets",
            consensus_id=f"c{number}",
            task_id=task.task_id,
            sample_id=task.sample_id,
            label="cat",
            posterior=0.9,
            agreement=1.0,
            method="majority",
            annotation_ids=(given.annotation_id,),
            reached_at=NOW + timedelta(seconds=number),
        )
        ports.tasks.save(settle(answered_task), journal(edges=supported(consensus)), consensus=consensus)
    assert [each.submitted_at for each in ports.tasks.work("pets", "ada", 1)] == [NOW + timedelta(seconds=2)]
    assert ports.tasks.work_count("pets", "ada") == 2
    assert ports.tasks.work_count("pets", "ada", NOW + timedelta(seconds=2)) == 1
    assert len(ports.tasks.answers("pets", 10)) == 2
    waiting = ports.tasks.uncommitted("pets", 10)
    assert [each.consensus.consensus_id for each in waiting] == ["c1", "c2"]
    assert waiting[0].selection.event_id == "e-1"
    for _ in range(2):
        ports.tasks.mark_committed(waiting[:1], "v")
    assert [each.consensus.consensus_id for each in ports.tasks.uncommitted("pets", 10)] == ["c2"]
    assert ports.tasks.consensus("pets", opening(1).task.task_id).consensus_id == "c1"


def test_what_is_not_there_is_said(ports: Ports) -> None:
    for ask in (
        lambda: ports.tasks.get("pets", "none"),
        lambda: ports.tasks.sample("pets", "none"),
        lambda: ports.runs.get("pets", "none"),
        lambda: ports.datasets.version("pets", "v9"),
    ):
        with pytest.raises(NotFoundError):
            ask()
    assert ports.datasets.head("pets") is None
    assert ports.tasks.selection("pets", "none") is None


def test_the_budget_is_granted_once_per_file_and_never_overrun(ports: Ports) -> None:
    grants = [ports.ledger.reserve(capture_file(str(each)), NOW.date(), 4, 10, 9) for each in range(4)]
    assert grants == [4, 4, 1, 0]
    assert ports.ledger.reserve(capture_file("0"), NOW.date(), 99, 10, 9) == 4


def test_a_file_is_closed_once(ports: Ports) -> None:
    receipt = FileReceipt(
        file=capture_file(),
        lines=3,
        captures=2,
        quarantined=1,
        duplicates=0,
        predictions=2,
        selected=1,
        class_counts={"cat": 2},
        ingested_at=NOW,
    )
    assert ports.ledger.receipt(capture_file()) is None
    assert ports.ledger.close(receipt, journal(EVENT)) is True
    assert ports.ledger.close(receipt, journal(EVENT)) is False
    assert ports.ledger.receipt(capture_file()) == receipt
    assert list(ports.ledger.receipts("pets", NOW)) == [receipt]
    assert list(ports.ledger.receipts("pets", NOW + timedelta(seconds=1))) == []


def test_a_slot_goes_round_until_it_is_used_up(ports: Ports) -> None:
    ports.queue.send("pets", ["t1", "t1"])
    first, second = ports.queue.receive("pets", 10, 60)
    assert ports.queue.receive("pets", 10, 60) == []
    ports.queue.give_back("pets", first)
    ports.queue.done("pets", second.receipt)
    (again,) = ports.queue.receive("pets", 10, 60)
    assert again.task_id == "t1"
    ports.queue.hold("pets", again.receipt, 120)
    assert ports.queue.depth("pets") == 1
    ports.queue.done("pets", again.receipt)
    assert ports.queue.depth("pets") == 0


def test_payloads_are_kept_once_and_lent_by_link(ports: Ports) -> None:
    payload = Payload(data=b"woof", content_type="text/plain")
    uri = ports.payloads.put("pets", "ab12", payload)
    assert ports.payloads.put("pets", "ab12", payload) == uri
    assert ports.payloads.get(uri) == payload
    assert "ab12" in ports.payloads.presign(uri, 60)


def test_of_two_commits_on_one_head_one_wins(ports: Ports) -> None:
    def version(parent: Any, number: int) -> Any:
        lines = [line(number, "cat")]
        segment = ports.datasets.put_segment("pets", encode(lines), 1)
        return next_version("pets", parent, {}, lines, segment, NOW, "test")

    first = version(None, 1)
    ports.datasets.commit(first, journal(EVENT))
    with pytest.raises(HeadMovedError):
        ports.datasets.commit(version(None, 2), journal())
    second = version(first, 3)
    ports.datasets.commit(second, journal())
    assert ports.datasets.head("pets") == second
    assert [each.number for each in ports.datasets.versions("pets")] == [2, 1]
    for name in ("2", "v2", second.version_id, second.version_id[:8]):
        assert ports.datasets.version("pets", name) == second
    assert ports.datasets.document("pets", first.version_id)
    assert ports.datasets.segment("pets", first.segments[0].sha256)
    uri = ports.datasets.put_export("pets", first.version_id, "train.manifest", b"x")
    assert ports.datasets.read(uri) == b"x"
    with pytest.raises((NotFoundError, IntegrityError)):
        ports.datasets.segment("pets", "0" * 64)


def run(number: int, **changes: Any) -> RetrainingRun:
    values = {
        "project": "pets",
        "run_id": f"r{number}",
        "status": RunStatus.RUNNING,
        "version_id": "v",
        "rule": "count",
        "reason": "enough",
        "started_at": NOW + timedelta(seconds=number),
    }
    return RetrainingRun(**{**values, **changes})


def test_one_run_is_active_and_a_trigger_meanwhile_is_remembered(ports: Ports) -> None:
    ports.runs.begin(run(1), journal(EVENT))
    ports.runs.begin(run(1), journal(EVENT))
    with pytest.raises(RunActiveError):
        ports.runs.begin(run(2), journal())
    decision = TriggerDecision(action=Action.RETRAIN, rule="count", reason="more")
    ports.runs.postpone("pets", decision, "v2")
    assert ports.runs.postponed("pets") == (decision, "v2")
    ports.runs.save(run(1, execution_arn="arn"), journal())
    assert ports.runs.active("pets").execution_arn == "arn"
    ports.runs.save(run(1, status=RunStatus.REJECTED), journal())
    assert ports.runs.active("pets") is None
    ports.runs.begin(run(2), journal())
    assert ports.runs.postponed("pets") is None
    assert [each.run_id for each in ports.runs.runs("pets", 10)] == ["r2", "r1"]
