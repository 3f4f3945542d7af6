"""The implementations of the ports that an operator's tools look through: the fakes, and the AWS adapters on moto."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import moto  # noqa: F401 - before any client is made, or moto does not see its calls
from botocore.exceptions import ClientError

from tests.contract.implementations import ROLE, TABLE, clients_of_moto, create_table
from tests.worlds import NOW
from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.dead_letters import SqsDeadLetters
from trueup.adapters.aws.failure_notes import DynamoFailureNotes
from trueup.adapters.aws.health import AwsHealth
from trueup.adapters.aws.table import Table
from trueup.adapters.memory_operations import MemoryDeadLetters, MemoryFailureNotes, MemoryHealth
from trueup.ports import (
    AlarmState,
    DeadLetter,
    DeadLetters,
    EndpointState,
    FailureNotes,
    Health,
    QueueState,
    StackState,
)


class Site(Protocol):
    """A deployment's surroundings, as a test sets them up. `queue` and `table` give what Health asks by."""

    def stack(self, name: str) -> None: ...

    def queue(self, name: str, messages: int) -> str: ...

    def table(self, name: str) -> str:
        """A table with a stream."""
        ...

    def read_queue(self, queue: str, function: str, *, enabled: bool) -> None: ...

    def read_stream(self, table: str, function: str, *, enabled: bool) -> None: ...

    def alarm(self, name: str, *, rings: bool) -> None: ...

    def endpoint(self, name: str, config: str, capture_uri: str | None) -> None: ...

    def invoked(self, endpoint: str, variant: str, times: int) -> None: ...


class MemorySite:
    def __init__(self, health: MemoryHealth) -> None:
        self._health = health

    def stack(self, name: str) -> None:
        self._health.stack_states.append(StackState(name=name, status="CREATE_COMPLETE"))

    def queue(self, name: str, messages: int) -> str:
        self._health.queues[name] = QueueState(messages=messages)
        return name

    def table(self, name: str) -> str:
        self._health.streams[name] = {}
        return name

    def read_queue(self, queue: str, function: str, *, enabled: bool) -> None:
        state = self._health.queues[queue]
        consumers = {**state.consumers, function: "Enabled" if enabled else "Disabled"}
        self._health.queues[queue] = QueueState(messages=state.messages, consumers=consumers)

    def read_stream(self, table: str, function: str, *, enabled: bool) -> None:
        self._health.streams[table][function] = "Enabled" if enabled else "Disabled"

    def alarm(self, name: str, *, rings: bool) -> None:
        if rings:
            self._health.alarms.append(AlarmState(name=name, reason="2 > 0"))

    def endpoint(self, name: str, config: str, capture_uri: str | None) -> None:
        self._health.endpoints[name] = EndpointState(status="InService", config=config, capture_uri=capture_uri)

    def invoked(self, endpoint: str, variant: str, times: int) -> None:
        self._health.counted[endpoint] = self._health.counted.get(endpoint, 0) + times


class MotoSite:
    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def stack(self, name: str) -> None:
        template = '{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}'
        self._clients["cloudformation"].create_stack(StackName=name, TemplateBody=template)

    def queue(self, name: str, messages: int) -> str:
        url = str(self._clients["sqs"].create_queue(QueueName=name)["QueueUrl"])
        for number in range(messages):
            self._clients["sqs"].send_message(QueueUrl=url, MessageBody=str(number))
        return url

    def table(self, name: str) -> str:
        self._clients["dynamodb"].create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
        )
        return name

    def read_queue(self, queue: str, function: str, *, enabled: bool) -> None:
        answer = self._clients["sqs"].get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        self._map(answer["Attributes"]["QueueArn"], function, enabled)

    def read_stream(self, table: str, function: str, *, enabled: bool) -> None:
        stream = self._clients["dynamodb"].describe_table(TableName=table)["Table"]["LatestStreamArn"]
        self._map(stream, function, enabled, StartingPosition="TRIM_HORIZON")

    def _map(self, source: str, function: str, enabled: bool, **more: str) -> None:
        self._function(function)
        self._clients["lambda"].create_event_source_mapping(
            EventSourceArn=source, FunctionName=function, Enabled=enabled, **more
        )

    def _function(self, name: str) -> None:
        role = self._clients["iam"].create_role(RoleName=name, AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        code = io.BytesIO()
        zipfile.ZipFile(code, "w").close()
        self._clients["lambda"].create_function(
            FunctionName=name, Runtime="python3.14", Role=role, Handler="h.h", Code={"ZipFile": code.getvalue()}
        )

    def alarm(self, name: str, *, rings: bool) -> None:
        self._clients["cloudwatch"].put_metric_alarm(
            AlarmName=name,
            MetricName="m",
            Namespace="n",
            Period=60,
            EvaluationPeriods=1,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
            Statistic="Sum",
        )
        if rings:
            self._clients["cloudwatch"].set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="2 > 0")

    def endpoint(self, name: str, config: str, capture_uri: str | None) -> None:
        sagemaker = self._clients["sagemaker"]
        sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "i"})
        capture = {
            "EnableCapture": capture_uri is not None,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": capture_uri or "s3://off",
            "CaptureOptions": [{"CaptureMode": "Input"}],
        }
        variant = {"ModelName": name, "InitialInstanceCount": 1, "InstanceType": "ml.m5.large", "VariantName": "v"}
        sagemaker.create_endpoint_config(
            EndpointConfigName=config, ProductionVariants=[variant], DataCaptureConfig=capture
        )
        sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)

    def invoked(self, endpoint: str, variant: str, times: int) -> None:
        dimensions = {"EndpointName": endpoint, "VariantName": variant}
        datum = {
            "MetricName": "Invocations",
            "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
            "Value": float(times),
            "Timestamp": datetime.now(UTC) - timedelta(hours=1),
        }
        self._clients["cloudwatch"].put_metric_data(Namespace="AWS/SageMaker", MetricData=[datum])


@dataclass(frozen=True)
class Operating:
    """One implementation of each, and what a test needs to set it up and look behind it."""

    letters: DeadLetters
    notes: FailureNotes
    queue: Callable[[str], str]
    fill: Callable[[str, Sequence[str]], list[str]]
    waiting: Callable[[str], int]
    health: Health
    site: Site


def operating_in_memory() -> Operating:
    notes = MemoryFailureNotes()
    letters = MemoryDeadLetters(notes)

    def fill(queue: str, bodies: Sequence[str]) -> list[str]:
        made = [DeadLetter(message_id=f"{queue}-{body}", body=body, reason="untold", sent_at=NOW) for body in bodies]
        letters.put(queue, made)
        return [each.message_id for each in made]

    health = MemoryHealth()
    return Operating(
        letters=letters,
        notes=notes,
        queue=lambda name: name,
        fill=fill,
        waiting=letters.count,
        health=health,
        site=MemorySite(health),
    )


class NoMoves:
    """moto's SQS knows no message move tasks, and says so in its own way; emulators and some queues in AWS's."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def start_message_move_task(self, **_: str) -> None:
        raise ClientError({"Error": {"Code": "UnsupportedOperation", "Message": "no"}}, "StartMessageMoveTask")


def operating_on_aws() -> Operating:
    """To be called with moto's mock_aws in force."""
    clients = clients_of_moto()
    sqs = clients["sqs"]
    create_table(clients["dynamodb"])
    notes = DynamoFailureNotes(Table(clients["dynamodb"], TABLE))

    def fill(queue: str, bodies: Sequence[str]) -> list[str]:
        return [sqs.send_message(QueueUrl=queue, MessageBody=each)["MessageId"] for each in bodies]

    return Operating(
        letters=SqsDeadLetters(NoMoves(sqs), notes, wait_seconds=0),
        notes=notes,
        queue=lambda name: str(sqs.create_queue(QueueName=name)["QueueUrl"]),
        fill=fill,
        waiting=lambda queue: _messages(sqs, queue),
        health=AwsHealth(clients),
        site=MotoSite(clients),
    )


def _messages(sqs: Any, queue: str) -> int:
    """Hidden ones included."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return sum(int(each) for each in attributes.values())
