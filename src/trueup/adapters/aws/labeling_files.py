"""The dataset bucket, as backends/label_studio.py needs it."""

from __future__ import annotations

from typing import Any

from trueup.adapters.aws.buckets import Bucket


class S3LabelingFiles:
    def __init__(self, s3: Any, bucket: str, region: str) -> None:
        self._bucket = Bucket(s3, bucket)
        self.bucket = bucket
        self.region = region

    def payload(self, uri: str) -> bytes:
        return self._bucket.get(self._bucket.key_of(uri))[0]

    def put(self, key: str, data: bytes) -> None:
        self._bucket.put(key, data, "application/json")

    def get(self, key: str) -> bytes:
        return self._bucket.get(key)[0]
