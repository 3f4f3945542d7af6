"""What Athena reads: each segment once as Parquet, and each version as a list of segments."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from trueup.adapters.aws.buckets import Bucket
from trueup.adapters.aws.errors import translated
from trueup.adapters.aws.object_versions import Versions
from trueup.adapters.integrations.duck import parquet_of
from trueup.model import Change, DatasetVersion
from trueup.ports import SegmentTables
from trueup.settings import copies_of

VERSIONS_PREFIX = "tables/versions/"
# Metadata of a copy; one without is of the segment itself.
_MADE_OF = "made-of"


class S3SegmentTables(SegmentTables):
    """Under `tables/` of the dataset's bucket, in a folder for each project, as partitions of Hive are named."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = Bucket(client, bucket)
        self._versions = Versions(client, bucket)

    def made_of(self, project: str, sha256: str) -> str | None:
        told = self._bucket.metadata(lines_key(project, sha256))
        return None if told is None else told.get(_MADE_OF, sha256)

    def put(self, project: str, sha256: str, made_of: str, lines: Iterable[Change]) -> None:
        key, data = lines_key(project, sha256), parquet_of(sha256, lines)
        with translated(f"writing {self._bucket.uri(key)}"):
            answer = self._client.put_object(
                Bucket=self._bucket.name,
                Key=key,
                Body=data,
                ContentType="application/vnd.apache.parquet",
                ChecksumAlgorithm="SHA256",
                Metadata={_MADE_OF: made_of},
            )
        self._versions.erase_but(key, answer)

    def put_version(self, version: DatasetVersion) -> None:
        rows = [_row(version, position, each.sha256) for position, each in enumerate(version.segments)]
        data = b"".join(msgspec.json.encode(each) + b"\n" for each in rows)
        key = f"{VERSIONS_PREFIX}project={version.project}/{version.number:010d}.jsonl"
        self._bucket.put(key, data, "application/jsonlines")


def lines_key(project: str, sha256: str) -> str:
    """Where the lines of a segment are for Athena."""
    return f"{copies_of(project)}{sha256}.parquet"


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
