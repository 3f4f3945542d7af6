"""How a deployment is, read from the services' own Describe calls."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from trueup.adapters.aws.clients import Clients
from trueup.adapters.aws.errors import code_of, message_of, translated
from trueup.errors import NotFoundError
from trueup.ports import AlarmState, EndpointState, Health, QueueState, StackState

_PERIOD_SECONDS = 300
_QUEUE_ATTRIBUTES = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
]


class AwsHealth(Health):
    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def identity(self) -> str:
        with translated("asking who calls"):
            return str(self._clients["sts"].get_caller_identity()["Arn"])

    def stacks(self, prefix: str) -> list[StackState]:
        with translated("reading the stacks"):
            pages = self._clients["cloudformation"].get_paginator("describe_stacks").paginate()
            found = [each for page in pages for each in page["Stacks"] if each["StackName"].startswith(prefix)]
        states = [
            StackState(name=each["StackName"], status=each["StackStatus"], reason=each.get("StackStatusReason", ""))
            for each in found
        ]
        return sorted(states, key=lambda each: each.name)

    def queue(self, url: str) -> QueueState:
        with translated(f"reading the queue {url}"):
            answer = self._clients["sqs"].get_queue_attributes(
                QueueUrl=url, AttributeNames=[*_QUEUE_ATTRIBUTES, "QueueArn"]
            )
        attributes = answer["Attributes"]
        return QueueState(
            messages=sum(int(attributes.get(each, 0)) for each in _QUEUE_ATTRIBUTES),
            consumers=self._consumers(attributes["QueueArn"]),
        )

    def stream_consumers(self, table: str) -> Mapping[str, str]:
        with translated(f"reading the table {table}"):
            stream = self._clients["dynamodb"].describe_table(TableName=table)["Table"].get("LatestStreamArn")
        return self._consumers(stream) if stream else {}

    def ringing(self, prefix: str) -> list[AlarmState]:
        with translated("reading the alarms"):
            pages = self._clients["cloudwatch"].get_paginator("describe_alarms")
            found = [
                AlarmState(name=each["AlarmName"], reason=each.get("StateReason", ""))
                for page in pages.paginate(AlarmNamePrefix=prefix, StateValue="ALARM")
                for each in page.get("MetricAlarms", [])
                if each["StateValue"] == "ALARM"
            ]
        return sorted(found, key=lambda each: each.name)

    def endpoint(self, name: str) -> EndpointState:
        with translated(f"describing the endpoint {name}"):
            try:
                found = self._clients["sagemaker"].describe_endpoint(EndpointName=name)
            except ClientError as error:
                if code_of(error) == "ValidationException" and "could not find" in message_of(error).lower():
                    raise NotFoundError(f"there is no endpoint {name}") from error
                raise
        capture = found.get("DataCaptureConfig", {})
        return EndpointState(
            status=found["EndpointStatus"],
            config=found["EndpointConfigName"],
            capture_uri=capture.get("DestinationS3Uri") if capture.get("EnableCapture") else None,
            capture_status=capture.get("CaptureStatus", ""),
            sampling=int(capture.get("CurrentSamplingPercentage", 0)),
        )

    def invocations(self, endpoint: str, since: datetime, until: datetime) -> int:
        """Summed over the variants that CloudWatch knows of the endpoint."""
        cloudwatch = self._clients["cloudwatch"]
        wanted = [{"Name": "EndpointName", "Value": endpoint}]
        with translated(f"counting the invocations of {endpoint}"):
            known = cloudwatch.list_metrics(Namespace="AWS/SageMaker", MetricName="Invocations", Dimensions=wanted)
            variants = {tuple((one["Name"], one["Value"]) for one in each["Dimensions"]) for each in known["Metrics"]}
            return sum(self._sum(each, since, until) for each in variants)

    def _sum(self, dimensions: tuple[tuple[str, str], ...], since: datetime, until: datetime) -> int:
        answer = self._clients["cloudwatch"].get_metric_statistics(
            Namespace="AWS/SageMaker",
            MetricName="Invocations",
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions],
            StartTime=since,
            EndTime=until,
            Period=_PERIOD_SECONDS,
            Statistics=["Sum"],
        )
        return round(sum(float(each["Sum"]) for each in answer["Datapoints"]))

    def _consumers(self, source: str) -> dict[str, str]:
        with translated(f"reading who consumes {source}"):
            found = self._clients["lambda"].list_event_source_mappings(EventSourceArn=source)
        return {_function(each): str(each["State"]) for each in found["EventSourceMappings"]}


def _function(mapping: Mapping[str, Any]) -> str:
    return str(mapping["FunctionArn"]).rsplit(":function:", 1)[-1]
