"""ConsensusReached events and the schedule → commit_version, once per project and batch."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from trueup.observability import Message, count, logger_of, process_messages
from trueup.settings import DatasetCommitSettings
from trueup.usecases.commit_version import CommitVersion
from trueup.usecases.note_failure import NoteFailure
from trueup.wiring.commit_version import commit_version
from trueup.wiring.note_failure import note_failure

logger = logger_of("dataset_commit")


@cache
def _note() -> NoteFailure:
    return note_failure("dataset_commit", DatasetCommitSettings.from_env(os.environ).table_name)


@cache
def _commit() -> CommitVersion:
    return commit_version(DatasetCommitSettings.from_env(os.environ))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    return process_messages(event, _message, logger, _note)


def _message(record: Message) -> None:
    body = record.json()
    project, reason = _asked(body)
    for version in _commit()(project, reason):
        logger.info("version committed", project=project, version=version.version_id, number=version.number)
        count(project, {"VersionsCommitted": 1, "LabelsAdded": version.added, "LabelsChanged": version.relabelled})


def _asked(body: dict[str, Any]) -> tuple[str, str]:
    if "detail" in body:
        return body["detail"]["data"]["project"], "labels settled"
    return body["project"], body.get("reason", "schedule")
