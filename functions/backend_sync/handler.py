"""The schedule, labeling job events and hints → sync_backends, for the projects that label elsewhere."""

from __future__ import annotations

import os
from datetime import datetime
from functools import cache
from typing import Any

from trueup.observability import Message, count, logger_of, process_messages
from trueup.settings import BackendSyncSettings
from trueup.usecases.note_failure import NoteFailure
from trueup.usecases.sync_backend import SyncReport
from trueup.usecases.sync_backends import SyncBackends
from trueup.wiring.note_failure import note_failure
from trueup.wiring.sync_backends import sync_backends

logger = logger_of("backend_sync")


@cache
def _note() -> NoteFailure:
    return note_failure("backend_sync", BackendSyncSettings.from_env(os.environ).table_name)


@cache
def _sync() -> SyncBackends:
    return sync_backends(BackendSyncSettings.from_env(os.environ))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    return process_messages(event, _message, logger, _note)


def _message(message: Message) -> None:
    """A hint names its project and its time; whatever else woke us, all are brought in step: events may be lost."""
    told = message.json()
    at = datetime.fromisoformat(told["at"]) if told.get("reason") == "hint" else None
    outcomes = _sync()(told.get("project") if at else None, at)
    for project, outcome in outcomes.items():
        if isinstance(outcome, SyncReport):
            _report(project, outcome)
    failures = [each for each in outcomes.values() if isinstance(each, Exception)]
    if failures:
        raise failures[0]


def _report(project: str, report: SyncReport) -> None:
    logger.info("backend synchronised", project=project, sent=report.sent, received=report.received)
    figures = {"BackendTasksSent": report.sent, "BackendAnswersReceived": report.received}
    count(project, {**figures, "BackendAnswersWithdrawn": report.withdrawn})
