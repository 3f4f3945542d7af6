"""The schedule → collect_garbage, project by project."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from trueup.observability import Message, count, logger_of, process_messages
from trueup.settings import DatasetCollectSettings
from trueup.usecases.collect_garbage import CollectGarbage
from trueup.usecases.note_failure import NoteFailure
from trueup.wiring.collect_garbage import collect_garbage
from trueup.wiring.note_failure import note_failure

logger = logger_of("dataset_collect")


@cache
def _note() -> NoteFailure:
    return note_failure("dataset_collect", DatasetCollectSettings.from_env(os.environ).table_name)


@cache
def _collect() -> CollectGarbage:
    return collect_garbage(DatasetCollectSettings.from_env(os.environ))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    return process_messages(event, _message, logger, _note)


def _message(record: Message) -> None:
    done = _collect()(record.json()["project"])
    kept, gone = len(done.kept), done.segments + done.documents
    logger.info("garbage collected", project=done.project, kept=kept, pruned=list(done.pruned), deleted=gone)
    count(done.project, {"VersionsPruned": len(done.pruned), "ObjectsCollected": gone})
