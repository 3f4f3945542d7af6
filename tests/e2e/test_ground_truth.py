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


def test_what_a_job_leaves_goes_into_another(cloud: Cloud) -> None:
    look = cloud.operator
    sagemaker = look.clients["sagemaker"]
    settled = look.tasks.count("elsewhere", TaskStatus.SETTLED)
    body = b"\n".join(capture_line(number, text=f"pet number {number}") for number in (50, 51))
    key = "elsewhere/elsewhere/AllTraffic/2026/11/24/10/pets.jsonl"
    look.clients["s3"].put_object(Bucket=look.deployment.captures_bucket, Key=key, Body=body)
    eventually(lambda: look.tasks.count("elsewhere", TaskStatus.OPEN) == 2)
    wake(cloud)
    stopped = eventually(lambda: started_job(cloud), 90)["LabelingJobName"]
    for worker in ("w1", "w2"):
        answer(cloud, stopped, {"object": 0, "worker": worker, "label": "fox"})
    sagemaker.stop_labeling_job(LabelingJobName=stopped)

    expired = eventually(lambda: started_job(cloud, but=stopped), 90)
    assert expired["LabelCounters"]["Unlabeled"] == 1
    answer(cloud, expired["LabelingJobName"], {"object": 0, "failure": "the task expired"})

    last = eventually(lambda: started_job(cloud, but=expired["LabelingJobName"]), 90)["LabelingJobName"]
    for worker in ("w1", "w2"):
        answer(cloud, last, {"object": 0, "worker": worker, "label": "fox"})
    eventually(lambda: look.tasks.count("elsewhere", TaskStatus.SETTLED) == settled + 2, 90)
    charges = {each.batch: each.objects for each in DynamoBatchStore(look.table).charges("elsewhere")}
    assert (charges[stopped], charges[last], expired["LabelingJobName"] in charges) == (1, 1, False)


def wake(cloud: Cloud) -> None:
    """What the schedule sends; sent now, so as not to wait for its minute."""
    url = cloud.operator.deployment.queues["backend"]
    cloud.operator.clients["sqs"].send_message(QueueUrl=url, MessageBody=json.dumps({"reason": "a test"}))


def started_job(cloud: Cloud, but: str = "") -> Any:
    """The one that runs."""
    sagemaker = cloud.operator.clients["sagemaker"]
    for batch in DynamoBatchStore(cloud.operator.table).batches("elsewhere", "in_progress"):
        try:
            found = sagemaker.describe_labeling_job(LabelingJobName=batch.name)
        except sagemaker.exceptions.ResourceNotFound:
            return None
        if batch.name != but and found["LabelingJobStatus"] == "InProgress":
            return found
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
