"""AnnotationSubmitted events → settle_consensus."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from trueup.observability import Message, count, logger_of, process_messages
from trueup.settings import ConsensusSettleSettings
from trueup.usecases.note_failure import NoteFailure
from trueup.usecases.settle_consensus import SettleConsensus
from trueup.wiring.note_failure import note_failure
from trueup.wiring.settle_consensus import settle_consensus

logger = logger_of("consensus_settle")


@cache
def _note() -> NoteFailure:
    return note_failure("consensus_settle", ConsensusSettleSettings.from_env(os.environ).table_name)


@cache
def _settle() -> SettleConsensus:
    return settle_consensus(ConsensusSettleSettings.from_env(os.environ))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    return process_messages(event, _message, logger, _note)


def _message(record: Message) -> None:
    data = record.json()["detail"]["data"]
    verdict = _settle()(data["project"], data["task_id"])
    name = type(verdict).__name__ if verdict is not None else "AlreadySettled"
    logger.info("task judged", project=data["project"], task=data["task_id"], verdict=name)
    count(data["project"], {"Annotations": 1, f"Verdict{name}": 1})
