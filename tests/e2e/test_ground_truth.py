"""A project whose people work in Ground Truth: tasks go out as a labeling job, its workers' answers settle them."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from tests.conftest import Cloud
from tests.e2e.people import eventually
from tests.worlds import capture_line
from trueup.adapters.aws.ledgers import DynamoBatchStore
from trueup.model import TaskStatus

pytestmark = pytest.mark.e2e

COUNT = 4


def test_a_labeling_job_settles_what_was_asked(cloud: Cloud) -> None:
    look = cloud.operator
    body = b"\n".join(capture_line(number, text=f"pet number {number}") for number in range(COUNT))
    key = "elsewhere/elsewhere/AllTraffic/2026/11/24/09/pets.jsonl"
    look.clients["s3"].put_object(Bucket=look.deployment.captures_bucket, Key=key, Body=body)
    eventually(lambda: look.tasks.count("elsewhere", TaskStatus.OPEN) == COUNT)
    wake(cloud)
    described = eventually(lambda: started_job(cloud), 90)
    job = described["LabelingJobName"]
    assert described["LabelCounters"]["Unlabeled"] == COUNT
    assert described["HumanTaskConfig"]["NumberOfHumanWorkersPerDataObject"] == 2

    for position in range(COUNT):
        for worker in ("w1", "w2"):
            answer(cloud, job, {"object": position, "worker": worker, "label": "fox", "seconds": 2})

    eventually(lambda: look.tasks.count("elsewhere", TaskStatus.SETTLED) == COUNT, 90)
    answers = look.tasks.answers("elsewhere", 100)
    assert len(answers) == 2 * COUNT
    assert {each.backend for each in answers} == {"ground_truth"}
    assert {each.label for each in answers} == {"fox"}
    (charge,) = eventually(lambda: DynamoBatchStore(look.table).charges("elsewhere"))
    assert (charge.batch, charge.objects, charge.answers, charge.amount) == (job, COUNT, 2 * COUNT, 0.08 * COUNT)
    assert look.clients["sagemaker"].describe_labeling_job(LabelingJobName=job)["LabelingJobStatus"] == "Completed"


def wake(cloud: Cloud) -> None:
    """What the schedule sends; sent now, so as not to wait for its minute."""
    url = cloud.operator.deployment.queues["backend"]
    cloud.operator.clients["sqs"].send_message(QueueUrl=url, MessageBody=json.dumps({"reason": "a test"}))


def started_job(cloud: Cloud) -> Any:
    sagemaker = cloud.operator.clients["sagemaker"]
    for batch in cloud.operator.table.query("P#elsewhere#BATCH"):
        try:
            return sagemaker.describe_labeling_job(LabelingJobName=batch["sk"])
        except sagemaker.exceptions.ResourceNotFound:
            return None
    return None


def answer(cloud: Cloud, job: str, document: dict[str, Any]) -> None:
    """The stand-in's door for workers: AWS has a page of its own for them."""
    endpoint = cloud.operator.clients["sqs"].meta.endpoint_url
    request = urllib.request.Request(
        f"{endpoint}/_trueup/labeling-jobs/{job}/answers",
        data=json.dumps(document).encode(),
        headers={"Authorization": "AWS4-HMAC-SHA256 Credential=test/20261124/us-east-1/sagemaker/aws4_request"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        assert response.status == 200
