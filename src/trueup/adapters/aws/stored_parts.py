"""Segments and documents as they lie in the dataset bucket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from trueup.adapters.aws.errors import translated
from trueup.errors import RetryableError
from trueup.model import StoredPart
from trueup.ports import StoredParts

# What one DeleteObjects takes.
_BATCH = 1000
_FOLDERS: tuple[tuple[str, Literal["segment", "document"]], ...] = (("segments", "segment"), ("versions", "document"))


class S3StoredParts(StoredParts):
    """A handle is a key with the version that S3 gave it: deleting that one never takes what was written after it. In a
    bucket without versions there is but one, and no such safety."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def parts(self, project: str) -> Iterator[StoredPart]:
        for folder, kind in _FOLDERS:
            prefix = f"{project}/{folder}/"
            with translated(f"listing s3://{self._bucket}/{prefix}"):
                pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=prefix)
                for page in pages:
                    yield from (_part(kind, prefix, each) for each in page.get("Versions", []))

    def delete(self, project: str, parts: Sequence[StoredPart]) -> None:
        for start in range(0, len(parts), _BATCH):
            objects = [_named(each) for each in parts[start : start + _BATCH]]
            with translated(f"deleting {len(objects)} objects of {project} from {self._bucket}"):
                wanted = {"Objects": objects, "Quiet": True}
                answer = self._client.delete_objects(Bucket=self._bucket, Delete=wanted)
            failed = answer.get("Errors", [])
            if failed:
                first = failed[0]
                raise RetryableError(
                    f"{len(failed)} objects of {project} were not deleted; {first['Key']}: {first['Code']}: "
                    f"{first.get('Message', '')}"
                )


def _part(kind: Literal["segment", "document"], prefix: str, found: Mapping[str, Any]) -> StoredPart:
    return StoredPart(
        kind=kind,
        name=found["Key"].removeprefix(prefix).partition(".")[0],
        handle=f"{found['VersionId']} {found['Key']}",
        bytes=found["Size"],
        written_at=found["LastModified"],
        current=found["IsLatest"],
    )


def _named(part: StoredPart) -> dict[str, str]:
    version, _, key = part.handle.partition(" ")
    return {"Key": key, "VersionId": version}
