"""The schedule and labeling job events → sync_backend, for the projects that label elsewhere."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from trueup.observability import Message, count, logger_of, process_messages
from trueup.settings import BackendSyncSettings
from trueup.usecases.note_failure import NoteFailure
from trueup.usecases.sync_backend import SyncBackend
from trueup.wiring.note_failure import note_failure
from trueup.wiring.sync_backends import sync_backends

logger = logger_of("backend_sync")


@cache
def _note() -> NoteFailure:
    return note_failure("backend_sync", BackendSyncSettings.from_env(os.environ).table_name)


@cache
def _syncs() -> dict[str, SyncBackend]:
    return sync_backends(BackendSyncSettings.from_env(os.environ))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    return process_messages(event, _message, logger, _note)


def _message(_record: Message) -> None:
    """Whatever woke us, every project is brought in step: events are hints and may be lost."""
    for project, sync in _syncs().items():
        report = sync()
        logger.info("backend synchronised", project=project, sent=report.sent, received=report.received)
        count(project, {"BackendTasksSent": report.sent, "BackendAnswersReceived": report.received})
