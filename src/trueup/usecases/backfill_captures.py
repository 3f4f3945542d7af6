"""Old capture files come through the ordinary ingest: a workflow announces them, as S3 announces new ones.

A file that was ingested before has its receipt and changes nothing, so any part of this may be repeated, beside live
traffic too. Files are taken from the ingest queue as fast as the ingest's concurrency allows, and buy labels from the
budget of the hour in which they are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from trueup.errors import InputError
from trueup.model import Record, content_id
from trueup.ports import Execution, Workflows

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
# The input of an execution has an end: 256 KiB.
MOST_PREFIXES = 1000


class Backfill(Record, frozen=True, kw_only=True):
    """Which files: those under `prefixes` of the captures bucket. `name` follows from them, so that the same again is
    the same execution."""

    name: str
    bucket: str
    prefixes: tuple[str, ...]


@dataclass(frozen=True)
class BackfillCaptures:
    workflows: Workflows

    def plan(self, capture_uri: str, endpoint: str, variant: str, start: datetime, end: datetime) -> Backfill:
        """The hours from `start` up to and without `end`, whole days as one. Raises InputError when there are none, or
        too many."""
        bucket, _, folder = capture_uri.removeprefix("s3://").partition("/")
        root = f"{folder.strip('/')}/{endpoint}/{variant}"
        prefixes = tuple(f"{root}/{each}/" for each in _folders(_hour(start), end.astimezone(UTC)))
        if not prefixes:
            raise InputError(f"from {start:%Y-%m-%dT%H} to {end:%Y-%m-%dT%H} there is no hour", field="--to")
        if len(prefixes) > MOST_PREFIXES:
            raise InputError(
                f"{len(prefixes):,} days and hours are too many for one run: take a shorter time", field="--to"
            )
        digest = content_id(bucket, *prefixes)[:16]
        return Backfill(name=f"{endpoint[:48]}-{digest}", bucket=bucket, prefixes=prefixes)

    def __call__(self, plan: Backfill) -> Execution:
        """Start it; one that failed goes on, one that runs or is done is left alone."""
        document = {"bucket": plan.bucket, "prefixes": msgspec.to_builtins(plan.prefixes)}
        return self.workflows.start_backfill(plan.name, document)


def _folders(hour: datetime, end: datetime) -> Iterator[str]:
    while hour < end:
        if hour.hour == 0 and hour + _DAY <= end:
            yield f"{hour:%Y/%m/%d}"
            hour += _DAY
        else:
            yield f"{hour:%Y/%m/%d/%H}"
            hour += _HOUR


def _hour(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
