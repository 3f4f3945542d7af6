"""Capture files that S3 announced (through EventBridge and SQS) → ingest_captures."""

from __future__ import annotations

import os
from functools import cache
from typing import Any
from urllib.parse import unquote_plus

from trueup.capture.records import parse_key
from trueup.model import CaptureFile
from trueup.observability import Message, count, logger_of, process_messages
from trueup.settings import CaptureIngestSettings
from trueup.usecases.ingest_captures import IngestCaptures
from trueup.usecases.note_failure import NoteFailure
from trueup.wiring.ingest_captures import ingest_captures
from trueup.wiring.note_failure import note_failure

logger = logger_of("capture_ingest")


@cache
def _note() -> NoteFailure:
    return note_failure("capture_ingest", CaptureIngestSettings.from_env(os.environ).table_name)


@cache
def _ingest() -> IngestCaptures:
    return ingest_captures(CaptureIngestSettings.from_env(os.environ))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    return process_messages(event, _message, logger, _note)


def _message(record: Message) -> None:
    for file in _files(record.json()):
        receipt = _ingest()(file)
        project = _ingest().projects[file.project]
        logger.info("capture file accounted for", file=file.uri, lines=receipt.lines, selected=receipt.selected)
        figures = {
            "CaptureFiles": 1,
            "CaptureLines": receipt.lines,
            # What the endpoint's own count of requests is held against: batch transforms are not of it.
            "EndpointLines": receipt.lines if file.endpoint == project.endpoint_name else 0,
            "Captures": receipt.captures,
            "CapturesQuarantined": receipt.quarantined,
            "CapturesDuplicate": receipt.duplicates,
            "Predictions": receipt.predictions,
            "Selected": receipt.selected,
        }
        count(file.project, figures)


def _files(body: dict[str, Any]) -> list[CaptureFile]:
    """Either shape that S3 speaks: an EventBridge envelope, or a notification with URL-encoded keys."""
    if "detail" in body:
        return [parse_key(body["detail"]["bucket"]["name"], body["detail"]["object"]["key"])]
    records = body.get("Records", [])
    return [parse_key(each["s3"]["bucket"]["name"], unquote_plus(each["s3"]["object"]["key"])) for each in records]
