"""A project whose people work in Ground Truth: tasks flow to a labeling job, its workers' answers settle them."""

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


def test_tasks_flow_to_a_labeling_job_whose_answers_settle_them(cloud: Cloud) -> None:
    look = cloud.operator
    for hour, count in ((9, COUNT - 1), (10, 1)):
        done = look.tasks.count("elsewhere", TaskStatus.SETTLED)
        ask(cloud, [f"pet number {hour} {number}" for number in range(count)], hour)
        job = eventually(lambda: stream_of(cloud), 120)
        eventually(lambda job=job, count=count: unlabeled(cloud, job) == count, 120)
        for position in range(done, done + count):
            for worker in ("w1", "w2"):
                answer(cloud, job, {"object": position, "worker": worker, "label": "fox", "seconds": 2})
        wake(cloud)
        eventually(lambda end=done + count: look.tasks.count("elsewhere", TaskStatus.SETTLED) == end, 90)
    answers = look.tasks.answers("elsewhere", 100)
    assert len(answers) == 2 * COUNT
    assert {(each.backend, each.label, each.seconds_spent) for each in answers} == {("ground_truth", "fox", 2)}
    described = describe(cloud, job)
    assert (described["LabelingJobStatus"], described["LabelCounters"]["HumanLabeled"]) == ("InProgress", COUNT)
    assert described["HumanTaskConfig"]["NumberOfHumanWorkersPerDataObject"] == 2
    store = DynamoBatchStore(look.table)
    charged = eventually(lambda: len(store.charges("elsewhere")) == 2 and store.charges("elsewhere"))
    assert sorted((each.objects, each.answers, each.amount) for each in charged) == [(1, 2, 0.08), (3, 6, 0.24)]


def test_a_disputed_task_goes_out_until_somebody_answered_it(cloud: Cloud) -> None:
    """As a job of its own for one more person, which is stopped; as another, in which it expires; and as a third."""
    look = cloud.operator
    settled = look.tasks.count("elsewhere", TaskStatus.SETTLED)
    ask(cloud, ["a disputed pet"], 11)
    stream = eventually(lambda: stream_of(cloud), 120)
    eventually(lambda: unlabeled(cloud, stream) == 1, 120)
    position = describe(cloud, stream)["LabelCounters"]["TotalLabeled"]
    for worker, label in (("w1", "fox"), ("w2", "dog")):
        answer(cloud, stream, {"object": position, "worker": worker, "label": label})
    wake(cloud)

    stopped = eventually(lambda: started_job(cloud), 120)
    assert stopped["HumanTaskConfig"]["NumberOfHumanWorkersPerDataObject"] == 1
    look.clients["sagemaker"].stop_labeling_job(LabelingJobName=stopped["LabelingJobName"])
    expired = eventually(lambda: started_job(cloud, but=stopped["LabelingJobName"]), 90)["LabelingJobName"]
    answer(cloud, expired, {"object": 0, "failure": "the task expired"})
    last = eventually(lambda: started_job(cloud, but=expired), 90)["LabelingJobName"]
    answer(cloud, last, {"object": 0, "worker": "w3", "label": "fox"})

    eventually(lambda: look.tasks.count("elsewhere", TaskStatus.SETTLED) == settled + 1, 90)
    assert describe(cloud, last)["LabelingJobStatus"] == "Completed"
    charged = {each.batch: each.objects for each in DynamoBatchStore(look.table).charges("elsewhere")}
    assert (charged[last], {stopped["LabelingJobName"], expired} & charged.keys()) == (1, set())


def ask(cloud: Cloud, texts: list[str], hour: int) -> None:
    look = cloud.operator
    body = b"\n".join(capture_line(hour * 100 + number, text=text) for number, text in enumerate(texts))
    key = f"elsewhere/elsewhere/AllTraffic/2026/11/24/{hour:02d}/pets.jsonl"
    look.clients["s3"].put_object(Bucket=look.deployment.captures_bucket, Key=key, Body=body)
    eventually(lambda: look.tasks.count("elsewhere", TaskStatus.OPEN) == len(texts))
    wake(cloud)


def stream_of(cloud: Cloud) -> str:
    """The job that the project's tasks flow to."""
    s3, bucket = cloud.operator.clients["s3"], cloud.operator.deployment.dataset_bucket
    try:
        found = s3.get_object(Bucket=bucket, Key="elsewhere/labeling/stream.json")["Body"].read()
    except s3.exceptions.NoSuchKey:
        return ""
    return str(json.loads(found)["job"])


def describe(cloud: Cloud, job: str) -> Any:
    return cloud.operator.clients["sagemaker"].describe_labeling_job(LabelingJobName=job)


def unlabeled(cloud: Cloud, job: str) -> int:
    """None of a job that is noted but not made yet."""
    try:
        return int(describe(cloud, job)["LabelCounters"]["Unlabeled"])
    except cloud.operator.clients["sagemaker"].exceptions.ResourceNotFound:
        return 0


def wake(cloud: Cloud) -> None:
    """What the schedule sends; sent now, so as not to wait for its minute."""
    url = cloud.operator.deployment.queues["backend"]
    cloud.operator.clients["sqs"].send_message(QueueUrl=url, MessageBody=json.dumps({"reason": "a test"}))


def started_job(cloud: Cloud, but: str = "") -> Any:
    """A job of a batch, which runs."""
    sagemaker = cloud.operator.clients["sagemaker"]
    for batch in DynamoBatchStore(cloud.operator.table).batches("elsewhere", "in_progress"):
        try:
            found = describe(cloud, batch.name)
        except sagemaker.exceptions.ResourceNotFound:
            continue
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
