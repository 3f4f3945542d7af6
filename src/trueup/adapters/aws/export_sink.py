"""Exports into S3: a file is one request, or where it is large a multipart upload, of which one part is held."""

from __future__ import annotations

import mimetypes
from collections.abc import Iterable, Iterator
from typing import Any

from trueup.adapters.aws.buckets import Bucket
from trueup.adapters.aws.errors import translated
from trueup.errors import InputError, NotFoundError
from trueup.ports import ExportSink

_PART = 8 * 1024 * 1024
# An upload has up to 10,000 parts: each thousand of them is twice as large as the one before, for 5 TB in all.
_STEP = 1000


class S3ExportSink(ExportSink):
    """A prefix of a bucket. Raises NotFoundError (no such bucket), InputError (no s3:// URI)."""

    def __init__(self, client: Any, uri: str) -> None:
        name, _, prefix = uri.removeprefix("s3://").partition("/")
        if not uri.startswith("s3://") or not name:
            raise InputError(f"{uri} is not an s3:// URI", field="--to")
        self._client = client
        self._bucket = Bucket(client, name)
        self._prefix = prefix if prefix.endswith("/") or not prefix else f"{prefix}/"

    @property
    def root(self) -> str:
        return self._bucket.uri(self._prefix)

    def holds_anything(self) -> bool:
        return next(self._bucket.keys(self._prefix), None) is not None

    def read(self, path: str) -> bytes | None:
        try:
            return self._bucket.get(self._key(path))[0]
        except NotFoundError:
            return None

    def write(self, path: str, chunks: Iterable[bytes]) -> None:
        key = self._key(path)
        content_type = mimetypes.guess_type(path)[0] or "application/octet-stream"
        parts = _parts(chunks)
        first = next(parts, b"")
        second = next(parts, None)
        if second is None:
            self._bucket.put(key, first, content_type)
            return
        with translated(f"writing {self._bucket.uri(key)}"):
            self._upload(key, content_type, first, second, parts)

    def remove(self, path: str) -> None:
        key = self._key(path)
        with translated(f"removing {self._bucket.uri(key)}"):
            self._client.delete_object(Bucket=self._bucket.name, Key=key)

    def _key(self, path: str) -> str:
        return f"{self._prefix}{path}"

    def _upload(self, key: str, content_type: str, first: bytes, second: bytes, rest: Iterator[bytes]) -> None:
        """What was uploaded of one that fails is given up: S3 would charge for it."""
        place = {"Bucket": self._bucket.name, "Key": key}
        begun = self._client.create_multipart_upload(**place, ContentType=content_type, ChecksumAlgorithm="SHA256")
        place["UploadId"] = begun["UploadId"]
        try:
            done = [
                self._part(place, number, data) for number, data in enumerate(_chained(first, second, rest), start=1)
            ]
            self._client.complete_multipart_upload(**place, MultipartUpload={"Parts": done})
        except BaseException:
            self._client.abort_multipart_upload(**place)
            raise

    def _part(self, place: dict[str, str], number: int, data: bytes) -> dict[str, Any]:
        answer = self._client.upload_part(**place, PartNumber=number, Body=data, ChecksumAlgorithm="SHA256")
        return {"PartNumber": number, "ETag": answer["ETag"], "ChecksumSHA256": answer["ChecksumSHA256"]}


def _chained(first: bytes, second: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield second
    yield from rest


def _parts(chunks: Iterable[bytes]) -> Iterator[bytes]:
    held = bytearray()
    number = 0
    for each in chunks:
        held += each
        while len(held) >= _size(number):
            yield bytes(held[: _size(number)])
            del held[: _size(number)]
            number += 1
    if held:
        yield bytes(held)


def _size(number: int) -> int:
    return _PART << number // _STEP
