"""The workflows' unhappy ends on the embedded AWS: each is recorded and told, and the champion serves on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace as dataclass_with
from typing import Any

import msgspec
import pytest

from scripts.demo_world import first_model
from tests.conftest import Cloud
from tests.e2e.people import eventually
from tests.e2e.pets import labels
from tests.e2e.terminal import trueup
from tests.openlineage import Marquez, judged
from trueup.adapters.aws.lineage_bus import SOURCE
from trueup.model import RetrainingRun, RunStatus

pytestmark = pytest.mark.e2e

ENDED = {RunStatus.PROMOTED, RunStatus.REJECTED, RunStatus.FAILED, RunStatus.ROLLED_BACK}


class Notices:
    """What an operator who subscribed to the notices is told."""

    def __init__(self, cloud: Cloud) -> None:
        self._sqs = cloud.operator.clients["sqs"]
        self._url = self._sqs.create_queue(QueueName="test-notices")["QueueUrl"]
        self._heard: list[str] = []
        topic = cloud.operator.deployment.topic_arn
        asked = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        arn = asked["Attributes"]["QueueArn"]
        self._sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": admits(topic, arn)})
        cloud.operator.clients["sns"].subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def tell_of(self, *words: str) -> bool:
        answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10)
        self._heard += [each["Body"] for each in answer.get("Messages", [])]
        return any(all(word in each for word in words) for each in self._heard)


def admits(topic: str, queue: str) -> str:
    """A queue's policy that lets a topic deliver to it."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


# What a catalog hears of a retraining that ends at the endpoint.
LOOP = {
    f"moods.{each}"
    for each in (
        "retrain START",
        "train START",
        "train COMPLETE",
        "evaluate START",
        "evaluate COMPLETE",
        "retrain COMPLETE",
        "deploy START",
        "deploy COMPLETE",
    )
}


class Catalog:
    """What somebody with a rule on the bus hears in OpenLineage's words."""

    def __init__(self, cloud: Cloud) -> None:
        self._sqs, events = cloud.operator.clients["sqs"], cloud.operator.clients["events"]
        self._url = self._sqs.create_queue(QueueName="test-catalog")["QueueUrl"]
        asked = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        bus, pattern = cloud.operator.deployment.bus, json.dumps({"source": [SOURCE]})
        events.put_rule(Name="test-catalog", EventBusName=bus, EventPattern=pattern)
        target = {"Id": "1", "Arn": asked["Attributes"]["QueueArn"]}
        events.put_targets(Rule="test-catalog", EventBusName=bus, Targets=[target])
        self._heard: set[str] = set()

    def heard(self, project: str) -> set[str]:
        """Each is as the official schemas say."""
        answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10)
        for each in answer.get("Messages", []):
            detail = json.loads(each["Body"])["detail"]
            judged(detail)
            self._heard.add(said(detail))
            self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=each["ReceiptHandle"])
        return {each for each in self._heard if each.startswith(f"{project}.")}


def said(event: Any) -> str:
    document = json.loads(event) if isinstance(event, bytes) else event
    return f"{document['job']['name']} {document['eventType']}"


def leads_to_the_endpoint(cloud: Cloud, run: RetrainingRun) -> bool:
    """From the version, along trueup's and SageMaker's own associations: the training job, the model, the endpoint."""
    sagemaker, place = cloud.operator.clients["sagemaker"], cloud.operator.deployment
    manifest = f"s3://{place.dataset_bucket}/{run.project}/exports/{run.version_id}/train.manifest"
    (version,) = sagemaker.list_artifacts(SourceUri=manifest)["ArtifactSummaries"]
    asked = {"StartArns": [version["ArtifactArn"]], "Direction": "Descendants"}
    found = sagemaker.query_lineage(**asked)["Vertices"]
    kinds = {(each["LineageType"], each["Type"]) for each in found}
    wanted = {("TrialComponent", ""), ("Artifact", "Model"), ("Action", "Retraining"), ("Context", "Endpoint")}
    action = sagemaker.describe_action(ActionName=f"trueup-e2e-{run.project}-run-{run.run_id}")
    return wanted <= kinds and action["Status"] == "Completed"


@pytest.fixture(scope="module")
def catalog(cloud: Cloud) -> Catalog:
    return Catalog(cloud)


@pytest.fixture(scope="module")
def notices(cloud: Cloud) -> Notices:
    return Notices(cloud)


@pytest.fixture
def champion(cloud: Cloud, moods: str) -> Iterator[str]:
    """The serving configuration, which must be the same after the test."""
    before = serving(cloud, moods)
    yield before
    assert serving(cloud, moods) == before


def test_a_rejected_package_is_never_deployed(cloud: Cloud, moods: str, champion: str, notices: Notices) -> None:
    run = trained(cloud, moods, RunStatus.AWAITING_APPROVAL)
    trueup("retrain", "reject", run.run_id, "--project", moods)
    rejected = ended(cloud, run)
    assert rejected.status is RunStatus.REJECTED
    eventually(lambda: notices.tell_of(run.run_id, "rejected"))
    assert rejected.model_package_arn
    cloud.operator.clients["sagemaker"].update_model_package(
        ModelPackageArn=rejected.model_package_arn, ModelApprovalStatus="Approved"
    )
    eventually(lambda: quiet(cloud, "promote"))
    assert cloud.operator.runs.get(moods, run.run_id).status is RunStatus.REJECTED
    assert serving(cloud, moods) == champion


def test_a_canary_that_alarms_is_rolled_back(cloud: Cloud, moods: str, champion: str, notices: Notices) -> None:
    run = trained(cloud, moods, RunStatus.AWAITING_APPROVAL)
    trueup("retrain", "approve", run.run_id, "--project", moods)
    eventually(lambda: endpoint(cloud, moods)["EndpointStatus"] == "Updating")
    set_alarm(cloud, moods, "ALARM")
    rolled_back = ended(cloud, run)
    set_alarm(cloud, moods, "OK")
    assert rolled_back.status is RunStatus.ROLLED_BACK
    assert "alarm" in rolled_back.outcome.lower()
    assert serving(cloud, moods) == champion
    eventually(lambda: notices.tell_of(run.run_id, "rolled back"))


def test_no_update_starts_while_an_alarm_rings(cloud: Cloud, moods: str, champion: str, notices: Notices) -> None:
    run = trained(cloud, moods, RunStatus.AWAITING_APPROVAL)
    set_alarm(cloud, moods, "ALARM")
    trueup("retrain", "approve", run.run_id, "--project", moods)
    failed = ended(cloud, run)
    set_alarm(cloud, moods, "OK")
    assert failed.status is RunStatus.FAILED
    assert "UpdateEndpoint failed" in failed.outcome
    assert serving(cloud, moods) == champion
    eventually(lambda: notices.tell_of(run.run_id, "UpdateEndpoint failed"))


def test_an_aborted_workflow_is_recorded_and_frees_the_project(
    cloud: Cloud, moods: str, champion: str, notices: Notices
) -> None:
    started = start(moods)
    executions = cloud.operator.clients["stepfunctions"]
    machine = cloud.operator.deployment.retraining_machine_arn
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{moods}-{started.run_id}"
    executions.stop_execution(executionArn=arn, error="Operator", cause="the wrong data")
    run = ended(cloud, started)
    assert run.status is RunStatus.FAILED
    assert "ABORTED" in run.outcome
    assert cloud.operator.runs.active(moods) is None
    assert serving(cloud, moods) == champion
    eventually(lambda: notices.tell_of(run.run_id, "ABORTED"))


def test_an_approved_candidate_takes_over_and_captures(cloud: Cloud, moods: str, catalog: Catalog) -> None:
    before = serving(cloud, moods)
    run = trained(cloud, moods, RunStatus.AWAITING_APPROVAL)
    trueup("retrain", "approve", run.run_id, "--project", moods)
    promoted = ended(cloud, run)
    assert promoted.status is RunStatus.PROMOTED, promoted.outcome
    assert serving(cloud, moods) == promoted.endpoint_config != before
    assert endpoint(cloud, moods)["DataCaptureConfig"]["EnableCapture"]
    answer = cloud.operator.clients["sagemaker-runtime"].invoke_endpoint(
        EndpointName=moods, ContentType="text/plain", Body=b"it barks at night"
    )
    assert json.loads(answer["Body"].read())["predicted_label"] == "dog"
    eventually(lambda: catalog.heard(moods) >= LOOP)
    eventually(lambda: leads_to_the_endpoint(cloud, promoted))
    package = cloud.operator.clients["sagemaker"].describe_model_package(ModelPackageName=promoted.model_package_arn)
    assert package["CustomerMetadataProperties"]["trueup-version"] == promoted.version_id
    assert package["SourceUri"].endswith(f"/exports/{promoted.version_id}/train.manifest")


def test_a_worse_candidate_is_not_registered(cloud: Cloud, notices: Notices, lineage_server: Marquez) -> None:
    look = cloud.operator
    good = msgspec.structs.replace(
        look.projects["stale"], training=msgspec.structs.replace(look.projects["stale"].training, hyperparameters={})
    )
    with_good = dataclass_with(look)
    with_good.__dict__["projects"] = {**look.projects, "stale": good}
    first_model(with_good, "stale", labels(20))
    before = serving(cloud, "stale")
    run = ended(cloud, start("stale"))
    assert run.status is RunStatus.REJECTED
    assert run.model_package_arn is None
    assert "accuracy" in run.outcome
    assert packages(cloud, "stale") == []
    assert serving(cloud, "stale") == before
    eventually(lambda: notices.tell_of(run.run_id, "rejected"))
    eventually(lambda: "stale.retrain COMPLETE" in {said(each) for each in lineage_server.taken})
    for each in lineage_server.taken:
        judged(json.loads(each))
    assert set(lineage_server.keys) == {"Bearer marquez"}


def test_a_failing_training_says_why(cloud: Cloud, notices: Notices) -> None:
    only_cats = [each for each in labels(10) if each.label == "cat"]
    cloud.operator.import_labels("broken", only_cats, "one class only")
    run = ended(cloud, start("broken"))
    assert run.status is RunStatus.FAILED
    assert "Train failed" in run.outcome
    assert "fewer than two classes" in run.outcome
    assert cloud.operator.runs.active("broken") is None
    eventually(lambda: notices.tell_of(run.run_id, "fewer than two classes"))


def start(project: str) -> RetrainingRun:
    return msgspec.json.decode(trueup("retrain", "start", "--project", project, "--json"), type=RetrainingRun)


def trained(cloud: Cloud, project: str, status: RunStatus) -> RetrainingRun:
    started = start(project)

    def there() -> RetrainingRun | None:
        run: RetrainingRun = cloud.operator.runs.get(project, started.run_id)
        assert run.status not in ENDED, run.outcome
        return run if run.status is status else None

    run: RetrainingRun = eventually(there, 90)
    return run


def ended(cloud: Cloud, started: RetrainingRun) -> RetrainingRun:
    def there() -> RetrainingRun | None:
        run: RetrainingRun = cloud.operator.runs.get(started.project, started.run_id)
        return run if run.status in ENDED else None

    run: RetrainingRun = eventually(there, 90)
    return run


def endpoint(cloud: Cloud, project: str) -> Any:
    return cloud.operator.clients["sagemaker"].describe_endpoint(EndpointName=project)


def serving(cloud: Cloud, project: str) -> str:
    found = endpoint(cloud, project)
    assert found["EndpointStatus"] == "InService"
    return str(found["EndpointConfigName"])


def packages(cloud: Cloud, project: str) -> list[Any]:
    group = cloud.operator.deployed[project].model_package_group
    answer = cloud.operator.clients["sagemaker"].list_model_packages(ModelPackageGroupName=group)
    return list(answer["ModelPackageSummaryList"])


def set_alarm(cloud: Cloud, project: str, state: str) -> None:
    cloudwatch = cloud.operator.clients["cloudwatch"]
    pages = cloudwatch.get_paginator("describe_alarms").paginate()
    names = [each["AlarmName"] for page in pages for each in page["MetricAlarms"]]
    (name,) = [each for each in names if f"Errors{project}" in each]
    cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="the test says so")


def quiet(cloud: Cloud, queue: str) -> bool:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    url = cloud.operator.deployment.queues[queue]
    found = cloud.operator.clients["sqs"].get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return not any(int(each) for each in found.values())
