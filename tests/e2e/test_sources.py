"""Captures that no endpoint writes: a manifest or a message goes in, tasks come out, with the deployed roles."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.conftest import BATCHES, Cloud
from tests.e2e.people import eventually
from trueup.model import FileReceipt, TaskStatus

pytestmark = pytest.mark.e2e

PROJECT, BUCKET = "batches", "pets-batches"
TOPIC = str(BATCHES["sources"]["async_topics"][0])  # type: ignore[index]
ANSWER = json.dumps({"probabilities": [0.4, 0.35, 0.25]})


@pytest.fixture(scope="module")
def s3(cloud: Cloud) -> Any:
    client = cloud.operator.clients["s3"]
    client.create_bucket(Bucket=BUCKET)
    return client


def receipts(cloud: Cloud, variant: str) -> list[FileReceipt]:
    found = cloud.operator.ledger.receipts(PROJECT, datetime(2020, 1, 1, tzinfo=UTC))
    return [each for each in found if each.file.variant == variant]


def unread(cloud: Cloud) -> int:
    """What waits in the function's queue, or failed there."""
    place, names = cloud.operator.deployment, ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = 0
    for url in (place.queues["translate"], place.dlqs["translate"]):
        answer = cloud.operator.clients["sqs"].get_queue_attributes(QueueUrl=url, AttributeNames=names)
        found += sum(map(int, answer["Attributes"].values()))
    return found


def test_a_batch_transform_becomes_tasks_once(cloud: Cloud, s3: Any) -> None:
    for part in range(2):
        lines = "".join(f"batch {part},{number}\n" for number in range(3))
        s3.put_object(Bucket=BUCKET, Key=f"in/part-{part}.csv", Body=lines.encode())
        s3.put_object(Bucket=BUCKET, Key=f"out/part-{part}.csv.out", Body=f"{ANSWER}\n".encode() * 3)
    before = cloud.operator.tasks.count(PROJECT, TaskStatus.OPEN)
    for _ in range(2):
        manifest(cloud, "input", "in/", "part-0.csv", "part-1.csv")
        manifest(cloud, "output", "out/", "part-0.csv.out", "part-1.csv.out")
        eventually(lambda: len(receipts(cloud, "transform")) == 2)
        eventually(lambda: unread(cloud) == 0)
    found = receipts(cloud, "transform")
    assert [(each.captures, each.selected, each.quarantined) for each in found] == [(3, 3, 0)] * 2
    assert {each.file.endpoint for each in found} == {"nightly"}
    assert cloud.operator.tasks.count(PROJECT, TaskStatus.OPEN) == before + 6


def manifest(cloud: Cloud, side: str, prefix: str, *names: str) -> None:
    cloud.operator.clients["s3"].put_object(
        Bucket=cloud.operator.deployment.captures_bucket,
        Key=f"{PROJECT}/nightly/{side}/2026/11/24/02/{side}-1.json",
        Body=json.dumps([{"prefix": f"s3://{BUCKET}/{prefix}"}, *names]).encode(),
    )


def test_an_asynchronous_answer_becomes_a_task_and_a_failure_is_kept(cloud: Cloud, s3: Any) -> None:
    subscribe(cloud)
    for name in ("ours", "theirs"):
        s3.put_object(Bucket=BUCKET, Key=f"{name}.txt", Body=f"{name} asked".encode())
        s3.put_object(Bucket=BUCKET, Key=f"{name}.out", Body=ANSWER.encode())
    tell(cloud, "somebody-elses", "theirs")
    for _ in range(2):
        tell(cloud, PROJECT, "ours")
    tell(cloud, PROJECT, "ours", invocationStatus="Failed", failureReason="ClientError: the model timed out")
    eventually(lambda: len(receipts(cloud, "async")) == 2)
    eventually(lambda: unread(cloud) == 0)
    found = sorted((each.captures, each.selected, each.quarantined) for each in receipts(cloud, "async"))
    assert found == [(0, 0, 1), (1, 1, 0)]
    assert {each.file.endpoint for each in receipts(cloud, "async")} == {PROJECT}


def subscribe(cloud: Cloud) -> None:
    """The topic is there after the deployment here, and so the subscription is made again, as the template has it."""
    clients = cloud.operator.clients
    template = clients["cloudformation"].get_template(StackName="trueup-e2e-ingest")["TemplateBody"]
    resources = (json.loads(template) if isinstance(template, str) else template)["Resources"].values()
    (wanted,) = [each["Properties"] for each in resources if each["Type"] == "AWS::SNS::Subscription"]
    assert wanted["TopicArn"] == TOPIC
    url = cloud.operator.deployment.queues["translate"]
    arn = clients["sqs"].get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    clients["sns"].create_topic(Name=TOPIC.rpartition(":")[2])
    attributes = {
        "RawMessageDelivery": json.dumps(wanted["RawMessageDelivery"]),
        "FilterPolicy": json.dumps(wanted["FilterPolicy"]),
        "FilterPolicyScope": wanted["FilterPolicyScope"],
    }
    clients["sns"].subscribe(TopicArn=TOPIC, Protocol=wanted["Protocol"], Endpoint=arn, Attributes=attributes)


def tell(cloud: Cloud, endpoint: str, name: str, **changes: str) -> None:
    message = {
        "eventTime": "2026-11-24T09:20:07.130Z",
        "invocationStatus": "Completed",
        "requestParameters": {
            "endpointName": endpoint,
            "inputLocation": f"s3://{BUCKET}/{name}.txt",
            "contentType": "text/plain",
        },
        "responseParameters": {"contentType": "application/json", "outputLocation": f"s3://{BUCKET}/{name}.out"},
        "inferenceId": f"{endpoint}-{name}",
        **changes,
    }
    cloud.operator.clients["sns"].publish(TopicArn=TOPIC, Message=json.dumps(message))
