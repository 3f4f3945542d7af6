"""VersionCommitted and RetrainingConcluded events and the schedule → decide_retraining."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from trueup.observability import Message, count, logger_of, process_messages
from trueup.settings import RetrainDecideSettings
from trueup.usecases.decide_retraining import DecideRetraining
from trueup.usecases.note_failure import NoteFailure
from trueup.wiring.decide_retraining import decide_retraining
from trueup.wiring.note_failure import note_failure

logger = logger_of("retrain_decide")


@cache
def _note() -> NoteFailure:
    return note_failure("retrain_decide", RetrainDecideSettings.from_env(os.environ).table_name)


@cache
def _decide() -> DecideRetraining:
    return decide_retraining(RetrainDecideSettings.from_env(os.environ))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    return process_messages(event, _message, logger, _note)


def _message(record: Message) -> None:
    body = record.json()
    project = body["detail"]["data"]["project"] if "detail" in body else body["project"]
    decision = _decide()(project)
    logger.info("triggers weighed", project=project, action=decision.action, rule=decision.rule, reason=decision.reason)
    count(project, {f"Decision{decision.action.capitalize()}": 1})
