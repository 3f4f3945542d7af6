"""Health, read from AWS as moto plays it; SageMaker's and Lambda's answers are stubbed, shaped by botocore."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from trueup.adapters.aws.health import AwsHealth
from trueup.errors import NotFoundError, ServiceError
from trueup.ports import AlarmState, EndpointState, StackState

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:trueup-dev-ingest"
TEMPLATE = '{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}'


class MotoClients(dict[str, Any]):
    """Clients by service name, made when asked for."""

    def __missing__(self, service: str) -> Any:
        self[service] = boto3.client(service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
        return self[service]


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> Iterator[MotoClients]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield MotoClients()


@pytest.fixture
def health(clients: MotoClients) -> AwsHealth:
    return AwsHealth(clients)  # type: ignore[arg-type]


def test_who_calls(health: AwsHealth) -> None:
    assert health.identity().startswith("arn:aws:")


@pytest.mark.slow
def test_stacks_of_one_stage(clients: MotoClients, health: AwsHealth) -> None:
    for name in ("trueup-dev-ingest", "trueup-dev-data", "trueup-prod-data", "theirs"):
        clients["cloudformation"].create_stack(StackName=name, TemplateBody=TEMPLATE)
    assert health.stacks("trueup-dev-") == [
        StackState(name="trueup-dev-data", status="CREATE_COMPLETE"),
        StackState(name="trueup-dev-ingest", status="CREATE_COMPLETE"),
    ]


def mapping(state: str) -> dict[str, Any]:
    return {"EventSourceMappings": [{"UUID": "u" * 36, "FunctionArn": FUNCTION, "State": state}]}


def test_a_queue_with_its_reader(clients: MotoClients, health: AwsHealth) -> None:
    url = clients["sqs"].create_queue(QueueName="ingest")["QueueUrl"]
    arn = clients["sqs"].get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    for _ in range(2):
        clients["sqs"].send_message(QueueUrl=url, MessageBody="{}")
    clients["sqs"].receive_message(QueueUrl=url, MaxNumberOfMessages=1)
    with Stubber(clients["lambda"]) as stub:
        stub.add_response("list_event_source_mappings", mapping("Disabled"), {"EventSourceArn": arn})
        state = health.queue(url)
    assert state.messages == 2
    assert state.consumers == {"trueup-dev-ingest": "Disabled"}


@pytest.mark.slow
def test_the_reader_of_the_stream(clients: MotoClients, health: AwsHealth) -> None:
    key = {"AttributeName": "pk", "KeyType": "HASH"}
    definition = {"AttributeName": "pk", "AttributeType": "S"}
    common: dict[str, Any] = {
        "KeySchema": [key],
        "AttributeDefinitions": [definition],
        "BillingMode": "PAY_PER_REQUEST",
    }
    clients["dynamodb"].create_table(TableName="plain", **common)
    made = clients["dynamodb"].create_table(
        TableName="streaming",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        **common,
    )
    assert health.stream_consumers("plain") == {}
    with Stubber(clients["lambda"]) as stub:
        arn = made["TableDescription"]["LatestStreamArn"]
        stub.add_response("list_event_source_mappings", mapping("Enabled"), {"EventSourceArn": arn})
        assert health.stream_consumers("streaming") == {"trueup-dev-ingest": "Enabled"}


@pytest.mark.slow
def test_alarms_that_ring(clients: MotoClients, health: AwsHealth) -> None:
    cloudwatch = clients["cloudwatch"]
    for name in ("trueup-dev-Stuck", "trueup-dev-Quiet", "trueup-prod-Stuck"):
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            MetricName="m",
            Namespace="n",
            Period=60,
            EvaluationPeriods=1,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
            Statistic="Sum",
        )
        if name.endswith("Stuck"):
            cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="2 > 0")
    assert health.ringing("trueup-dev-") == [AlarmState(name="trueup-dev-Stuck", reason="2 > 0")]


def test_invocations_are_summed_over_variants_and_time(clients: MotoClients, health: AwsHealth) -> None:
    now = datetime.now(UTC)
    for endpoint, variant, minutes, value in (
        ("pets", "AllTraffic", 60, 5.0),
        ("pets", "Canary", 50, 2.0),
        ("pets", "AllTraffic", 500, 100.0),
        ("toys", "AllTraffic", 60, 9.0),
    ):
        dimensions = [{"Name": "EndpointName", "Value": endpoint}, {"Name": "VariantName", "Value": variant}]
        datum = {
            "MetricName": "Invocations",
            "Dimensions": dimensions,
            "Value": value,
            "Timestamp": now - timedelta(minutes=minutes),
        }
        clients["cloudwatch"].put_metric_data(Namespace="AWS/SageMaker", MetricData=[datum])
    assert health.invocations("pets", now - timedelta(hours=6), now) == 7
    assert health.invocations("nobody", now - timedelta(hours=6), now) == 0


def described(**capture: Any) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "EndpointName": "pets",
        "EndpointArn": "arn:aws:sagemaker:us-east-1:123456789012:endpoint/pets",
        "EndpointConfigName": "pets-first",
        "EndpointStatus": "InService",
        "CreationTime": NOW,
        "LastModifiedTime": NOW,
    }
    return {**answer, "DataCaptureConfig": capture} if capture else answer


def test_an_endpoint_that_captures_one_that_does_not_and_none(clients: MotoClients, health: AwsHealth) -> None:
    capture = {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": 30,
        "DestinationS3Uri": "s3://captures/pets",
        "KmsKeyId": "",
    }
    with Stubber(clients["sagemaker"]) as stub:
        stub.add_response("describe_endpoint", described(**capture))
        stub.add_response("describe_endpoint", described(**{**capture, "EnableCapture": False}))
        stub.add_response("describe_endpoint", described())
        stub.add_client_error("describe_endpoint", "ValidationException", "Could not find endpoint")
        assert health.endpoint("pets") == EndpointState(
            status="InService",
            config="pets-first",
            capture_uri="s3://captures/pets",
            capture_status="Started",
            sampling=30,
        )
        assert health.endpoint("pets").capture_uri is None
        assert health.endpoint("pets").capture_uri is None
        with pytest.raises(NotFoundError, match="no endpoint pets"):
            health.endpoint("pets")


@pytest.mark.slow
def test_a_refused_name_is_not_taken_for_an_endpoint_that_is_gone(clients: MotoClients, health: AwsHealth) -> None:
    with Stubber(clients["sagemaker"]) as stub:
        stub.add_client_error("describe_endpoint", "ValidationException", "Value failed to satisfy constraint")
        with pytest.raises(ServiceError, match="failed to satisfy constraint"):
            health.endpoint("pets")
