"""Objects that an operator names, in whatever bucket they may read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from trueup.adapters.aws.buckets import Bucket
from trueup.adapters.aws.errors import translated
from trueup.errors import InputError
from trueup.model import Payload


class S3Objects:
    def __init__(self, client: Any) -> None:
        self._client = client

    def get(self, uri: str) -> Payload:
        """Raises NotFoundError, InputError (no s3:// URI)."""
        bucket, key = _parts(uri)
        if not key:
            raise InputError(f"{uri} is not an s3:// URI of an object", field="uri")
        data, content_type = Bucket(self._client, bucket).get(key)
        return Payload(data=data, content_type=content_type)

    def under(self, uri: str) -> Iterator[str]:
        """Raises InputError (no s3:// URI)."""
        bucket, prefix = _parts(uri)
        with translated(f"listing {uri}"):
            for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
                for each in page.get("Contents", []):
                    yield f"s3://{bucket}/{each['Key']}"


def _parts(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise InputError(f"{uri} is not an s3:// URI", field="uri")
    return bucket, key
