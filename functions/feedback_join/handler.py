"""Feedback of applications → put_feedback; the schedule → join_feedback, for every project."""

from __future__ import annotations

import os
from functools import cache, partial
from typing import Any

from trueup.observability import Message, count, logger_of, process_messages
from trueup.settings import FeedbackJoinSettings
from trueup.usecases.note_failure import NoteFailure
from trueup.usecases.put_feedback import read_report
from trueup.wiring.feedback import FeedbackDesk, feedback_desk
from trueup.wiring.note_failure import note_failure

logger = logger_of("feedback_join")
SCHEDULE = {"reason": "schedule"}
# What a function that runs out of time needs to end in order.
_SPARE_SECONDS = 30


@cache
def _note() -> NoteFailure:
    return note_failure("feedback_join", FeedbackJoinSettings.from_env(os.environ).table_name)


@cache
def _desk() -> FeedbackDesk:
    return feedback_desk(FeedbackJoinSettings.from_env(os.environ))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return process_messages(event, partial(_message, context), logger, _note)


def _message(context: Any, record: Message) -> None:
    if record.json() == SCHEDULE:
        _join_all(context)
        return
    received = _desk().put(read_report(record.body.encode()))
    logger.info("feedback received", feedback=received.feedback.feedback_id, repeated=received.repeated)
    count(received.feedback.project, {"FeedbackReceived": int(not received.repeated)})


def _join_all(context: Any) -> None:
    """A project that needs less time than its share leaves it to the others."""
    projects = list(_desk().put.projects)
    for number, project in enumerate(projects):
        left = context.get_remaining_time_in_millis() / 1000 - _SPARE_SECONDS
        _join(project, max(0.0, left) / (len(projects) - number))


def _join(project: str, seconds: float) -> None:
    report = _desk().join(project, seconds)
    logger.info("feedback joined", project=project, report=report)
    figures = {f"Feedback{outcome.title()}": number for outcome, number in report.outcomes.items()}
    count(project, {"FeedbackPending": report.pending, **figures})
