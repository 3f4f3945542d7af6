"""SQS, EventBridge, SageMaker and Step Functions where they refuse, repeat or carry what is not ours."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import botocore.session
import pytest
from moto import mock_aws

from tests.contract.implementations import clients_of_moto
from tests.integration.stand_ins import Scripted, refusal
from tests.worlds import NOW
from trueup.adapters.aws.annotation_queue import SqsAnnotationQueue
from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.event_bus import EventBridgeBus
from trueup.adapters.aws.model_registry import SageMakerRegistry
from trueup.adapters.aws.wakeups import SqsBackendWakeups
from trueup.adapters.aws.workflows import StepFunctionsWorkflows
from trueup.errors import ConfigurationError, NotFoundError, RetryableError, ServiceError
from trueup.events import TaskSkipped, seal

URLS = {"pets": "https://sqs/pets"}


@pytest.fixture
def sqs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        yield clients_of_moto()["sqs"]


def depth(sqs: Any, url: str) -> int:
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
    return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def test_what_is_no_invitation_does_not_stop_the_others(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="pets")["QueueUrl"]
    for each in ("no json", "{}", '{"task_id": 7}', "[]"):
        sqs.send_message(QueueUrl=url, MessageBody=each)
    queue = SqsAnnotationQueue(sqs, {"pets": url}, wait_seconds=0)
    queue.send("pets", ["t1"])
    assert [each.task_id for each in queue.receive("pets", 10, 60)] == ["t1"]
    assert queue.depth("pets") == 5


def test_a_wakeup_says_for_whom_and_of_when_it_is(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="sync")["QueueUrl"]
    SqsBackendWakeups(sqs, url).wake("pets", NOW)
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    told = json.loads(message["Body"])
    assert (told["reason"], told["project"], datetime.fromisoformat(told["at"])) == ("hint", "pets", NOW)


def test_a_queue_that_is_gone_is_told_with_what_was_to_be_woken(sqs: Any) -> None:
    with pytest.raises(NotFoundError, match="waking the synchronisation of pets"):
        SqsBackendWakeups(sqs, "https://sqs.eu-central-1.amazonaws.com/123456789012/sync").wake("pets", NOW)


def test_giving_back_never_counts_as_a_failed_delivery(sqs: Any) -> None:
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    url = sqs.create_queue(QueueName="pets", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    queue = SqsAnnotationQueue(sqs, {"pets": url}, wait_seconds=0)
    queue.send("pets", ["t1"])
    for _ in range(5):
        (slot,) = queue.receive("pets", 1, 60)
        queue.give_back("pets", slot)
    assert queue.depth("pets") == 1
    assert depth(sqs, dead) == 0


def test_messages_that_sqs_refuses_are_sent_again_and_only_those() -> None:
    client = Scripted({"Failed": [{"Id": "1", "SenderFault": False}]}, {})
    SqsAnnotationQueue(client, URLS).send("pets", ["a", "b", "c"])
    sent = [[json.loads(each["MessageBody"])["task_id"] for each in request["Entries"]] for request in client.requests]
    assert sent == [["a", "b", "c"], ["b"]]
    with pytest.raises(RetryableError):
        SqsAnnotationQueue(Scripted(*[{"Failed": [{"Id": "0", "SenderFault": False}]}] * 9), URLS).send("pets", ["a"])
    fault = {"Failed": [{"Id": "0", "SenderFault": True, "Message": "too long"}]}
    with pytest.raises(ServiceError, match="too long"):
        SqsAnnotationQueue(Scripted(fault), URLS).send("pets", ["a"])


def test_a_project_without_a_queue_is_said() -> None:
    with pytest.raises(NotFoundError, match="birds"):
        SqsAnnotationQueue(Scripted(), URLS).send("birds", ["a"])


def test_other_troubles_with_a_receipt_are_told() -> None:
    for call in (lambda queue: queue.done("pets", "r"), lambda queue: queue.hold("pets", "r", 5)):
        call(SqsAnnotationQueue(Scripted(refusal("ReceiptHandleIsInvalid")), URLS))
        with pytest.raises(ServiceError):
            call(SqsAnnotationQueue(Scripted(refusal("InvalidAddress")), URLS))


# ---------------------------------------------------------------- EventBridge


def envelope(number: int, size: int = 10) -> Any:
    event = TaskSkipped(project="pets", task_id=f"t{number}", annotator="ada", reason="x" * size)
    return seal(event, NOW + timedelta(seconds=number))


def accepted(request: dict[str, Any]) -> dict[str, Any]:
    return {"Entries": [{"EventId": "1"} for _ in request["Entries"]]}


def test_events_go_in_batches_that_eventbridge_takes() -> None:
    client = Scripted(*[accepted] * 99)
    EventBridgeBus(client, "trueup").publish([envelope(number) for number in range(12)])
    EventBridgeBus(client, "trueup").publish([envelope(number, 100_000) for number in range(5)])
    assert [len(each["Entries"]) for each in client.requests] == [10, 2, 2, 2, 1]
    entry = client.requests[0]["Entries"][0]
    assert (entry["Source"], entry["DetailType"], entry["EventBusName"]) == ("trueup", "TaskSkipped", "trueup")
    assert json.loads(entry["Detail"])["id"] == envelope(0).event_id


def test_refused_events_are_named() -> None:
    answer = {"Entries": [{"EventId": "1"}, {"ErrorCode": "ThrottlingException"}, {"EventId": "3"}]}
    envelopes = [envelope(number) for number in range(3)]
    assert EventBridgeBus(Scripted(answer), "trueup").publish(envelopes) == (envelopes[1].event_id,)


# ---------------------------------------------------------------- SageMaker, Step Functions


def test_the_champion_is_the_variant_with_most_of_the_traffic() -> None:
    variants = [
        {"VariantName": "canary", "ModelName": "new", "InitialVariantWeight": 0.1},
        {"VariantName": "main", "ModelName": "old", "InitialVariantWeight": 0.9},
    ]
    client = Scripted(
        {"EndpointConfigName": "pets-2"},
        {"EndpointConfigName": "pets-2", "ProductionVariants": variants},
        {"Containers": [{"ModelPackageName": "arn:package"}]},
        {
            "InferenceSpecification": {
                "Containers": [{"Image": "i", "ModelDataSource": {"S3DataSource": {"S3Uri": "s3://m/"}}}]
            }
        },
    )
    champion = SageMakerRegistry(client).champion("pets")
    assert (champion.variant, champion.model_name, champion.model_data_url) == ("main", "old", "s3://m/")
    assert client.calls[2] == ("describe_model", {"ModelName": "old"})


def test_a_wrong_request_is_not_taken_for_a_missing_endpoint() -> None:
    missing = refusal("ValidationException", 'Could not find endpoint "pets".')
    wrong = refusal("ValidationException", "1 validation error detected: Value '' at 'endpointName'")
    with pytest.raises(NotFoundError):
        SageMakerRegistry(Scripted(missing)).champion("pets")
    with pytest.raises(ServiceError):
        SageMakerRegistry(Scripted(wrong)).champion("")


def test_an_execution_that_ran_is_named_as_step_functions_names_it() -> None:
    machine = "arn:aws:states:eu-west-1:111122223333:stateMachine:retrain"
    client = Scripted(refusal("ExecutionAlreadyExists"), refusal("InvalidName"))
    workflows = StepFunctionsWorkflows(client, retraining_arn=machine)
    arn = "arn:aws:states:eu-west-1:111122223333:execution:retrain:pets-r1"
    assert workflows.start_retraining("pets-r1", {}) == arn
    with pytest.raises(ServiceError):
        workflows.start_retraining("not a name", {})
    with pytest.raises(ServiceError, match="no state machine"):
        workflows.start_promotion("pets-r1", {})


# ---------------------------------------------------------------- clients


def test_a_region_that_is_missing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    session = botocore.session.Session()
    session.set_config_variable("config_file", "/nonexistent")
    with pytest.raises(ConfigurationError, match="region"):
        Clients(session)["sqs"].list_queues()


def test_stores_cost_neither_boto3_nor_a_session_to_import() -> None:
    code = (
        "import sys; import trueup.adapters.aws.task_store, trueup.adapters.aws.dataset_store, "
        "trueup.adapters.aws.annotation_queue, trueup.adapters.aws.event_bus; "
        "print([each for each in ('boto3', 'botocore.session', 'numpy') if each in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
