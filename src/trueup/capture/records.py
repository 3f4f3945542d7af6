"""SageMaker Data Capture records: object keys and JSON lines.

Format: docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html. The object key ends in
<endpoint>/<variant>/yyyy/mm/dd/hh/<file>; everything before is the destination prefix, whose last part names
the project. File names are not part of the contract and are not read.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec

from trueup.errors import CaptureError
from trueup.model import Capture, CaptureFile, Payload, Quarantined, Record

_KEY = re.compile(
    r"(?P<prefix>.+?)/(?P<endpoint>[A-Za-z0-9](?:-*[A-Za-z0-9])*)/(?P<variant>[A-Za-z0-9](?:-*[A-Za-z0-9])*)"
    r"/\d{4}/\d{2}/\d{2}/\d{2}/[^/]+"
)


class Duplicate(Record, frozen=True, kw_only=True):
    """A line whose event id was on an earlier line of the same file."""

    line: int
    event_id: str


class _Side(msgspec.Struct):
    data: str
    encoding: Literal["CSV", "JSON", "BASE64"]
    observedContentType: str | None = None  # noqa: N815 - the wire's name


class _Sides(msgspec.Struct):
    endpointInput: _Side | None = None  # noqa: N815
    endpointOutput: _Side | None = None  # noqa: N815


class _Metadata(msgspec.Struct):
    eventId: Annotated[str, msgspec.Meta(min_length=1)]  # noqa: N815
    inferenceTime: datetime  # noqa: N815
    inferenceId: str | None = None  # noqa: N815
    customAttributes: list[str] | None = None  # noqa: N815


class _Line(msgspec.Struct):
    captureData: _Sides  # noqa: N815
    eventMetadata: _Metadata  # noqa: N815


_DEFAULT_TYPE = {"CSV": "text/csv", "JSON": "application/json", "BASE64": "application/octet-stream"}
_decoder = msgspec.json.Decoder(_Line)


def parse_key(bucket: str, key: str) -> CaptureFile:
    """Read an object key. Raises CaptureError that names the key when it has not the layout of a capture."""
    match = _KEY.fullmatch(key)
    if match is None:
        raise CaptureError(
            f"s3://{bucket}/{key}: not a capture file; expected <project>/<endpoint>/<variant>/yyyy/mm/dd/hh/<file>",
            field=key,
        )
    project = match["prefix"].rsplit("/", 1)[-1]
    return CaptureFile(project=project, endpoint=match["endpoint"], variant=match["variant"], bucket=bucket, key=key)


def read_captures(lines: Iterable[tuple[int, bytes]]) -> Iterator[Capture | Quarantined | Duplicate]:
    """One item per non-blank line of (byte offset, line), in order; line numbers count from 1, blank lines
    included. A line that cannot be read is Quarantined with the reason; nothing raises."""
    seen: set[str] = set()
    for number, (offset, raw) in enumerate(lines, start=1):
        if not raw.strip():
            continue
        item = _read_line(number, offset, raw)
        if isinstance(item, Capture):
            if item.event_id in seen:
                yield Duplicate(line=number, event_id=item.event_id)
                continue
            seen.add(item.event_id)
        yield item


def _read_line(number: int, offset: int, raw: bytes) -> Capture | Quarantined:
    try:
        line = _decoder.decode(raw)
        metadata = line.eventMetadata
        return Capture(
            event_id=metadata.eventId,
            inference_time=_utc(metadata.inferenceTime),
            line=number,
            offset=offset,
            raw=raw,
            input=_payload(line.captureData.endpointInput, "endpointInput"),
            output=_payload(line.captureData.endpointOutput, "endpointOutput"),
            inference_id=metadata.inferenceId,
            custom_attributes=tuple(metadata.customAttributes or ()),
        )
    except (msgspec.MsgspecError, UnicodeDecodeError, CaptureError) as error:
        return Quarantined(line=number, offset=offset, reason=f"not a capture record: {error}", raw=raw)


def _payload(side: _Side | None, name: str) -> Payload | None:
    if side is None:
        return None
    content_type = side.observedContentType or _DEFAULT_TYPE[side.encoding]
    if side.encoding != "BASE64":
        return Payload(data=side.data.encode(), content_type=content_type)
    try:
        return Payload(data=base64.b64decode(side.data, validate=True), content_type=content_type)
    except binascii.Error as error:
        raise CaptureError(f"{name}.data is not base64: {error}") from error


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
