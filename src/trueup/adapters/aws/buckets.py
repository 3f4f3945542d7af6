"""S3: capture files are streamed, everything of ours is written once under its content hash."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from trueup.adapters.aws.errors import code_of, translated
from trueup.adapters.aws.quarantine import put_away, taken_out
from trueup.capture.lines import whole_lines
from trueup.errors import CaptureError, InputError, NotFoundError, RetryableError
from trueup.model import CaptureFile, Payload, Quarantined
from trueup.ports import BadLines, CaptureArchive, PayloadStore, Quarantine

_CHUNK = 256 * 1024
_ATTEMPTS = 4
_THERE = frozenset({"PreconditionFailed", "412"})
_GONE = frozenset({"NoSuchKey", "404"})
_RACE = frozenset({"ConditionalRequestConflict", "409"})
# The content type of what lies where a payload was that is forgotten.
FORGOTTEN_TYPE = "application/x-trueup-forgotten"


class Bucket:
    """The few S3 calls that the stores need, on one bucket."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self.name = name

    def put_once(self, key: str, data: bytes, content_type: str) -> None:
        """Create, or leave alone what is there: names are content hashes. S3 checks the bytes by SHA-256.

        S3 answers 412 when the object is there, and 409 when another request for the same key is under way, after
        which it may be there or not: then the put is tried again. Raises RetryableError when that goes on.
        """
        for _ in range(_ATTEMPTS):
            with translated(f"writing {self.uri(key)}"):
                try:
                    self._put(key, data, content_type, IfNoneMatch="*")
                except ClientError as error:
                    if code_of(error) in _THERE:
                        return
                    if code_of(error) not in _RACE:
                        raise
                else:
                    return
        raise RetryableError(f"writing {self.uri(key)}: others write it at the same time, {_ATTEMPTS} times")

    def put(self, key: str, data: bytes, content_type: str) -> None:
        with translated(f"writing {self.uri(key)}"):
            self._put(key, data, content_type)

    def _put(self, key: str, data: bytes, content_type: str, **more: str) -> None:
        self._client.put_object(
            Bucket=self.name, Key=key, Body=data, ContentType=content_type, ChecksumAlgorithm="SHA256", **more
        )

    def keys(self, prefix: str) -> Iterator[str]:
        """In their order."""
        with translated(f"listing {self.uri(prefix)}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
            for page in pages:
                yield from (each["Key"] for each in page.get("Contents", []))

    def metadata(self, key: str) -> dict[str, str] | None:
        """What was put beside an object; None where there is none. S3 tells that only to those that may list the
        bucket: others are denied (PermissionDeniedError) what is not there."""
        with translated(f"looking for {self.uri(key)}"):
            try:
                return dict(self._client.head_object(Bucket=self.name, Key=key)["Metadata"])
            except ClientError as error:
                if code_of(error) not in _GONE:
                    raise
                return None

    def move(self, key: str, to: str) -> None:
        """Copy, then delete. One that is gone was moved before."""
        with translated(f"moving {self.uri(key)}"):
            try:
                self._client.copy_object(Bucket=self.name, Key=to, CopySource={"Bucket": self.name, "Key": key})
            except ClientError as error:
                if code_of(error) not in _GONE:
                    raise
                return
            self._client.delete_object(Bucket=self.name, Key=key)

    def get(self, key: str) -> tuple[bytes, str]:
        """Bytes and content type. Raises NotFoundError."""
        with translated(f"reading {self.uri(key)}"):
            answer = self._client.get_object(Bucket=self.name, Key=key)
            return answer["Body"].read(), answer.get("ContentType", "")

    def presign(self, key: str, seconds: int) -> str:
        with translated(f"signing {self.uri(key)}"):
            return str(
                self._client.generate_presigned_url(
                    "get_object", Params={"Bucket": self.name, "Key": key}, ExpiresIn=seconds
                )
            )

    def uri(self, key: str) -> str:
        return f"s3://{self.name}/{key}"

    def key_of(self, uri: str) -> str:
        """Raises InputError for an object of another bucket: nothing outside ours is read on request."""
        prefix = f"s3://{self.name}/"
        if not uri.startswith(prefix):
            raise InputError(f"{uri} is not in the bucket {self.name}", field="uri")
        return uri.removeprefix(prefix)


class S3CaptureArchive(CaptureArchive):
    """Reads any capture bucket by the file's own name; quarantine goes to the dataset bucket."""

    def __init__(self, client: Any, dataset_bucket: str) -> None:
        self._client = client
        self._bucket = Bucket(client, dataset_bucket)

    def blocks(self, file: CaptureFile) -> Iterator[bytes]:
        """Also raises CaptureError for a broken gzip stream."""
        with translated(f"reading {file.uri}"):
            yield from blocks_of(file.uri, self._client.get_object(Bucket=file.bucket, Key=file.key))

    def quarantine(self, file: CaptureFile, items: Sequence[Quarantined], part: int = 1) -> str:
        """A line's bytes lie in `raw` as text, or in `raw_base64` when they are no UTF-8."""
        name = file.file_id if part == 1 else f"{file.file_id}.{part:04d}"
        key = f"{file.project}/quarantine/{name}.json"
        self._bucket.put(key, put_away(file.uri, items), "application/json")
        return self._bucket.uri(key)


def blocks_of(uri: str, answer: Mapping[str, Any]) -> Iterator[bytes]:
    """The body of a GetObject answer, unzipped, in blocks of whole lines. Raises CaptureError for a broken gzip
    stream."""
    zipped = uri.endswith(".gz") or "gzip" in answer.get("ContentEncoding", "")
    try:
        yield from whole_lines(_stream(answer["Body"], zipped).readinto)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CaptureError(f"{uri}: the gzip stream ends early or is broken: {error}") from error


def _stream(body: Any, zipped: bool) -> Any:
    raw = _Body(body)
    return gzip.GzipFile(fileobj=io.BufferedReader(raw, _CHUNK)) if zipped else raw


class S3Quarantine(Quarantine):
    """`<project>/quarantine/` of the dataset bucket; what was released lies under `<project>/replayed/`."""

    def __init__(self, client: Any, dataset_bucket: str) -> None:
        self._client = client
        self._bucket = Bucket(client, dataset_bucket)

    def parts(self, project: str) -> Iterator[BadLines]:
        for key in self._bucket.keys(f"{project}/quarantine/"):
            yield taken_out(key, self._bucket.get(key)[0])

    def release(self, part: BadLines, file: CaptureFile, data: bytes) -> None:
        Bucket(self._client, file.bucket).put_once(file.key, data, "application/json")
        self._bucket.move(part.name, part.name.replace("/quarantine/", "/replayed/", 1))


class S3PayloadStore(PayloadStore):
    def __init__(self, client: Any, dataset_bucket: str) -> None:
        self._bucket = Bucket(client, dataset_bucket)

    def put(self, project: str, sample_id: str, payload: Payload) -> str:
        key = payload_key(project, sample_id)
        self._bucket.put_once(key, payload.data, payload.content_type)
        return self._bucket.uri(key)

    def get(self, uri: str) -> Payload:
        data, content_type = self._bucket.get(self._bucket.key_of(uri))
        if content_type == FORGOTTEN_TYPE:
            raise NotFoundError(f"{uri} was forgotten: trueup forget list tells when")
        return Payload(data=data, content_type=content_type)

    def presign(self, uri: str, seconds: int) -> str:
        return self._bucket.presign(self._bucket.key_of(uri), seconds)


def payload_key(project: str, sample_id: str) -> str:
    return f"{project}/payloads/{sample_id[:2]}/{sample_id}"


class _Body(io.RawIOBase):
    """botocore's streaming body as a raw stream, so that lines are cut without reading the object whole."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._body.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
