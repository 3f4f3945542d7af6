"""Versions, retrainings and promotions → emit_lineage, for the projects that want it."""

from __future__ import annotations

import os
from datetime import datetime
from functools import cache
from typing import Any

from trueup.events import unseal
from trueup.observability import Message, count, logger_of, process_messages
from trueup.settings import LineageEmitSettings
from trueup.usecases.emit_lineage import EmitLineage
from trueup.usecases.note_failure import NoteFailure
from trueup.wiring.emit_lineage import emit_lineage
from trueup.wiring.note_failure import note_failure

logger = logger_of("lineage_emit")


@cache
def _note() -> NoteFailure:
    return note_failure("lineage_emit", LineageEmitSettings.from_env(os.environ).table_name)


@cache
def _emit() -> EmitLineage:
    return emit_lineage(LineageEmitSettings.from_env(os.environ))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    return process_messages(event, _message, logger, _note)


def _message(message: Message) -> None:
    told = message.json()
    event = unseal(told["detail-type"], told["detail"])
    emitted = _emit()(event, datetime.fromisoformat(told["detail"]["at"]))
    if emitted.unknown:
        logger.warning("SageMaker knows no such job", project=event.project, jobs=emitted.unknown)
    logger.info("lineage told", project=event.project, events=emitted.events, entities=emitted.entities)
    count(event.project, {"LineageEvents": emitted.events, "LineageEntities": emitted.entities})
