"""Feedback in DynamoDB, from its arrival until its capture is found or will not be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from trueup.adapters.aws.table import (
    FRESH,
    ConditionFailedError,
    Key,
    Table,
    Write,
    journal_writes,
    put,
    record_of,
    stamp,
)
from trueup.model import Feedback, FeedbackSearch, FeedbackState, FeedbackStatus
from trueup.ports import FeedbackStore, Journal

_KEPT = timedelta(days=400)
_OPEN = (FeedbackStatus.PENDING, FeedbackStatus.JOINED)


class DynamoFeedbackStore(FeedbackStore):
    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, feedback: Feedback) -> bool:
        state = FeedbackState(feedback=feedback)
        try:
            self._table.write([_write(state, condition=FRESH)])
        except ConditionFailedError:
            return self._again(state)
        return True

    def _again(self, state: FeedbackState) -> bool:
        before = self.get(state.feedback.project, state.feedback.feedback_id)
        if before is None or before.status in _OPEN:
            return False
        try:
            self._table.write([_write(state, condition="waiting = :done", values={":done": 0})])
        except ConditionFailedError:
            return False
        return True

    def get(self, project: str, feedback_id: str) -> FeedbackState | None:
        item = self._table.get(*_key(project, feedback_id))
        return record_of(item, FeedbackState) if item else None

    def by_status(self, project: str, status: FeedbackStatus, limit: int) -> list[FeedbackState]:
        found = self._table.query(_status_key(project, status), index=True, newest_first=True, limit=limit)
        return [record_of(each, FeedbackState) for each in found]

    def save(self, state: FeedbackState, journal: Journal) -> bool:
        write = _write(state, condition="waiting = :pending", values={":pending": 1})
        try:
            self._table.write([write, *journal_writes(journal)])
        except ConditionFailedError:
            return False
        return True

    def search(self, project: str) -> FeedbackSearch:
        item = self._table.get(*_search_key(project))
        return record_of(item, FeedbackSearch) if item else FeedbackSearch(project=project)

    def save_search(self, search: FeedbackSearch) -> None:
        self._table.write([put(_search_key(search.project), search)])


def _write(state: FeedbackState, *, condition: str, values: dict[str, int] | None = None) -> Write:
    feedback, pending = state.feedback, state.status is FeedbackStatus.PENDING
    ends: dict[str, Any] = {} if pending else {"expires_at": int((feedback.received_at + _KEPT).timestamp())}
    return put(
        _key(feedback.project, feedback.feedback_id),
        state,
        condition=condition,
        values=values,
        waiting=int(pending),
        gsi1pk=_status_key(feedback.project, state.status),
        gsi1sk=f"{stamp(feedback.received_at)}#{feedback.feedback_id}",
        **ends,
    )


def _key(project: str, feedback_id: str) -> Key:
    return f"P#{project}#FEEDBACK#{feedback_id}", "FEEDBACK"


def _status_key(project: str, status: FeedbackStatus) -> str:
    return f"P#{project}#FEEDBACK#{status.value}"


def _search_key(project: str) -> Key:
    return f"P#{project}#SEARCH", "SEARCH"
