"""Receipts of capture files and the label budget, in DynamoDB."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta

from trueup.adapters.aws.table import (
    FRESH,
    ConditionFailedError,
    Item,
    Key,
    Table,
    Write,
    journal_writes,
    put,
    record_of,
    stamp,
)
from trueup.errors import RetryableError
from trueup.model import Budget, CaptureFile, Drawn, FileReceipt, Record, Reservation
from trueup.ports import CaptureLedger, Journal
from trueup.selection.budget import allocate

_ATTEMPTS = 20
# Losers of a race come back after this many seconds times the number of their losses, at random.
_PAUSE = 0.02
_KEPT = timedelta(days=400)
_LATEST = 200


class _Plan(Record, frozen=True, kw_only=True):
    """`done` is what an earlier call reserved; `spends` maps a period to the labels taken from it and its limit."""

    granted: Mapping[str, int] = {}
    spends: Mapping[str, tuple[int, int | None]] = {}
    done: Reservation | None = None


class DynamoCaptureLedger(CaptureLedger):
    def __init__(self, table: Table, pause: Callable[[float], None] = time.sleep) -> None:
        self._table = table
        self._sleep = pause

    def begun(self, file: CaptureFile) -> tuple[FileReceipt | None, Reservation | None]:
        receipt, reservation = (_file_pk(file), "RECEIPT"), _reservation_key(file.project, file.file_id)
        found = self._table.get_many([receipt, reservation])
        return (
            record_of(found[receipt], FileReceipt) if receipt in found else None,
            record_of(found[reservation], Reservation) if reservation in found else None,
        )

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

    def reserve(
        self,
        project: str,
        name: str,
        at: datetime,
        wanted: Mapping[str, int],
        budget: Budget,
        draw: Callable[[Mapping[str, int]], Drawn] | None = None,
    ) -> Reservation:
        for attempt in range(_ATTEMPTS):
            plan = self._plan(project, name, at, wanted, budget)
            if plan.done is not None:
                return plan.done
            found = Reservation(granted=plan.granted, drawn=draw(plan.granted) if draw else Drawn())
            try:
                self._table.write(_reservation(project, name, found, plan, at))
            except ConditionFailedError:
                self._pause(attempt)
                continue
            return found
        raise RetryableError(f"the budget of {project} is contended: {_ATTEMPTS} attempts lost the race")

    def left(self, project: str, at: datetime, budget: Budget) -> Mapping[str, int | None]:
        limits = budget.limits(at)
        used = self._table.get_many((_budget_pk(project), each) for each in limits)
        return {
            period: None if limit is None else max(0, limit - _used(used, project, period))
            for period, limit in limits.items()
        }

    def _plan(self, project: str, name: str, at: datetime, wanted: Mapping[str, int], budget: Budget) -> _Plan:
        """What would be granted now, and by what it would be bounded: one read."""
        limits = budget.limits(at)
        own = {reason: budget.limits_of(reason, at) for reason in wanted}
        periods = [*limits, *[period for each in own.values() for period in each]]
        own_key = _reservation_key(project, name)
        found = self._table.get_many([own_key, *[(_budget_pk(project), each) for each in periods]])
        if own_key in found:
            return _Plan(done=record_of(found[own_key], Reservation))

        def left(bounds: Mapping[str, int | None]) -> list[int]:
            return [each - _used(found, project, period) for period, each in bounds.items() if each is not None]

        mine = {reason: min(left(each)) for reason, each in own.items() if each}
        granted = allocate(wanted, min(left(limits), default=None), mine, name)
        spends = {period: (sum(granted.values()), limit) for period, limit in limits.items()}
        for reason, each in own.items():
            spends |= {period: (granted[reason], limit) for period, limit in each.items()}
        return _Plan(granted=granted, spends=spends)

    def receipts(self, project: str, since: datetime) -> Iterator[FileReceipt]:
        found = self._table.query(f"P#{project}#RECEIPTS", at_least=stamp(since), index=True)
        return (record_of(each, FileReceipt) for each in found)

    def latest(self, project: str) -> Iterator[FileReceipt]:
        found = self._table.query(f"P#{project}#RECEIPTS", index=True, newest_first=True, limit=_LATEST)
        return (record_of(each, FileReceipt) for each in found)

    def _pause(self, losses: int) -> None:
        self._sleep(random.uniform(0, _PAUSE * (losses + 1)))  # noqa: S311 - spreads retries, keeps no secret


def _used(found: Mapping[Key, Item], project: str, period: str) -> int:
    item = found.get((_budget_pk(project), period))
    return int(item["used"]) if item else 0


def _reservation(project: str, name: str, found: Reservation, plan: _Plan, at: datetime) -> list[Write]:
    reserved = put(_reservation_key(project, name), found, condition=FRESH)
    spends = [_spend(project, period, number, limit, at) for period, (number, limit) in plan.spends.items() if number]
    return [reserved, *spends]


def _spend(project: str, period: str, granted: int, limit: int | None, at: datetime) -> Write:
    values: dict[str, object] = {":zero": 0, ":granted": granted}
    if limit is not None:
        values[":most"] = limit - granted
    update = "SET used = if_not_exists(used, :zero) + :granted"
    if not period.startswith("TOTAL"):
        values[":expires"] = int((at + _KEPT).timestamp())
        update += ", expires_at = :expires"
    return Write(
        action="Update",
        key=(_budget_pk(project), period),
        update=update,
        condition="attribute_not_exists(used) OR used <= :most" if limit is not None else None,
        values=values,
    )


def _file_pk(file: CaptureFile) -> str:
    return f"P#{file.project}#FILE#{file.file_id}"


def _reservation_key(project: str, name: str) -> Key:
    return f"P#{project}#FILE#{name}", "BUDGET"


def _budget_pk(project: str) -> str:
    return f"P#{project}#BUDGET"
