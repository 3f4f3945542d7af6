"""Receipts of capture files and the label budget, in DynamoDB."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from trueup.adapters.aws.table import FRESH, ConditionFailedError, Table, Write, journal_writes, put, record_of, stamp
from trueup.errors import RetryableError
from trueup.model import Budget, CaptureFile, FileReceipt
from trueup.ports import CaptureLedger, Journal

_ATTEMPTS = 20
# Losers of a race come back after this many seconds times the number of their losses, at random.
_PAUSE = 0.02
_KEPT = timedelta(days=400)


class DynamoCaptureLedger(CaptureLedger):
    def __init__(self, table: Table, pause: Callable[[float], None] = time.sleep) -> None:
        self._table = table
        self._sleep = pause

    def receipt(self, file: CaptureFile) -> FileReceipt | None:
        item = self._table.get(_file_pk(file), "RECEIPT")
        return record_of(item, FileReceipt) if item else None

    def close(self, receipt: FileReceipt, journal: Journal) -> bool:
        project = receipt.file.project
        write = put(
            (_file_pk(receipt.file), "RECEIPT"),
            receipt,
            condition=FRESH,
            gsi1pk=f"P#{project}#RECEIPTS",
            gsi1sk=f"{stamp(receipt.ingested_at)}#{receipt.file.file_id}",
        )
        try:
            self._table.write([write, *journal_writes(journal)])
        except ConditionFailedError:
            return False
        return True

    def reserve(self, file: CaptureFile, at: datetime, wanted: int, budget: Budget) -> int:
        limits = budget.limits(at)
        for attempt in range(_ATTEMPTS):
            before = self._table.get(_file_pk(file), "BUDGET")
            if before is not None:
                return int(before["granted"])
            granted = max(0, min(wanted, *self._left(file, limits)))
            try:
                self._table.write(_reservation(file, granted, limits, at))
            except ConditionFailedError:
                self._pause(attempt)
                continue
            return granted
        raise RetryableError(f"the budget of {file.project} is contended: {_ATTEMPTS} attempts lost the race")

    def receipts(self, project: str, since: datetime) -> Iterator[FileReceipt]:
        found = self._table.query(f"P#{project}#RECEIPTS", at_least=stamp(since), index=True)
        return (record_of(each, FileReceipt) for each in found)

    def _pause(self, losses: int) -> None:
        self._sleep(random.uniform(0, _PAUSE * (losses + 1)))  # noqa: S311 - spreads retries, keeps no secret

    def _left(self, file: CaptureFile, limits: Mapping[str, int | None]) -> list[int]:
        return [limit - self._used(file, key) for key, limit in limits.items() if limit is not None]

    def _used(self, file: CaptureFile, key: str) -> int:
        item = self._table.get(_budget_pk(file), key)
        return int(item["used"]) if item else 0


def _reservation(file: CaptureFile, granted: int, limits: Mapping[str, int | None], at: datetime) -> list[Write]:
    reserved = put((_file_pk(file), "BUDGET"), {"granted": granted}, condition=FRESH, granted=granted)
    if granted == 0:
        return [reserved]
    return [reserved, *[_spend(file, key, granted, limit, at) for key, limit in limits.items()]]


def _spend(file: CaptureFile, key: str, granted: int, limit: int | None, at: datetime) -> Write:
    values: dict[str, object] = {":zero": 0, ":granted": granted}
    if limit is not None:
        values[":most"] = limit - granted
    update = "SET used = if_not_exists(used, :zero) + :granted"
    if key != "TOTAL":
        values[":expires"] = int((at + _KEPT).timestamp())
        update += ", expires_at = :expires"
    return Write(
        action="Update",
        key=(_budget_pk(file), key),
        update=update,
        condition="attribute_not_exists(used) OR used <= :most" if limit is not None else None,
        values=values,
    )


def _file_pk(file: CaptureFile) -> str:
    return f"P#{file.project}#FILE#{file.file_id}"


def _budget_pk(file: CaptureFile) -> str:
    return f"P#{file.project}#BUDGET"
