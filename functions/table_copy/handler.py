"""VersionCommitted events → copy_tables: what a version holds, for Athena."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

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
    data = record.json()["detail"]["data"]
    version = _copy()(data["project"], data["version_id"])
    logger.info("version copied", project=version.project, number=version.number, segments=len(version.segments))
