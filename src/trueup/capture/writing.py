"""Capture records of our own, for what SageMaker has no data capture of records for: the same lines as its own.

Format: docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html.
"""

from __future__ import annotations

import base64
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from trueup.capture.samples import media_type
from trueup.model import Payload, content_id

_ENCODINGS = {
    "text/csv": "CSV",
    "application/json": "JSON",
    "application/jsonlines": "JSON",
    "application/x-ndjson": "JSON",
}


def event_id_of(*names: str) -> str:
    """An event id in SageMaker's form that follows from names: the same inference has the same one again."""
    return str(uuid.UUID(content_id(*names)[:32]))


def record_line(
    event_id: str,
    at: datetime,
    input: Payload | None,  # noqa: A002 - the wire's word
    output: Payload | None,
    *,
    inference_id: str | None = None,
    custom_attributes: Sequence[str] = (),
) -> bytes:
    """One line of a capture file, its end included. A side that is None is left out."""
    sides = {"endpointInput": (input, "INPUT"), "endpointOutput": (output, "OUTPUT")}
    metadata: dict[str, object] = {
        "eventId": event_id,
        "inferenceTime": f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
    }
    if inference_id:
        metadata["inferenceId"] = inference_id
    if custom_attributes:
        metadata["customAttributes"] = list(custom_attributes)
    record = {
        "captureData": {name: _side(payload, mode) for name, (payload, mode) in sides.items() if payload is not None},
        "eventMetadata": metadata,
        "eventVersion": "0",
    }
    return msgspec.json.encode(record) + b"\n"


def _side(payload: Payload, mode: str) -> dict[str, str]:
    """Text that is none, and what is neither CSV nor JSON, is base64, as in SageMaker's records."""
    encoding = _ENCODINGS.get(media_type(payload.content_type), "BASE64")
    try:
        data = payload.data.decode() if encoding != "BASE64" else ""
    except UnicodeDecodeError:
        encoding = "BASE64"
    if encoding == "BASE64":
        data = base64.b64encode(payload.data).decode()
    return {"observedContentType": payload.content_type, "mode": mode, "data": data, "encoding": encoding}
