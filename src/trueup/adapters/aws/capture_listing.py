"""Capture files by hour, as S3 lists them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from trueup.adapters.aws.errors import translated
from trueup.capture.records import parse_key
from trueup.errors import CaptureError
from trueup.model import CaptureFile
from trueup.ports import CaptureListing

_MANIFEST = ".json"


class S3CaptureListing(CaptureListing):
    """`<project>/<endpoint>/<variant>/yyyy/mm/dd/hh/` of the captures bucket: a listing a day and variant."""

    def __init__(self, client: Any, captures_bucket: str) -> None:
        self._client = client
        self._bucket = captures_bucket

    def files(self, project: str, start: datetime, end: datetime) -> Iterator[CaptureFile]:
        first, last = (f"{each.astimezone(UTC):%Y/%m/%d/%H}" for each in (start, end))
        for folder in self._variants(project):
            for day in _days(start, end):
                found = (self._file(each) for each in self._keys(f"{folder}{day}/"))
                yield from (each for each in found if each is not None and first <= each.hour <= last)

    def _file(self, key: str) -> CaptureFile | None:
        """Manifests of batch transforms lie beside capture files."""
        try:
            return None if key.endswith(_MANIFEST) else parse_key(self._bucket, key)
        except CaptureError:
            return None

    def _variants(self, project: str) -> Iterator[str]:
        for endpoint in self._folders(f"{project}/"):
            yield from self._folders(endpoint)

    def _folders(self, prefix: str) -> list[str]:
        pages = self._pages(prefix, Delimiter="/")
        return [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", [])]

    def _keys(self, prefix: str) -> Iterator[str]:
        return (each["Key"] for page in self._pages(prefix) for each in page.get("Contents", []))

    def _pages(self, prefix: str, **more: str) -> Iterator[dict[str, Any]]:
        with translated(f"listing s3://{self._bucket}/{prefix}"):
            pages = self._client.get_paginator("list_objects_v2")
            yield from pages.paginate(Bucket=self._bucket, Prefix=prefix, **more)


def _days(start: datetime, end: datetime) -> Iterator[str]:
    day, last = start.astimezone(UTC).date(), end.astimezone(UTC).date()
    while day <= last:
        yield f"{day:%Y/%m/%d}"
        day += timedelta(days=1)
