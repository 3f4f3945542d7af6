"""Outbox items on the table's stream → publish_events."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from trueup.adapters.aws.outbox import envelope_from
from trueup.errors import RetryableError
from trueup.observability import Change, logger_of, process_stream
from trueup.settings import EventPublishSettings
from trueup.usecases.note_failure import NoteFailure
from trueup.usecases.publish_events import PublishEvents
from trueup.wiring.note_failure import note_failure
from trueup.wiring.publish_events import publish_events

logger = logger_of("event_publish")


@cache
def _note() -> NoteFailure:
    return note_failure("event_publish", EventPublishSettings.from_env(os.environ).table_name)


@cache
def _publish() -> PublishEvents:
    return publish_events(EventPublishSettings.from_env(os.environ))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    return process_stream(event, _record, logger, _note)


def _record(record: Change) -> None:
    envelope = envelope_from(record.raw)
    if envelope is None:
        return
    if _publish()([envelope]):
        raise RetryableError(f"the bus refused event {envelope.event_id} ({envelope.event_type})")
