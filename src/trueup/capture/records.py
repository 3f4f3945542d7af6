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
from functools import lru_cache
from typing import Annotated, Literal

import msgspec

from trueup.capture.repeats import Events
from trueup.errors import CaptureError
from trueup.model import Capture, CaptureFile, Payload, Quarantined, Record

_KEY = re.compile(
    r"(?:.*/)?(?P<project>[^/]+)/(?P<endpoint>[A-Za-z0-9](?:-*[A-Za-z0-9])*)/(?P<variant>[A-Za-z0-9](?:-*[A-Za-z0-9])*)"
    r"/[0-9]{4}/[0-9]{2}/[0-9]{2}/[0-9]{2}/[^/]+"
)
# What becomes of it: an event id is part of a table key, which DynamoDB bounds.
_EventId = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class Duplicate(Record, frozen=True, kw_only=True):
    """A line whose event id was on an earlier line of the same file."""

    line: int
    event_id: str


class Joined(Record, frozen=True, kw_only=True):
    """A line that held the other side of an event of an earlier line, and is part of that capture."""

    line: int
    event_id: str


class Side(msgspec.Struct, gc=False):
    """The wire's input or output: `data` as text, in the capture encoding."""

    data: str
    encoding: Literal["CSV", "JSON", "BASE64"]
    observedContentType: str | None = None  # noqa: N815 - the wire's name


class _Sides(msgspec.Struct, gc=False):
    endpointInput: Side | None = None  # noqa: N815
    endpointOutput: Side | None = None  # noqa: N815


class _BothSides(msgspec.Struct, gc=False):
    endpointInput: Side  # noqa: N815
    endpointOutput: Side  # noqa: N815


class _Metadata(msgspec.Struct, gc=False):
    eventId: _EventId  # noqa: N815
    inferenceTime: datetime  # noqa: N815
    inferenceId: str | None = None  # noqa: N815
    customAttributes: list[str] | None = None  # noqa: N815


class Line(msgspec.Struct, gc=False):
    """The wire's record, as far as trueup reads it."""

    captureData: _Sides  # noqa: N815
    eventMetadata: _Metadata  # noqa: N815


class WholeLine(msgspec.Struct, gc=False):
    """The same with both sides of the event."""

    captureData: _BothSides  # noqa: N815
    eventMetadata: _Metadata  # noqa: N815


MAX_HALVES = 1000
MAX_HALVES_BYTES = 16_000_000
_LONGEST_TYPE = 256
_REASON = 200
_SHOWN_TYPE = 40
_DEFAULT_TYPE = {"CSV": "text/csv", "JSON": "application/json", "BASE64": "application/octet-stream"}
Item = Capture | Quarantined | Duplicate | Joined
LINES = msgspec.json.Decoder(Line)
WHOLE_LINES = msgspec.json.Decoder(WholeLine)


def parse_key(bucket: str, key: str) -> CaptureFile:
    """Read an object key. Raises CaptureError that names the key when it has not the layout of a capture."""
    match = _KEY.fullmatch(key)
    if match is None:
        raise CaptureError(
            f"s3://{bucket}/{key}: not a capture file; expected <project>/<endpoint>/<variant>/yyyy/mm/dd/hh/<file>",
            field=key,
        )
    return CaptureFile(bucket=bucket, key=key, **match.groupdict())


def read_captures(lines: Iterable[tuple[int, bytes]]) -> Iterator[Item]:
    """One item per non-blank line of (byte offset, line); line numbers count from 1, blank lines included. A line
    that cannot be read is Quarantined with the reason; nothing raises.

    Input and output of one event may be two lines: they become one Capture, where the first stood, and a Joined for
    the second. A half waits for the other up to the end of the file, but no more than MAX_HALVES of them wait."""
    account = Account()
    for number, (offset, raw) in enumerate(lines, start=1):
        yield from account.line(number, offset, raw)
    yield from account.rest()


class Account:
    """What the lines of one file are to each other: repeats and halves of events are found as they come."""

    def __init__(self) -> None:
        self.events = Events()
        self.halves: dict[str, Capture] = {}
        self._waiting = 0

    def line(self, number: int, offset: int, raw: bytes) -> Iterator[Item]:
        """What a line makes known: one item or, when it releases a half that waited too long, two; none if it is
        blank."""
        if not raw.strip():
            return
        item = read_line(number, offset, raw)
        if not isinstance(item, Capture):
            yield item
        elif item.event_id in self.events:
            yield Duplicate(line=number, event_id=item.event_id)
        elif item.event_id in self.halves:
            yield from self._meet(item)
        elif (item.input is None) != (item.output is None):
            self._wait(item)
            yield from self._released()
        else:
            self.events.add(item.event_id)
            yield item

    def rest(self) -> Iterator[Capture]:
        """The halves whose others did not come."""
        yield from self.halves.values()
        self.halves.clear()

    def _meet(self, item: Capture) -> Iterator[Item]:
        """A second line of an event of which one side waits: what is missing completes it, anything else repeats
        it."""
        half = self.halves[item.event_id]
        missing = item.output if half.output is None else item.input
        if missing is None:
            yield Duplicate(line=item.line, event_id=item.event_id)
            return
        self._take(item.event_id)
        self.events.add(item.event_id)
        yield msgspec.structs.replace(
            half,
            input=half.input or item.input,
            output=half.output or item.output,
            inference_id=half.inference_id or item.inference_id,
            custom_attributes=half.custom_attributes or item.custom_attributes,
            raw=half.raw + b"\n" + item.raw,
        )
        yield Joined(line=item.line, event_id=item.event_id)

    def _wait(self, half: Capture) -> None:
        self.halves[half.event_id] = half
        self._waiting += len(half.raw)

    def _take(self, event_id: str) -> Capture:
        half = self.halves.pop(event_id)
        self._waiting -= len(half.raw)
        return half

    def _released(self) -> Iterator[Capture]:
        """An endpoint that captures one side only must not fill the memory with halves that wait for nothing. Should
        the other half of a released one come after all, it stands alone too: a repeat is dropped, and this is
        none."""
        while len(self.halves) > MAX_HALVES or (self._waiting > MAX_HALVES_BYTES and len(self.halves) > 1):
            yield self._take(next(iter(self.halves)))


def read_line(number: int, offset: int, raw: bytes) -> Capture | Quarantined:
    """The record of one line, or the line with the reason why it is none."""
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


def _decoded(raw: bytes) -> Line:
    """Raises CaptureError that says what is wrong and where: a field's path, or a byte of the line."""
    try:
        return LINES.decode(raw)
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


def _payload(side: Side | None, name: str) -> Payload | None:
    if side is None:
        return None
    content_type = type_of(side)
    if not sound_type(content_type):
        raise CaptureError(f"{name}.observedContentType is no content type: {content_type[:_SHOWN_TYPE]!r}")
    if side.encoding != "BASE64":
        return Payload(data=side.data.encode(), content_type=content_type)
    try:
        return Payload(data=base64.b64decode(side.data, validate=True), content_type=content_type)
    except ValueError as error:
        raise CaptureError(f"{name}.data is not base64: {error}") from error


def type_of(side: Side) -> str:
    """The observed content type, or the one that the encoding stands for."""
    return side.observedContentType or _DEFAULT_TYPE[side.encoding]


@lru_cache(maxsize=64)
def sound_type(content_type: str) -> bool:
    """Whether S3 takes it as a header."""
    return len(content_type) <= _LONGEST_TYPE and content_type.isascii() and content_type.isprintable()


def _utc(time: datetime) -> datetime:
    """A time that would lie before year 1 or after year 9999 in UTC is nonsense already: it keeps its numbers."""
    if time.tzinfo is None:
        return time.replace(tzinfo=UTC)
    try:
        return time.astimezone(UTC)
    except OverflowError:
        return time.replace(tzinfo=UTC)
