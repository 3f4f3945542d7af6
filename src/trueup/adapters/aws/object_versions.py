"""Objects of a bucket with every version that S3 keeps of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trueup.adapters.aws.errors import translated
from trueup.errors import ServiceError
from trueup.model import Record

# DeleteObjects takes so many.
_BATCH = 1000
# What S3 calls the version of an object in a bucket that keeps none.
_ONLY = "null"


class Stored(Record, frozen=True, kw_only=True):
    """One version of an object; a `marker` says that it was deleted, `latest` that it is what readers get."""

    key: str
    version: str
    marker: bool = False
    latest: bool = True


class Versions:
    """Every version of the objects of a bucket."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self.bucket = bucket

    def under(self, prefix: str) -> Iterator[Stored]:
        """In the order of keys."""
        with translated(f"listing s3://{self.bucket}/{prefix}"):
            pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix)
            for page in pages:
                found = [_stored(each, marker=False) for each in page.get("Versions", [])]
                found += [_stored(each, marker=True) for each in page.get("DeleteMarkers", [])]
                yield from sorted(found, key=lambda each: each.key)

    def open(self, stored: Stored) -> Any:
        with translated(f"reading s3://{self.bucket}/{stored.key}"):
            return self._client.get_object(Bucket=self.bucket, Key=stored.key, VersionId=stored.version)["Body"]

    def erase(self, stored: Sequence[Stored]) -> None:
        """Raises ServiceError for what S3 would not delete."""
        for start in range(0, len(stored), _BATCH):
            names = [{"Key": each.key, "VersionId": each.version} for each in stored[start : start + _BATCH]]
            with translated(f"deleting {len(names)} objects of {self.bucket}"):
                answer = self._client.delete_objects(Bucket=self.bucket, Delete={"Objects": names, "Quiet": True})
            for refused in answer.get("Errors", []):
                raise ServiceError(
                    f"deleting s3://{self.bucket}/{refused.get('Key')}: {refused.get('Code')}: {refused.get('Message')}"
                )

    def erase_but(self, key: str, put: Mapping[str, Any]) -> None:
        """Whatever is kept of a key beside what was `put` there, by what S3 answered to that."""
        stays = put.get("VersionId") or _ONLY
        self.erase([each for each in self.under(key) if each.key == key and each.version != stays])

    def erase_under(self, prefix: str) -> list[str]:
        """Returns the URIs of what is gone."""
        found = list(self.under(prefix))
        self.erase(found)
        return self.uris(found)

    def uris(self, stored: Sequence[Stored]) -> list[str]:
        return sorted({f"s3://{self.bucket}/{each.key}" for each in stored if not each.marker})


def _stored(raw: Any, *, marker: bool) -> Stored:
    return Stored(key=raw["Key"], version=raw["VersionId"], marker=marker, latest=raw.get("IsLatest", True))
