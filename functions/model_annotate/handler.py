"""The schedule of a project's model annotators → annotate_by_model."""

from __future__ import annotations

import os
from functools import cache, partial
from typing import Any

from trueup.observability import Message, count, logger_of, process_messages
from trueup.settings import ModelAnnotateSettings
from trueup.usecases.annotate_by_model import AnnotateByModel
from trueup.usecases.note_failure import NoteFailure
from trueup.wiring.annotate_by_model import annotate_by_model
from trueup.wiring.note_failure import note_failure

logger = logger_of("model_annotate")
# What an answer that is under way may still take.
_SPARE_SECONDS = 90


@cache
def _note() -> NoteFailure:
    return note_failure("model_annotate", ModelAnnotateSettings.from_env(os.environ).table_name)


@cache
def _annotate() -> AnnotateByModel:
    return annotate_by_model(ModelAnnotateSettings.from_env(os.environ))


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    return process_messages(event, partial(_message, context), logger, _note)


def _message(context: Any, record: Message) -> None:
    body = record.json()
    left = context.get_remaining_time_in_millis() / 1000 - _SPARE_SECONDS
    report = _annotate()(body["project"], body["model"], max(0.0, left))
    logger.info("a model annotated", project=body["project"], model=body["model"], report=report)
    figures = {
        "ModelAnswers": report.answered,
        "ModelSkips": report.skipped,
        "ModelInputTokens": report.input_tokens,
        "ModelOutputTokens": report.output_tokens,
    }
    count(body["project"], figures)
