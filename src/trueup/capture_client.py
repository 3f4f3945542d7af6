"""Data capture for what SageMaker does not capture: serverless endpoints, and models that are served elsewhere.

    from trueup.capture_client import CaptureClient

    with CaptureClient("s3://…/tickets", endpoint="tickets") as captures:
        captures.capture(b"1,2,3", b'{"probabilities": [0.2, 0.8]}', input_type="text/csv")
        answer = captures.invoke(EndpointName="tickets", Body=b"1,2,3", ContentType="text/csv")

The first argument is the project's capture URI, as `trueup status --json` tells it. Records and object keys are those
of SageMaker's own capture (docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html), so that
all the rest of trueup sees no difference. Needs botocore, or boto3, and nothing else of trueup.

Serving comes first: `capture` takes microseconds, never waits for S3 and never raises. Records are written by a thread
of their own, many to an object. What does not fit into memory, or cannot be written, is dropped, counted in `dropped`,
and told once by the logger trueup.capture_client.
"""

from __future__ import annotations

import atexit
import base64
import io
import json
import logging
import os
import random
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

_JSON_TYPES = frozenset({"application/json", "application/jsonlines", "application/x-ndjson"})
_CSV_TYPES = frozenset({"text/csv"})
_ATTEMPTS = 4
_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE = 20.0
_log = logging.getLogger(__name__)
Bytes = bytes | str


class CaptureClient:
    """Writes captures of one endpoint to S3.

    `sampling` is the share of calls that is captured, 0 to 1. An object is written when `flush_records` or
    `flush_bytes` wait, or something has waited for `flush_seconds`. `max_bytes` may wait in all; what comes then is
    dropped. `s3` and `runtime` are boto3 or botocore clients, made from the environment where none is given. Threads
    may share a client, and so may processes that are forked after it was made. Raises ValueError for arguments that
    could never work.
    """

    def __init__(
        self,
        uri: str,
        endpoint: str,
        *,
        variant: str = "AllTraffic",
        sampling: float = 1.0,
        s3: Any = None,
        runtime: Any = None,
        flush_records: int = 1_000,
        flush_bytes: int = 4_000_000,
        flush_seconds: float = 60.0,
        max_bytes: int = 32_000_000,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        bucket, _, prefix = uri.removeprefix("s3://").partition("/")
        if not uri.startswith("s3://") or not bucket or not prefix.strip("/"):
            raise ValueError(f"{uri!r} is no capture URI: use s3://bucket/project, as `trueup status --json` tells it")
        if not 0.0 <= sampling <= 1.0:
            raise ValueError(f"sampling is {sampling}: use a share from 0 to 1")
        self._bucket, self._folder = bucket, f"{prefix.strip('/')}/{endpoint}/{variant}"
        self._endpoint, self._sampling = endpoint, sampling
        self._s3, self._runtime = s3, runtime
        self._limits = (flush_records, flush_bytes, flush_seconds)
        self._max_bytes = max_bytes
        self._now = now
        self._pause = pause
        self._closed = False
        self._told = False
        self._begin()

    def _begin(self) -> None:
        """With nothing waiting."""
        self._process = os.getpid()
        self._changed = threading.Condition()
        self._waiting: list[tuple[datetime, bytes]] = []
        self._size = 0
        self._bytes = 0
        self._since = 0.0
        self._writing = 0
        self._flushing = 0
        self._dropped = 0
        self._writer: threading.Thread | None = None

    @property
    def dropped(self) -> int:
        """Records that were lost."""
        with self._changed:
            return self._dropped

    def capture(
        self,
        input: Bytes,  # noqa: A002 - the wire's word
        output: Bytes,
        *,
        input_type: str = "application/json",
        output_type: str = "application/json",
        inference_id: str | None = None,
        custom_attributes: Sequence[str] = (),
        event_id: str | None = None,
    ) -> str | None:
        """Capture one call. Returns its event id, or None when it was not sampled or was dropped; never raises."""
        try:
            self._own()
            if self._sampling < 1.0 and random.random() >= self._sampling:  # noqa: S311 - no secret
                return None
            at, name = self._now(), event_id or str(uuid.uuid4())
            metadata: dict[str, Any] = {"eventId": name, "inferenceTime": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"}
            if inference_id:
                metadata["inferenceId"] = inference_id
            if custom_attributes:
                metadata["customAttributes"] = list(custom_attributes)
            sides = {
                "endpointInput": _side("INPUT", input, input_type),
                "endpointOutput": _side("OUTPUT", output, output_type),
            }
            record = {"captureData": sides, "eventMetadata": metadata, "eventVersion": "0"}
            return name if self._add(at, json.dumps(record, separators=(",", ":")).encode()) else None
        except Exception:
            self._drop(1, "a call could not be captured")
            return None

    def invoke(self, **request: Any) -> Any:
        """SageMaker Runtime's InvokeEndpoint, captured: the same request, answer and errors."""
        runtime = self._runtime = self._runtime or _client("sagemaker-runtime")
        answer = runtime.invoke_endpoint(**request)
        body = answer["Body"].read()
        attributes = request.get("CustomAttributes")
        self.capture(
            request.get("Body", b""),
            body,
            input_type=request.get("ContentType", "application/octet-stream"),
            output_type=answer.get("ContentType", "application/octet-stream"),
            inference_id=request.get("InferenceId"),
            custom_attributes=[attributes] if attributes else (),
        )
        return {**answer, "Body": io.BytesIO(body)}

    def flush(self, timeout: float | None = None) -> bool:
        """Wait until all that waits now is written or dropped, as before a Lambda function is frozen. False when that
        takes longer than `timeout` seconds."""
        self._own()
        with self._changed:
            self._flushing += 1
            self._changed.notify_all()
            try:
                return self._changed.wait_for(lambda: not self._waiting and not self._writing, timeout)
            finally:
                self._flushing -= 1

    def close(self, timeout: float | None = 30.0) -> None:
        """Write what waits, and stop. What is captured later is dropped."""
        self.flush(timeout)
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        atexit.unregister(self.close)

    def __enter__(self) -> CaptureClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _own(self) -> None:
        """After a fork, as of a model server's workers: threads stay behind, what waits is the parent's to write."""
        if self._process != os.getpid():
            self._begin()

    def _add(self, at: datetime, record: bytes) -> bool:
        with self._changed:
            if self._closed or self._bytes + len(record) > self._max_bytes:
                full = "the client is closed" if self._closed else f"{self._bytes:,} bytes wait for S3 already"
            else:
                if not self._waiting:
                    self._since = time.monotonic()
                self._waiting.append((at, record))
                self._size += len(record)
                self._bytes += len(record)
                self._start()
                if self._due():
                    self._changed.notify_all()
                return True
        self._drop(1, full)
        return False

    def _start(self) -> None:
        if self._writer is None:
            self._writer = threading.Thread(target=self._write_on, name="trueup-captures", daemon=True)
            self._writer.start()
            atexit.register(self.close)

    def _due(self) -> bool:
        if not self._waiting:
            return False
        records, size, seconds = self._limits
        enough = len(self._waiting) >= records or self._size >= size
        return enough or self._closed or self._flushing > 0 or time.monotonic() - self._since >= seconds

    def _write_on(self) -> None:
        while batch := self._next():
            for folder, records in _by_hour(batch).items():
                self._put(folder, records)
            with self._changed:
                self._writing = 0
                self._bytes -= sum(len(each) for _, each in batch)
                self._changed.notify_all()

    def _next(self) -> list[tuple[datetime, bytes]]:
        """What is to be written now; waits for it. Nothing once the client is closed."""
        with self._changed:
            while not self._due():
                if self._closed:
                    return []
                late = self._since + self._limits[2] - time.monotonic() if self._waiting else None
                self._changed.wait(late if late is None else max(0.01, late))
            batch, self._waiting, self._size = self._waiting, [], 0
            self._writing = len(batch)
            return batch

    def _put(self, hour: str, records: Sequence[bytes]) -> None:
        key = f"{self._folder}/{hour}/{self._now():%M-%S}-{uuid.uuid4()}.jsonl"
        body = b"".join(each + b"\n" for each in records)
        problem = ""
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._pause(min(_LONGEST_PAUSE, _PAUSE_SECONDS * 4 ** (attempt - 1)))
            try:
                s3 = self._s3 = self._s3 or _client("s3")
                s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType="application/json")
            except Exception as error:
                problem = str(error)
            else:
                return
        self._drop(len(records), f"writing s3://{self._bucket}/{key}: {problem}")

    def _drop(self, records: int, reason: str) -> None:
        with self._changed:
            self._dropped += records
            told, self._told = self._told, True
        if not told:
            _log.warning("captures are lost, counted in `dropped` from now on: %s", reason)


def _by_hour(batch: Sequence[tuple[datetime, bytes]]) -> dict[str, list[bytes]]:
    """The folder of an object says the hour of its records."""
    found: dict[str, list[bytes]] = {}
    for at, record in batch:
        found.setdefault(f"{at.astimezone(UTC):%Y/%m/%d/%H}", []).append(record)
    return found


def _side(mode: str, data: Bytes, kind: str) -> dict[str, str]:
    """As SageMaker does where its header lists CSV and JSON types; text that is neither, and bytes, are base64."""
    media = kind.partition(";")[0].strip().lower()
    encoding = "CSV" if media in _CSV_TYPES else "JSON" if media in _JSON_TYPES else "BASE64"
    raw = data.encode() if isinstance(data, str) else bytes(data)
    try:
        text = raw.decode() if encoding != "BASE64" else base64.b64encode(raw).decode()
    except UnicodeDecodeError:
        encoding, text = "BASE64", base64.b64encode(raw).decode()
    return {"observedContentType": kind, "mode": mode, "data": text, "encoding": encoding}


def _client(service: str) -> Any:
    import botocore.session

    return botocore.session.get_session().create_client(service)
