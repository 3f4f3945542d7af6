"""Logs, metrics and batches, the same in every function.

Logs are Powertools' structured JSON. Metrics are CloudWatch embedded metric format in the namespace `trueup`,
with the project as dimension. Tracing is the function's active tracing: the X-Ray SDK is not imported, since it
costs half a second of every cold start (docs/adr/0003-no-xray-sdk.md).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit, single_metric
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.dynamo_db_stream_event import DynamoDBRecord
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

NAMESPACE = "trueup"
Answer = dict[str, Any]
# Keeps an error under the name of the message or stream record; made only when there is one.
Note = Callable[[], Callable[[str, Exception], None]]


def logger_of(service: str) -> Logger:
    """A structured logger; level from POWERTOOLS_LOG_LEVEL."""
    return Logger(service=service, log_uncaught_exceptions=True)


def count(project: str, figures: Mapping[str, float]) -> None:
    """Emit counts of one project as one embedded-metric log line."""
    metrics = Metrics(namespace=NAMESPACE, service="trueup")
    metrics.clear_metrics()
    metrics.add_dimension(name="project", value=project)
    for name, value in figures.items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
    metrics.flush_metrics()


def gauge(project: str, name: str, value: float, unit: MetricUnit) -> None:
    """Emit one figure that is not a count."""
    with single_metric(name=name, unit=unit, value=value, namespace=NAMESPACE) as metric:
        metric.add_dimension(name="project", value=project)


def process_messages(
    event: Answer, context: Any, work: Callable[[SQSRecord], object], logger: Logger, note: Note
) -> Answer:
    """Run `work` on each SQS message; those that raise are noted, reported back and come again, the others are
    done."""
    return _process(event, context, work, logger, note, EventType.SQS)


def process_stream(
    event: Answer, context: Any, work: Callable[[DynamoDBRecord], object], logger: Logger, note: Note
) -> Answer:
    """Run `work` on each DynamoDB stream record, with the same partial answer."""
    return _process(event, context, work, logger, note, EventType.DynamoDBStreams)


def _process(
    event: Answer, context: Any, work: Callable[[Any], object], logger: Logger, note: Note, kind: EventType
) -> Answer:
    def record_handler(record: Any) -> object:
        try:
            return work(record)
        except Exception as error:
            name = _name(record)
            logger.exception("a record failed", record=name)
            _note(note, name, error, logger)
            raise

    processor = BatchProcessor(event_type=kind, raise_on_entire_batch_failure=False)
    answer = process_partial_response(event=event, record_handler=record_handler, processor=processor, context=context)
    return dict(answer)


def _note(note: Note, name: str, error: Exception, logger: Logger) -> None:
    """A note that cannot be kept must not hide the failure that it is about."""
    try:
        note()(name, error)
    except Exception:
        logger.exception("the reason of a failure could not be noted", record=name)


def _name(record: Any) -> str:
    """A message's id, or a stream record's sequence number: what dead letters name them by."""
    if isinstance(record, DynamoDBRecord):
        return str(record.dynamodb.sequence_number if record.dynamodb else record.event_id)
    return str(record.message_id)
