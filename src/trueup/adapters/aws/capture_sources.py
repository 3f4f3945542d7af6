"""S3 and SQS as capture_translate needs them: objects of several buckets, and its own queue."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from trueup.adapters.aws.buckets import Bucket, blocks_of
from trueup.adapters.aws.errors import translated
from trueup.adapters.aws.objects import S3Objects
from trueup.errors import InputError, RetryableError
from trueup.model import CaptureFile, TransformPair
from trueup.ports import CaptureSources, SourceObject, TransformQueue

_BATCH = 10


class S3CaptureSources(CaptureSources):
    def __init__(self, client: Any) -> None:
        self._client = client

    def open(self, uri: str) -> SourceObject:
        """Also raises InputError (no s3:// URI)."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        if not uri.startswith("s3://") or not key:
            raise InputError(f"{uri} is not an s3:// URI of an object", field="uri")
        with translated(f"reading {uri}"):
            answer = self._client.get_object(Bucket=bucket, Key=key)
        return SourceObject(content_type=answer.get("ContentType", ""), blocks=self._blocks(uri, answer))

    def _blocks(self, uri: str, answer: Any) -> Iterator[bytes]:
        with translated(f"reading {uri}"):
            yield from blocks_of(uri, answer)

    def under(self, uri: str) -> Iterator[str]:
        return S3Objects(self._client).under(uri)

    def write(self, file: CaptureFile, data: bytes) -> None:
        Bucket(self._client, file.bucket).put_once(file.key, data, "application/json")


class SqsTransformQueue(TransformQueue):
    """One message for each object, as JSON."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def send(self, pairs: Sequence[TransformPair]) -> None:
        """Raises RetryableError when SQS refuses some: then all of them come again, which doubles nothing."""
        for start in range(0, len(pairs), _BATCH):
            batch = pairs[start : start + _BATCH]
            entries = [
                {"Id": str(index), "MessageBody": msgspec.json.encode(each).decode()}
                for index, each in enumerate(batch)
            ]
            with translated(f"sending {len(entries)} messages to {self._url}"):
                answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
            refused = answer.get("Failed", [])
            if refused:
                raise RetryableError(
                    f"SQS refused {len(refused)} of {len(entries)} objects to translate: {refused[0].get('Message')}"
                )
