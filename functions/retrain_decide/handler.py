"""VersionCommitted and RetrainingConcluded events and the schedule → decide_retraining."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from trueup.observability import Log, Message, count, process_messages
from trueup.settings import RetrainDecideSettings
from trueup.usecases.decide_retraining import DecideRetraining
from trueup.usecases.note_failure import NoteFailure
from trueup.wiring.decide_retraining import decide_retraining
from trueup.wiring.note_failure import note_failure

log = Log("retrain_decide")


@cache
def _note() -> NoteFailure:
    return note_failure("retrain_decide", RetrainDecideSettings.from_env(os.environ).table_name)


@cache
def _decide() -> DecideRetraining:
    return decide_retraining(RetrainDecideSettings.from_env(os.environ))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    return process_messages(event, _message, log, _note)


def _message(record: Message) -> None:
    body = record.json()
    project = body["detail"]["data"]["project"] if "detail" in body else body["project"]
    decision = _decide()(project)
    log.info("triggers weighed", project=project, action=decision.action, rule=decision.rule, reason=decision.reason)
    count(project, {f"Decision{decision.action.capitalize()}": 1})
