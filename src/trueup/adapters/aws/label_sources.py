"""Where labels are imported from: S3, this machine, and labeling jobs by their name."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any, BinaryIO

from botocore.exceptions import ClientError

from trueup.adapters.aws.buckets import Bucket
from trueup.adapters.aws.errors import code_of, translated
from trueup.adapters.local_sources import place_on_disk
from trueup.dataset.sources import Source, within
from trueup.errors import InputError, NotFoundError, RetryableError
from trueup.ports import LabelingOutput, LabelPlace, LabelSources

_BUFFER = 256 * 1024
_ATTEMPTS = 4
_NO_SUCH_JOB = frozenset({"ResourceNotFound", "ResourceNotFoundException", "ValidationException"})


class S3Files(Source):
    """Objects of a bucket whose keys begin with a prefix."""

    def __init__(self, client: Any, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket = Bucket(client, bucket)
        self._prefix = prefix

    @property
    def place(self) -> str:
        return self._bucket.uri(self._prefix)

    def names(self, under: str = "") -> Iterator[str]:
        keys = self._bucket.keys(f"{self._prefix}{under}")
        return (each.removeprefix(self._prefix) for each in keys if not each.endswith("/"))

    def open(self, name: str) -> BinaryIO:
        if name.startswith("s3://"):
            return s3_stream(self._client, name)
        return s3_stream(self._client, self._bucket.uri(f"{self._prefix}{within(name)}"))


class AwsLabelSources(LabelSources):
    def __init__(self, s3: Any, sagemaker: Any) -> None:
        self._s3 = s3
        self._sagemaker = sagemaker

    def at(self, place: str) -> LabelPlace:
        if not place.startswith("s3://"):
            return place_on_disk(place, lambda uri: s3_stream(self._s3, uri))
        bucket, key = _parts(place)
        keys = iter(Bucket(self._s3, bucket).keys(key))
        first = next(keys, None)
        if first is None:
            raise NotFoundError(f"{place} is not there: no object's name begins so")
        folder, _, file = key.rpartition("/")
        if first == key and file:
            return LabelPlace(source=S3Files(self._s3, bucket, f"{folder}/" if folder else ""), file=file)
        return LabelPlace(source=S3Files(self._s3, bucket, key if not key or key.endswith("/") else f"{key}/"))

    def job(self, name: str) -> LabelingOutput:
        with translated(f"describing the labeling job {name}"):
            try:
                found = self._sagemaker.describe_labeling_job(LabelingJobName=name)
            except ClientError as error:
                if code_of(error) in _NO_SUCH_JOB:
                    raise NotFoundError(f"there is no labeling job {name}") from error
                raise
        path = str(found["OutputConfig"]["S3OutputPath"]).rstrip("/")
        return LabelingOutput(
            place=f"{path}/{name}/",
            attribute=found.get("LabelAttributeName"),
            status=str(found["LabelingJobStatus"]),
        )


def s3_stream(client: Any, uri: str) -> BinaryIO:
    """An object as a seekable stream. Raises NotFoundError, InputError (no URI of an object)."""
    bucket, key = _parts(uri)
    if not key:
        raise InputError(f"{uri} is not an s3:// URI of an object", field="uri")
    return io.BufferedReader(_Object(client, bucket, key), _BUFFER)


class _Object(io.RawIOBase):
    """Read in one request from its beginning, and in another one from wherever a reader goes or a connection drops: the
    same bytes, or an error when they changed meanwhile."""

    def __init__(self, client: Any, bucket: str, key: str) -> None:
        self._client = client
        self._names = {"Bucket": bucket, "Key": key}
        self._uri = f"s3://{bucket}/{key}"
        self._at = 0
        answer = self._get()
        self._etag, self._size = answer["ETag"], int(answer["ContentLength"])
        self._body: Any = answer["Body"]

    def _get(self, **more: str) -> Any:
        with translated(f"reading {self._uri}"):
            return self._client.get_object(**self._names, **more)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset != self._at:
            self._drop()
            self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        for attempt in range(_ATTEMPTS):
            try:
                chunk = self._next(len(buffer))
            except RetryableError:
                self._drop()
                if attempt == _ATTEMPTS - 1:
                    raise
                continue
            buffer[: len(chunk)] = chunk
            self._at += len(chunk)
            return len(chunk)
        raise AssertionError

    def _next(self, most: int) -> bytes:
        if self._at >= self._size:
            return b""
        if self._body is None:
            self._body = self._get(Range=f"bytes={self._at}-", IfMatch=self._etag)["Body"]
        with translated(f"reading {self._uri}"):
            chunk: bytes = self._body.read(most)
        if not chunk:
            raise RetryableError(f"reading {self._uri}: the connection ended at byte {self._at:,} of {self._size:,}")
        return chunk

    def _drop(self) -> None:
        if self._body is not None:
            self._body.close()
        self._body = None

    def close(self) -> None:
        if not self.closed:
            self._drop()
        super().close()


def _parts(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    if not uri.startswith("s3://") or not bucket:
        raise InputError(f"{uri} is not an s3:// URI", field="uri")
    return bucket, key
