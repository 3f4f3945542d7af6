"""Model package approvals (EventBridge through SQS) → promote_model."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from trueup.observability import Message, logger_of, process_messages
from trueup.settings import ModelPromoteSettings
from trueup.usecases.note_failure import NoteFailure
from trueup.usecases.promote_model import PromoteModel
from trueup.wiring.note_failure import note_failure
from trueup.wiring.promote_model import promote_model

logger = logger_of("model_promote")


@cache
def _note() -> NoteFailure:
    return note_failure("model_promote", ModelPromoteSettings.from_env(os.environ).table_name)


@cache
def _promote() -> PromoteModel:
    return promote_model(ModelPromoteSettings.from_env(os.environ))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    return process_messages(event, _message, logger, _note)


def _message(record: Message) -> None:
    arn = record.json()["detail"]["ModelPackageArn"]
    run = _promote()(arn)
    status = run.status if run is not None else "not ours"
    logger.info("model package ruled on", package=arn, status=status)
