"""Model packages, their approval, and labeling jobs with their workers' answers."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from tests.local_world import ROLE, InMemoryWorld, until
from trueup.local.launcher.sagemaker.errors import AwsError
from trueup.local.launcher.sagemaker.service import SageMaker

ARN = "arn:aws:sagemaker:us-east-1:000000000000"
CHANGED = "SageMaker Model Package State Change"


@pytest.fixture(autouse=True)
def group(sagemaker: SageMaker) -> None:
    sagemaker.call("CreateModelPackageGroup", {"ModelPackageGroupName": "pets"})


def register(sagemaker: SageMaker, **more: Any) -> str:
    return str(sagemaker.call("CreateModelPackage", {"ModelPackageGroupName": "pets", **more})["ModelPackageArn"])


def test_packages_are_numbered_in_their_group(sagemaker: SageMaker) -> None:
    assert [register(sagemaker) for _ in range(2)] == [f"{ARN}:model-package/pets/{each}" for each in (1, 2)]
    listed = sagemaker.call("ListModelPackages", {"ModelPackageGroupName": "pets"})["ModelPackageSummaryList"]
    assert [each["ModelPackageVersion"] for each in listed] == [2, 1]
    assert {each["ModelApprovalStatus"] for each in listed} == {"PendingManualApproval"}


def test_numbers_are_given_once_among_threads(sagemaker: SageMaker) -> None:
    arns: list[str] = []
    threads = [threading.Thread(target=lambda: arns.append(register(sagemaker))) for _ in range(20)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(set(arns)) == 20


def test_a_repeated_request_makes_no_second_package(sagemaker: SageMaker) -> None:
    assert register(sagemaker, ClientToken="a") == register(sagemaker, ClientToken="a")
    assert register(sagemaker, ClientToken="b").endswith("/2")


def test_an_approval_is_an_event(sagemaker: SageMaker, world: InMemoryWorld) -> None:
    arn = register(sagemaker, CustomerMetadataProperties={"run": "7"})
    sagemaker.call("UpdateModelPackage", {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved"})
    assert world.told(CHANGED, "ModelApprovalStatus") == ["PendingManualApproval", "Approved"]
    event = world.events[-1][1]
    assert event["UpdatedModelPackageFields"] == ["ModelApprovalStatus"]
    assert event["ModelPackageGroupName"] == "pets"
    assert event["CustomerMetadataProperties"] == {"run": "7"}
    found = sagemaker.call("DescribeModelPackage", {"ModelPackageName": arn})
    assert found["ModelApprovalStatus"] == "Approved"
    approved = {"ModelPackageGroupName": "pets", "ModelApprovalStatus": "Approved"}
    assert len(sagemaker.call("ListModelPackages", approved)["ModelPackageSummaryList"]) == 1


def test_a_group_that_holds_packages_stays(sagemaker: SageMaker) -> None:
    register(sagemaker)
    with pytest.raises(AwsError) as caught:
        sagemaker.call("DeleteModelPackageGroup", {"ModelPackageGroupName": "pets"})
    assert caught.value.code == "ConflictException"


def ask(sagemaker: SageMaker, world: InMemoryWorld, workers: int = 2) -> None:
    world.objects["s3://bucket/in.manifest"] = b'{"source": "a"}\n{"source": "b"}\n'
    sagemaker.call(
        "CreateLabelingJob",
        {
            "LabelingJobName": "ask",
            "LabelAttributeName": "label",
            "InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": "s3://bucket/in.manifest"}}},
            "OutputConfig": {"S3OutputPath": "s3://bucket/out/"},
            "RoleArn": ROLE,
            "HumanTaskConfig": {
                "WorkteamArn": f"{ARN}:workteam/private-crowd/pets",
                "UiConfig": {"UiTemplateS3Uri": "s3://bucket/ui"},
                "TaskTitle": "Which?",
                "TaskDescription": "Which animal?",
                "NumberOfHumanWorkersPerDataObject": workers,
                "TaskTimeLimitInSeconds": 60,
            },
        },
    )


def answer(sagemaker: SageMaker, index: int, worker: str, label: str = "cat") -> tuple[int, Any]:
    body = json.dumps({"object": index, "worker": worker, "label": label, "seconds": 2}).encode()
    status, _, answered = sagemaker.handle("/_trueup/labeling-jobs/ask/answers", {}, body)
    return status, json.loads(answered)


def status_of(sagemaker: SageMaker) -> Any:
    return sagemaker.call("DescribeLabelingJob", {"LabelingJobName": "ask"})


def test_a_labeling_job_ends_when_every_object_has_its_workers(sagemaker: SageMaker, world: InMemoryWorld) -> None:
    ask(sagemaker, world)
    for index, worker in ((0, "ada"), (0, "ben"), (1, "ada")):
        assert answer(sagemaker, index, worker)[0] == 200
    found = status_of(sagemaker)
    assert found["LabelingJobStatus"] == "InProgress"
    assert (found["LabelCounters"]["HumanLabeled"], found["LabelCounters"]["Unlabeled"]) == (1, 1)
    answer(sagemaker, 1, "ben", "dog")
    assert status_of(sagemaker)["LabelingJobStatus"] == "Completed"
    until(lambda: world.told("SageMaker Ground Truth Labeling Job State Change", "LabelingJobStatus") == ["Completed"])
    folder = "s3://bucket/out/ask/annotations/worker-response/iteration-1/1/"
    files = sorted((name, data) for name, data in world.objects.items() if name.startswith(folder))
    answers = [each for _, data in files for each in json.loads(data)["answers"]]
    assert [each["answerContent"]["label"]["label"] for each in answers] == ["cat", "dog"]
    assert [each["workerId"] for each in answers] == ["private.local.ada", "private.local.ben"]
    assert {each["timeSpentInSeconds"] for each in answers} == {2.0}
    assert answer(sagemaker, 1, "cleo")[0] == 400
    rows = [
        json.loads(each) for each in world.objects["s3://bucket/out/ask/manifests/output/output.manifest"].splitlines()
    ]
    assert [each["label-metadata"]["class-name"] for each in rows] == ["cat", "cat"]


def test_an_object_may_fail(sagemaker: SageMaker, world: InMemoryWorld) -> None:
    ask(sagemaker, world)
    failed = json.dumps({"object": 0, "failure": "expired"}).encode()
    assert sagemaker.handle("/_trueup/labeling-jobs/ask/answers", {}, failed)[0] == 200
    for worker in ("ada", "ben"):
        answer(sagemaker, 1, worker)
    found = status_of(sagemaker)
    assert (found["LabelingJobStatus"], found["LabelCounters"]["FailedNonRetryableError"]) == ("Completed", 1)
    rows = [
        json.loads(each) for each in world.objects["s3://bucket/out/ask/manifests/output/output.manifest"].splitlines()
    ]
    assert rows[0]["label-metadata"] == {"failure-reason": "expired"}
    assert "label" not in rows[0]


def test_no_answer_is_lost_among_workers_at_once(sagemaker: SageMaker, world: InMemoryWorld) -> None:
    ask(sagemaker, world, workers=9)
    threads = [threading.Thread(target=answer, args=(sagemaker, 0, str(each))) for each in range(9)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert status_of(sagemaker)["LabelCounters"]["HumanLabeled"] == 1


def test_a_stopped_labeling_job_takes_no_answers(sagemaker: SageMaker, world: InMemoryWorld) -> None:
    ask(sagemaker, world)
    assert answer(sagemaker, 7, "ada")[0] == 400
    sagemaker.call("StopLabelingJob", {"LabelingJobName": "ask"})
    assert status_of(sagemaker)["LabelingJobStatus"] == "Stopped"
    assert answer(sagemaker, 0, "ada")[0] == 400
    with pytest.raises(AwsError):
        sagemaker.call("StopLabelingJob", {"LabelingJobName": "ask"})


def test_names_of_labeling_jobs_are_unique_and_manifests_are_read_first(
    sagemaker: SageMaker, world: InMemoryWorld
) -> None:
    ask(sagemaker, world)
    with pytest.raises(AwsError) as caught:
        ask(sagemaker, world)
    assert caught.value.code == "ResourceInUse"
    world.get = lambda uri: InMemoryWorld.get(world, f"{uri}.gone")  # type: ignore[method-assign]
    with pytest.raises(AwsError, match="cannot be read"):
        ask(sagemaker, world)
