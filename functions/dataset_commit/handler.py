"""ConsensusReached events and the schedule → commit_version, once per project and batch; then checkpoint_version."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from trueup.errors import TrueupError
from trueup.observability import Message, count, logger_of, process_messages
from trueup.settings import DatasetCommitSettings
from trueup.usecases.checkpoint_version import CheckpointVersion
from trueup.usecases.commit_version import CommitVersion
from trueup.usecases.note_failure import NoteFailure
from trueup.wiring.checkpoint_version import checkpoint_version
from trueup.wiring.commit_version import commit_version
from trueup.wiring.note_failure import note_failure

logger = logger_of("dataset_commit")


@cache
def _note() -> NoteFailure:
    return note_failure("dataset_commit", DatasetCommitSettings.from_env(os.environ).table_name)


@cache
def _commit() -> CommitVersion:
    return commit_version(DatasetCommitSettings.from_env(os.environ))


@cache
def _checkpoint() -> CheckpointVersion:
    return checkpoint_version(DatasetCommitSettings.from_env(os.environ))


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    return process_messages(event, _message, logger, _note)


def _message(record: Message) -> None:
    body = record.json()
    project, reason = _asked(body)
    for version in _commit()(project, reason):
        logger.info("version committed", project=project, version=version.version_id, number=version.number)
        count(project, {"VersionsCommitted": 1, "LabelsAdded": version.added, "LabelsChanged": version.relabelled})
    _tidy(project)


def _tidy(project: str) -> None:
    """The labels are committed, whatever becomes of this: the next message does what is left to do."""
    try:
        segments = _checkpoint()(project)
    except TrueupError as error:
        logger.warning("no checkpoint", project=project, error=str(error))
        return
    if segments is not None:
        logger.info("segments merged", project=project, segments=len(segments))


def _asked(body: dict[str, Any]) -> tuple[str, str]:
    if "detail" in body:
        return body["detail"]["data"]["project"], "labels settled"
    return body["project"], body.get("reason", "schedule")
