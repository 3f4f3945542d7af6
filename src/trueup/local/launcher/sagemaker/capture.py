"""Data Capture: sampled records in SageMaker's format, buffered, written as JSON Lines under its key layout."""

from __future__ import annotations

import base64
import json
import random
import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from trueup.local.launcher.sagemaker.world import World

_FLUSH_LINES = 500


@dataclass(frozen=True)
class Exchange:
    """One invocation, as the variant saw it."""

    endpoint: str
    variant: str
    body: bytes
    content_type: str
    answer: bytes
    answer_type: str
    inference_id: str | None
    custom_attributes: str | None


def record_of(exchange: Exchange, config: dict[str, Any], event_id: str, at: datetime) -> dict[str, Any]:
    """The capture record (model-monitor-data-capture-endpoint): the configured sides, encoded by content type."""
    modes = {each["CaptureMode"] for each in config["CaptureOptions"]}
    types = config.get("CaptureContentTypeHeader", {})
    sides: dict[str, Any] = {}
    if modes & {"Input", "InputAndOutput"}:
        sides["endpointInput"] = _side(exchange.body, exchange.content_type, "INPUT", types)
    if modes & {"Output", "InputAndOutput"}:
        sides["endpointOutput"] = _side(exchange.answer, exchange.answer_type, "OUTPUT", types)
    metadata: dict[str, Any] = {"eventId": event_id, "inferenceTime": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
    if exchange.inference_id:
        metadata["inferenceId"] = exchange.inference_id
    if exchange.custom_attributes:
        metadata["customAttributes"] = [exchange.custom_attributes]
    return {"captureData": sides, "eventMetadata": metadata, "eventVersion": "0"}


def object_key(prefix: str, endpoint: str, variant: str, at: datetime, name: str) -> str:
    """{prefix}/{endpoint}/{variant}/yyyy/mm/dd/hh/MM-SS-mmm-{uuid}.jsonl, in UTC."""
    stamp = f"{at:%M-%S}-{at.microsecond // 1000:03d}"
    return f"{prefix.rstrip('/')}/{endpoint}/{variant}/{at:%Y/%m/%d/%H}/{stamp}-{name}.jsonl"


class CaptureBuffers:
    """Buffers per endpoint and variant, flushed by time, by size and at the end."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._random = random.Random(0)  # noqa: S311 - samples traffic, keeps no secret
        self._closing = threading.Event()
        self._spool = world.settings.state / "sagemaker" / "captures.json"
        self._buffers = self._left_over()
        world.background(self._flush_by_time)

    def add(self, exchange: Exchange, config: dict[str, Any] | None) -> None:
        if not config or not config.get("EnableCapture"):
            return
        with self._lock:
            if self._random.random() * 100 >= config["InitialSamplingPercentage"]:
                return
            record = record_of(exchange, config, str(uuid.uuid4()), datetime.now(UTC))
            key = (config["DestinationS3Uri"], exchange.endpoint, exchange.variant)
            lines = self._buffers.setdefault(key, [])
            lines.append(json.dumps(record, separators=(",", ":")))
            full = len(lines) >= _FLUSH_LINES
        if full:
            self.flush()

    def flush(self) -> None:
        """What cannot be written is kept for the next time: capture is best effort on SageMaker, but a stand-in
        that loses records would hide our own losses."""
        with self._lock:
            full, self._buffers = self._buffers, {}
        for key, lines in full.items():
            uri = object_key(*key, datetime.now(UTC), str(uuid.uuid4()))
            try:
                self._world.put(uri, "".join(f"{line}\n" for line in lines).encode())
            except Exception as error:
                print(f"capture: {uri}: {error}", flush=True)  # noqa: T201
                self._keep(key, lines)

    def close(self) -> None:
        """Leave what is buffered to the next start: the embedded S3 ends with this process."""
        self._closing.set()
        with self._lock:
            left = [[*key, lines] for key, lines in self._buffers.items()]
        if left:
            self._spool.parent.mkdir(parents=True, exist_ok=True)
            self._spool.write_text(json.dumps(left))

    def _left_over(self) -> dict[tuple[str, str, str], list[str]]:
        if not self._spool.is_file():
            return {}
        left = json.loads(self._spool.read_text())
        self._spool.unlink()
        return {(destination, endpoint, variant): lines for destination, endpoint, variant, lines in left}

    def _keep(self, key: tuple[str, str, str], lines: list[str]) -> None:
        with self._lock:
            self._buffers[key] = [*lines, *self._buffers.get(key, [])]

    def _flush_by_time(self) -> None:
        self._world.await_aws()
        while not self._closing.wait(self._world.settings.capture_seconds):
            self.flush()


def _side(data: bytes, content_type: str, mode: str, types: dict[str, list[str]]) -> dict[str, str]:
    media = content_type.partition(";")[0].strip().lower()
    encoding = "BASE64"
    if media in types.get("CsvContentTypes", []):
        encoding = "CSV"
    elif media in types.get("JsonContentTypes", []):
        encoding = "JSON"
    text = base64.b64encode(data).decode() if encoding == "BASE64" else data.decode("utf-8", "replace")
    return {"observedContentType": content_type, "mode": mode, "data": text, "encoding": encoding}
