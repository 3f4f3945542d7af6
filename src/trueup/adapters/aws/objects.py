"""Objects that an operator names, in whatever bucket they may read."""

from __future__ import annotations

from typing import Any

from trueup.adapters.aws.buckets import Bucket
from trueup.errors import InputError
from trueup.model import Payload


class S3Objects:
    def __init__(self, client: Any) -> None:
        self._client = client

    def get(self, uri: str) -> Payload:
        """Raises NotFoundError, InputError (no s3:// URI)."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        if not uri.startswith("s3://") or not key:
            raise InputError(f"{uri} is not an s3:// URI of an object", field="uri")
        data, content_type = Bucket(self._client, bucket).get(key)
        return Payload(data=data, content_type=content_type)
