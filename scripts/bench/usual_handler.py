"""A function as it is usually written: boto3, Powertools with tracer, parser and batch, numpy. It does the least that a
capture function can: one GET, the scores of the records, one put, one message."""

from __future__ import annotations

import json
import os
from typing import Any

import boto3
import numpy as np
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.parser import BaseModel

logger, metrics, tracer = Logger(service="usual"), Metrics(namespace="usual", service="usual"), Tracer(service="usual")
s3, dynamodb, sqs = boto3.client("s3"), boto3.client("dynamodb"), boto3.client("sqs")
processor = BatchProcessor(event_type=EventType.SQS)


class Metadata(BaseModel):
    eventId: str  # noqa: N815 - the wire's name


class Side(BaseModel):
    data: str


class Sides(BaseModel):
    endpointOutput: Side  # noqa: N815


class Record(BaseModel):
    captureData: Sides  # noqa: N815
    eventMetadata: Metadata  # noqa: N815


def _message(record: SQSRecord) -> None:
    place = record.json_body["detail"]
    answer = s3.get_object(Bucket=place["bucket"]["name"], Key=place["object"]["key"])
    records = [Record.model_validate_json(each) for each in answer["Body"].read().splitlines()]
    chances = np.array([json.loads(each.captureData.endpointOutput.data)["probabilities"] for each in records])
    top = np.sort(chances, axis=1)
    margins = 1 - (top[:, -1] - top[:, -2])
    chosen = records[int(margins.argmax())].eventMetadata.eventId
    item = {"pk": {"S": chosen}, "sk": {"S": "TASK"}, "score": {"N": str(margins.max())}}
    dynamodb.put_item(TableName=os.environ["TRUEUP_TABLE_NAME"], Item=item)
    sqs.send_message(QueueUrl=json.loads(os.environ["TRUEUP_ANNOTATION_QUEUE_URLS"])["bench"], MessageBody=chosen)


@logger.inject_lambda_context
@metrics.log_metrics
@tracer.capture_lambda_handler
def handler(event: dict[str, Any], context: Any) -> Any:
    metrics.add_metric(name="Files", unit="Count", value=1)
    return process_partial_response(event=event, record_handler=_message, processor=processor, context=context)
