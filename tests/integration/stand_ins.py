"""Clients that answer what moto never does: throttling, races, broken streams."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError
from botocore.response import StreamingBody


def refusal(code: str, message: str = "no", status: int = 400, operation: str = "SomeCall", **more: Any) -> ClientError:
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}, **more}
    return ClientError(answer, operation)


def cancellation(*reasons: str) -> ClientError:
    codes = [{"Code": each} for each in reasons]
    return refusal("TransactionCanceledException", operation="TransactWriteItems", CancellationReasons=codes)


class Scripted:
    """Answers each call of any operation with the next of `answers`; errors are raised, functions called with the
    request. `calls` keeps what came."""

    def __init__(self, *answers: Any) -> None:
        self._answers = list(answers)
        self.calls: list[tuple[str, dict[str, Any]]] = []

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def call(**request: Any) -> Any:
            self.calls.append((operation, request))
            answer = self._answers.pop(0) if self._answers else {}
            if isinstance(answer, Exception):
                raise answer
            return answer(request) if callable(answer) else answer

        return call

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [request for _, request in self.calls]


class Endless(io.RawIOBase):
    """`count` copies of `block`, made while they are read."""

    def __init__(self, block: bytes, count: int) -> None:
        self._block = block
        self._left = len(block) * count
        self._at = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        wanted = self._left if size < 0 else min(size, self._left)
        start = self._at % len(self._block)
        data = self._block[start : start + wanted]
        self._at += len(data)
        self._left -= len(data)
        return data


def body(data: bytes, length: int | None = None) -> StreamingBody:
    """A body of S3; a `length` beyond the data is a connection that drops."""
    return StreamingBody(io.BytesIO(data), len(data) if length is None else length)


class MemoryJobs:
    """Labeling jobs whose files lie in a dictionary."""

    bucket = "trueup-dataset"

    def __init__(self, region: str = "eu-central-1", missing: Exception | None = None) -> None:
        self.region = region
        self.objects_by_key: dict[str, bytes] = {}
        self.created: list[Mapping[str, Any]] = []
        self.state = "InProgress"
        self.published: list[tuple[str, str]] = []
        self.stopped: list[str] = []
        self._missing = missing or RuntimeError("set the error of a missing object")

    def create(self, request: Mapping[str, Any]) -> None:
        self.created.append(request)

    def status(self, name: str) -> str:
        if all(each["LabelingJobName"] != name for each in self.created):
            raise self._missing
        return self.state

    def put(self, key: str, data: bytes) -> str:
        self.objects_by_key[key] = data
        return f"s3://{self.bucket}/{key}"

    def read(self, uri: str) -> bytes:
        key = uri.removeprefix(f"s3://{self.bucket}/")
        if key not in self.objects_by_key:
            raise self._missing
        return self.objects_by_key[key]

    def keys(self, prefix: str) -> Sequence[str]:
        return [key for key, _ in self.objects(prefix)]

    def publish(self, topic: str, messages: Sequence[str]) -> None:
        self.published += [(topic, each) for each in messages]

    def stop(self, name: str) -> None:
        self.stopped.append(name)

    def objects(self, prefix: str) -> Sequence[tuple[str, bytes]]:
        return sorted(each for each in self.objects_by_key.items() if each[0].startswith(prefix))
