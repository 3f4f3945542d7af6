"""What Athena reads: each segment once as Parquet, and each version as a list of segments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from trueup.adapters.aws.buckets import Bucket
from trueup.adapters.integrations.duck import parquet_of
from trueup.model import Change, DatasetVersion
from trueup.ports import SegmentTables

LINES_PREFIX = "tables/lines/"
VERSIONS_PREFIX = "tables/versions/"


class S3SegmentTables(SegmentTables):
    """Under `tables/` of the dataset's bucket, in a folder for each project, as partitions of Hive are named."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def has(self, project: str, sha256: str) -> bool:
        return self._bucket.holds(lines_key(project, sha256))

    def put(self, project: str, sha256: str, lines: Iterable[Change]) -> None:
        data = parquet_of(sha256, lines)
        self._bucket.put_once(lines_key(project, sha256), data, "application/vnd.apache.parquet")

    def put_version(self, version: DatasetVersion) -> None:
        rows = [_row(version, position, each.sha256) for position, each in enumerate(version.segments)]
        data = b"".join(msgspec.json.encode(each) + b"\n" for each in rows)
        key = f"{VERSIONS_PREFIX}project={version.project}/{version.number:010d}.jsonl"
        self._bucket.put(key, data, "application/jsonlines")


def lines_key(project: str, sha256: str) -> str:
    """Where the lines of a segment are for Athena."""
    return f"{LINES_PREFIX}project={project}/{sha256}.parquet"


def _row(version: DatasetVersion, position: int, segment: str) -> dict[str, Any]:
    return {
        "version": version.number,
        "version_id": version.version_id,
        "branch": version.branch,
        "created_at": version.created_at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3],
        "reason": version.reason,
        "made_by": version.by,
        "position": position,
        "segment": segment,
    }
