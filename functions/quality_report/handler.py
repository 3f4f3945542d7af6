"""The schedule → report_quality, project by project."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from trueup.observability import Message, count, logger_of, process_messages
from trueup.settings import QualityReportSettings
from trueup.usecases.note_failure import NoteFailure
from trueup.usecases.report_quality import ReportQuality
from trueup.wiring.note_failure import note_failure
from trueup.wiring.report_quality import report_quality

logger = logger_of("quality_report")


@cache
def _note() -> NoteFailure:
    return note_failure("quality_report", QualityReportSettings.from_env(os.environ).table_name)


@cache
def _report() -> ReportQuality:
    return report_quality(QualityReportSettings.from_env(os.environ))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    return process_messages(event, _message, logger, _note)


def _message(record: Message) -> None:
    made = _report()(record.json()["project"])
    drifting = [each.annotator for each in made.annotators if each.drifts]
    logger.info("quality reported", project=made.project, answers=made.looked_at, drifting=drifting)
    count(made.project, {"AnnotatorsDrifting": len(drifting)})
