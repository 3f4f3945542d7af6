"""Logs, metrics and batches, the same in every function.

Logs are Powertools' structured JSON. Metrics are CloudWatch embedded metric format in the namespace `trueup`,
with the project as dimension. Tracing is the function's active tracing: the X-Ray SDK is not imported, since it
costs half a second of every cold start (docs/adr/0003-no-xray-sdk.md). Batches are answered by hand for the same
reason (docs/adr/0007-first-answers.md).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

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


class Message(msgspec.Struct, frozen=True):
    """One message of a queue."""

    message_id: str
    body: str

    def json(self) -> dict[str, Any]:
        """Raises json.JSONDecodeError."""
        found: dict[str, Any] = json.loads(self.body)
        return found


class Change(msgspec.Struct, frozen=True):
    """One record of the table's stream, as DynamoDB says it."""

    sequence_number: str
    raw: dict[str, Any]


def process_messages(event: Answer, work: Callable[[Message], object], logger: Logger, note: Note) -> Answer:
    """Run `work` on each SQS message; those that raise are noted, reported back and come again, the others are
    done."""
    messages = [Message(message_id=each["messageId"], body=each["body"]) for each in event["Records"]]
    return _answer([each.message_id for each in messages if not _done(work, each, each.message_id, logger, note)])


def process_stream(event: Answer, work: Callable[[Change], object], logger: Logger, note: Note) -> Answer:
    """Run `work` on each record of the table's stream, with the same partial answer. DynamoDB resumes at the first that
    failed, so the records after it come again too."""
    changes = [Change(sequence_number=each["dynamodb"]["SequenceNumber"], raw=each) for each in event["Records"]]
    return _answer(
        [each.sequence_number for each in changes if not _done(work, each, each.sequence_number, logger, note)]
    )


def _done(work: Callable[[Any], object], record: Any, name: str, logger: Logger, note: Note) -> bool:
    try:
        work(record)
    except Exception as error:
        logger.exception("a record failed", record=name)
        _note(note, name, error, logger)
        return False
    return True


def _answer(failed: Sequence[str]) -> Answer:
    """What Lambda expects where ReportBatchItemFailures is on:
    docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html."""
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


def _note(note: Note, name: str, error: Exception, logger: Logger) -> None:
    """A note that cannot be kept must not hide the failure that it is about."""
    try:
        note()(name, error)
    except Exception:
        logger.exception("the reason of a failure could not be noted", record=name)
