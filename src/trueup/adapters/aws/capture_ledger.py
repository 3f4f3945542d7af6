"""Receipts of capture files and the label budget, in DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from trueup.adapters.aws.table import FRESH, ConditionFailedError, Table, Write, journal_writes, put, record_of, stamp
from trueup.errors import RetryableError
from trueup.model import CaptureFile, FileReceipt
from trueup.ports import CaptureLedger, Journal

_ATTEMPTS = 20


class DynamoCaptureLedger(CaptureLedger):
    def __init__(self, table: Table) -> None:
        self._table = table

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

    def reserve(self, file: CaptureFile, day: date, wanted: int, per_day: int, total: int | None) -> int:
        for _ in range(_ATTEMPTS):
            before = self._table.get(_file_pk(file), "BUDGET")
            if before is not None:
                return int(before["granted"])
            granted = max(0, min(wanted, per_day - self._used(file, _day_key(day)), self._left(file, total)))
            try:
                self._table.write(_reservation(file, day, granted, per_day, total))
            except ConditionFailedError:
                continue
            return granted
        raise RetryableError(f"the budget of {file.project} is contended: {_ATTEMPTS} attempts lost the race")

    def receipts(self, project: str, since: datetime) -> Iterator[FileReceipt]:
        found = self._table.query(f"P#{project}#RECEIPTS", at_least=stamp(since), index=True)
        return (record_of(each, FileReceipt) for each in found)

    def _used(self, file: CaptureFile, key: str) -> int:
        item = self._table.get(_budget_pk(file), key)
        return int(item["used"]) if item else 0

    def _left(self, file: CaptureFile, total: int | None) -> int:
        return total - self._used(file, "TOTAL") if total is not None else 2**31


def _reservation(file: CaptureFile, day: date, granted: int, per_day: int, total: int | None) -> list[Write]:
    reserved = put((_file_pk(file), "BUDGET"), {"granted": granted}, condition=FRESH, granted=granted)
    if granted == 0:
        return [reserved]
    limits = [(_day_key(day), per_day), ("TOTAL", total)]
    return [reserved, *[_spend(file, key, granted, limit) for key, limit in limits]]


def _spend(file: CaptureFile, key: str, granted: int, limit: int | None) -> Write:
    values = {":zero": 0, ":granted": granted}
    if limit is not None:
        values[":most"] = limit - granted
    return Write(
        action="Update",
        key=(_budget_pk(file), key),
        update="SET used = if_not_exists(used, :zero) + :granted",
        condition="attribute_not_exists(used) OR used <= :most" if limit is not None else None,
        values=values,
    )


def _file_pk(file: CaptureFile) -> str:
    return f"P#{file.project}#FILE#{file.file_id}"


def _budget_pk(file: CaptureFile) -> str:
    return f"P#{file.project}#BUDGET"


def _day_key(day: date) -> str:
    return f"DAY#{day.isoformat()}"
