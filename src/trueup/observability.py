"""Logs, metrics and batches, the same in every function.

Logs are JSON, a line each. Metrics are CloudWatch's embedded metric format in the namespace `trueup`, with the project
as dimension. Tracing is the function's active tracing: the X-Ray SDK is not imported, since it costs half a second of
every cold start (docs/adr/0003-no-xray-sdk.md). All of it is done by hand for the same reason
(docs/adr/0007-first-answers.md).
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

NAMESPACE = "trueup"
Answer = dict[str, Any]
# Keeps an error under the name of the message or stream record; made only when there is one.
Note = Callable[[], Callable[[str, Exception], None]]


class Log:
    """What one function has to say: a line of JSON each on the standard output, where Lambda takes it up.

    A line bears its level, the time in UTC, the service, the place in the code and the trace, and whatever fields the
    caller gives. The level is that of Lambda's own setting, AWS_LAMBDA_LOG_LEVEL, or INFO.
    """

    def __init__(self, service: str) -> None:
        self._service = service

    def info(self, message: str, **fields: Any) -> None:
        self._say(logging.INFO, message, fields)

    def warning(self, message: str, **fields: Any) -> None:
        self._say(logging.WARNING, message, fields)

    def failure(self, message: str, error: BaseException, **fields: Any) -> None:
        """`error` is told with its traceback."""
        self._say(logging.ERROR, message, {**fields, **_told(error)})

    def _say(self, level: int, message: str, fields: Mapping[str, Any]) -> None:
        if level < _least():
            return
        said_in = sys._getframe(2)
        line = {
            "level": logging.getLevelName(level),
            "location": f"{said_in.f_code.co_name}:{said_in.f_lineno}",
            "message": message,
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "service": self._service,
            **_trace(),
            **fields,
        }
        _write(line)


def count(project: str, figures: Mapping[str, float]) -> None:
    """Emit counts of one project as one embedded-metric log line:
    docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html."""
    metrics = [{"Name": each, "Unit": "Count"} for each in figures]
    directive = {"Namespace": NAMESPACE, "Dimensions": [["project", "service"]], "Metrics": metrics}
    about = {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [directive]}
    _write({"_aws": about, "project": project, "service": NAMESPACE, **figures})


def _write(line: Mapping[str, Any]) -> None:
    sys.stdout.write(f"{json.dumps(line, default=str)}\n")
    sys.stdout.flush()


def _least() -> int:
    """Lambda's TRACE and FATAL have other names here."""
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "INFO")
    return logging.getLevelNamesMapping().get({"TRACE": "DEBUG"}.get(level, level), logging.INFO)


def _told(error: BaseException) -> dict[str, str]:
    return {"exception": "".join(traceback.format_exception(error)), "exception_name": type(error).__name__}


def _trace() -> dict[str, str]:
    """X-Ray's name of the invocation: Root=1-5759e988-bd862e3fe1be46a994272793;Parent=…"""
    root = os.environ.get("_X_AMZN_TRACE_ID", "").partition(";")[0].removeprefix("Root=")
    return {"xray_trace_id": root} if root else {}


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


def process_messages(event: Answer, work: Callable[[Message], object], log: Log, note: Note) -> Answer:
    """Run `work` on each SQS message; those that raise are noted, reported back and come again, the others are
    done."""
    messages = [Message(message_id=each["messageId"], body=each["body"]) for each in event["Records"]]
    return _answer([each.message_id for each in messages if not _done(work, each, each.message_id, log, note)])


def process_stream(event: Answer, work: Callable[[Change], object], log: Log, note: Note) -> Answer:
    """Run `work` on each record of the table's stream, with the same partial answer. DynamoDB resumes at the first that
    failed, so the records after it come again too."""
    changes = [Change(sequence_number=each["dynamodb"]["SequenceNumber"], raw=each) for each in event["Records"]]
    return _answer([each.sequence_number for each in changes if not _done(work, each, each.sequence_number, log, note)])


def _done(work: Callable[[Any], object], record: Any, name: str, log: Log, note: Note) -> bool:
    try:
        work(record)
    except Exception as error:
        log.failure("a record failed", error, record=name)
        _note(note, name, error, log)
        return False
    return True


def _answer(failed: Sequence[str]) -> Answer:
    """What Lambda expects where ReportBatchItemFailures is on:
    docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html."""
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}


def _note(note: Note, name: str, error: Exception, log: Log) -> None:
    """A note that cannot be kept must not hide the failure that it is about."""
    try:
        note()(name, error)
    except Exception as unnoted:
        log.failure("the reason of a failure could not be noted", unnoted, record=name)
