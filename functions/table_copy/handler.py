"""VersionCommitted and SamplesForgotten events → copy_tables: what versions hold, for Athena."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from trueup.events import SamplesForgotten, VersionCommitted, unseal
from trueup.observability import Message, logger_of, process_messages
from trueup.settings import TableCopySettings
from trueup.usecases.copy_tables import CopyTables
from trueup.usecases.note_failure import NoteFailure
from trueup.wiring.copy_tables import copy_tables
from trueup.wiring.note_failure import note_failure

logger = logger_of("table_copy")


@cache
def _note() -> NoteFailure:
    return note_failure("table_copy", TableCopySettings.from_env(os.environ).table_name)


@cache
def _copy() -> CopyTables:
    return copy_tables(TableCopySettings.from_env(os.environ))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    return process_messages(event, _message, logger, _note)


def _message(record: Message) -> None:
    told = record.json()
    event = unseal(told["detail-type"], told["detail"])
    if isinstance(event, SamplesForgotten):
        segments = _copy().again(event.project, event.uri)
        logger.info("segments copied again", project=event.project, receipt=event.receipt, segments=len(segments))
    elif isinstance(event, VersionCommitted):
        version = _copy()(event.project, event.version_id)
        logger.info("version copied", project=version.project, number=version.number, segments=len(version.segments))
