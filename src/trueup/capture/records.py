"""SageMaker Data Capture records: object keys and JSON lines.

Format: docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html. The object key ends in
<endpoint>/<variant>/yyyy/mm/dd/hh/<file>; everything before is the destination prefix, whose last part names
the project. File names are not part of the contract and are not read.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec

from trueup.errors import CaptureError
from trueup.model import Capture, CaptureFile, Payload, Quarantined, Record

_KEY = re.compile(
    r"(?:.*/)?(?P<project>[^/]+)/(?P<endpoint>[A-Za-z0-9](?:-*[A-Za-z0-9])*)/(?P<variant>[A-Za-z0-9](?:-*[A-Za-z0-9])*)"
    r"/[0-9]{4}/[0-9]{2}/[0-9]{2}/[0-9]{2}/[^/]+"
)
# What becomes of it: an event id is part of a table key, which DynamoDB bounds, and a content type a header of S3.
_EventId = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_ContentType = Annotated[str, msgspec.Meta(max_length=256, pattern=r"^[ -~]*\Z")]


class Duplicate(Record, frozen=True, kw_only=True):
    """A line whose event id was on an earlier line of the same file."""

    line: int
    event_id: str


class Joined(Record, frozen=True, kw_only=True):
    """A line that held the other side of an event of an earlier line, and is part of that capture."""

    line: int
    event_id: str


class _Side(msgspec.Struct):
    data: str
    encoding: Literal["CSV", "JSON", "BASE64"]
    observedContentType: _ContentType | None = None  # noqa: N815 - the wire's name


class _Sides(msgspec.Struct):
    endpointInput: _Side | None = None  # noqa: N815
    endpointOutput: _Side | None = None  # noqa: N815


class _Metadata(msgspec.Struct):
    eventId: _EventId  # noqa: N815
    inferenceTime: datetime  # noqa: N815
    inferenceId: str | None = None  # noqa: N815
    customAttributes: list[str] | None = None  # noqa: N815


class _Line(msgspec.Struct):
    captureData: _Sides  # noqa: N815
    eventMetadata: _Metadata  # noqa: N815


MAX_HALVES = 1000
_REASON = 200
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
    return CaptureFile(bucket=bucket, key=key, **match.groupdict())


def read_captures(lines: Iterable[tuple[int, bytes]]) -> Iterator[Capture | Quarantined | Duplicate | Joined]:
    """One item per non-blank line of (byte offset, line); line numbers count from 1, blank lines included. A line
    that cannot be read is Quarantined with the reason; nothing raises.

    Input and output of one event may be two lines: they become one Capture, where the first stood, and a Joined for
    the second. A half waits for the other up to the end of the file, but no more than MAX_HALVES of them wait."""
    done: set[str] = set()
    halves: dict[str, Capture] = {}
    for number, (offset, raw) in enumerate(lines, start=1):
        if not raw.strip():
            continue
        item = _read_line(number, offset, raw)
        if not isinstance(item, Capture):
            yield item
        elif item.event_id in done:
            yield Duplicate(line=number, event_id=item.event_id)
        elif item.event_id in halves:
            yield from _meet(item, halves, done)
        elif (item.input is None) != (item.output is None):
            halves[item.event_id] = item
            yield from _released(halves)
        else:
            done.add(item.event_id)
            yield item
    yield from halves.values()


def _meet(item: Capture, halves: dict[str, Capture], done: set[str]) -> Iterator[Capture | Duplicate | Joined]:
    """A second line of an event of which one side waits: what is missing completes it, anything else repeats it."""
    half = halves[item.event_id]
    missing = item.output if half.output is None else item.input
    if missing is None:
        yield Duplicate(line=item.line, event_id=item.event_id)
        return
    del halves[item.event_id]
    done.add(item.event_id)
    yield msgspec.structs.replace(
        half,
        input=half.input or item.input,
        output=half.output or item.output,
        inference_id=half.inference_id or item.inference_id,
        custom_attributes=half.custom_attributes or item.custom_attributes,
        raw=half.raw + b"\n" + item.raw,
    )
    yield Joined(line=item.line, event_id=item.event_id)


def _released(halves: dict[str, Capture]) -> Iterator[Capture]:
    """An endpoint that captures one side only must not fill the memory with halves that wait for nothing. Should the
    other half of a released one come after all, it stands alone too: a repeat is dropped, and this is none."""
    if len(halves) > MAX_HALVES:
        yield halves.pop(next(iter(halves)))


def _read_line(number: int, offset: int, raw: bytes) -> Capture | Quarantined:
    try:
        line = _decoded(raw)
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
    except CaptureError as error:
        return Quarantined(line=number, offset=offset, reason=f"not a capture record: {error}", raw=raw)


def _decoded(raw: bytes) -> _Line:
    """Raises CaptureError that says what is wrong and where: a field's path, or a byte of the line."""
    try:
        return _decoder.decode(raw)
    except UnicodeDecodeError as error:
        raise CaptureError(_not_utf8(raw)) from error
    except RecursionError as error:
        raise CaptureError("the line is JSON nested too deeply to be read") from error
    except msgspec.MsgspecError as error:
        raise CaptureError(_shortened(str(error))) from error


def _shortened(message: str) -> str:
    """msgspec repeats what was wrong, however long, and ends with the field's path."""
    return message if len(message) <= _REASON else f"{message[:_REASON]} … {message[-_REASON:]}"


def _not_utf8(raw: bytes) -> str:
    """msgspec counts from the beginning of a string, which helps nobody to find the byte."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return f"byte {error.start} of the line is not UTF-8: {error.reason}"
    return "the line is not UTF-8"


def _payload(side: _Side | None, name: str) -> Payload | None:
    if side is None:
        return None
    content_type = side.observedContentType or _DEFAULT_TYPE[side.encoding]
    if side.encoding != "BASE64":
        return Payload(data=side.data.encode(), content_type=content_type)
    try:
        return Payload(data=base64.b64decode(side.data, validate=True), content_type=content_type)
    except ValueError as error:
        raise CaptureError(f"{name}.data is not base64: {error}") from error


def _utc(time: datetime) -> datetime:
    if time.tzinfo is None:
        return time.replace(tzinfo=UTC)
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        message = f"eventMetadata.inferenceTime is {time.isoformat()}: in UTC that is before year 1 or after year 9999"
        raise CaptureError(message) from error
