"""Feedback by all three ways, before and after its capture, with the deployed roles."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from tests.conftest import Cloud
from tests.e2e.people import Person, eventually
from tests.e2e.terminal import trueup_json
from tests.worlds import capture_line
from trueup.model import FeedbackStatus, TaskStatus

pytestmark = pytest.mark.e2e

PROJECT = "remarks"


def test_what_turns_out_later_meets_its_capture_whichever_comes_first(cloud: Cloud) -> None:
    early = {"project": PROJECT, "inference_id": "call 2", "label": "dog", "by": "user 7"}
    place, sqs = cloud.operator.deployment, cloud.operator.clients["sqs"]
    for _ in range(2):
        sqs.send_message(QueueUrl=place.queues["feedback"], MessageBody=json.dumps(early))
    eventually(lambda: cloud.operator.feedback.by_status(PROJECT, FeedbackStatus.PENDING, 9))
    capture(cloud)
    eventually(lambda: list(cloud.operator.ledger.latest(PROJECT)))
    assert cloud.operator.tasks.count(PROJECT, TaskStatus.OPEN) == 0
    remark = {"inference_id": "call 1", "label": "fox"}
    answer = Person(cloud, "ada", lambda _: "fox").call("POST", f"/api/projects/{PROJECT}/feedback", remark)
    (put,) = trueup_json(
        "feedback", "put", "--project", PROJECT, "--event-id", "event-70000", "--label", "fox", "--truth"
    )
    sqs.send_message(QueueUrl=place.queues["feedback"], MessageBody=json.dumps({"reason": "schedule"}))
    eventually(lambda: len(cloud.operator.feedback.by_status(PROJECT, FeedbackStatus.JOINED, 9)) == 3, seconds=180)
    joined = {
        each.feedback.feedback_id: each for each in cloud.operator.feedback.by_status(PROJECT, FeedbackStatus.JOINED, 9)
    }
    assert joined[put["feedback_id"]].outcome == "labelled"
    assert joined[answer["feedback_id"]].outcome == "asked"
    assert sorted(each.outcome for each in joined.values()) == ["asked", "asked", "labelled"]
    assert cloud.operator.tasks.count(PROJECT, TaskStatus.OPEN) == 2
    (label,) = cloud.operator.tasks.uncommitted(PROJECT, 9)
    assert (label.consensus.label, label.consensus.method) == ("fox", "truth")
    asked = [Person(cloud, name, lambda _: "dog").claim(PROJECT) for name in ("ada", "ben")]
    assert len({each["task_id"] for each in asked}) == 2


def capture(cloud: Cloud) -> None:
    """Three captures, of which the policy asks about none."""
    lines = []
    for number in range(3):
        record = json.loads(capture_line(70_000 + number))
        record["eventMetadata"]["inferenceId"] = f"call {number}"
        lines.append(json.dumps(record).encode() + b"\n")
    key = f"{PROJECT}/{PROJECT}/AllTraffic/{datetime.now(UTC):%Y/%m/%d/%H}/a.jsonl"
    cloud.operator.clients["s3"].put_object(
        Bucket=cloud.operator.deployment.captures_bucket, Key=key, Body=b"".join(lines)
    )
