"""How bad capture lines lie in S3: JSON, one object for each part of a file."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from trueup.model import Quarantined, Record
from trueup.ports import BadLines


class _Line(Record, frozen=True, kw_only=True, omit_defaults=True):
    """A line's bytes lie in `raw` as text, or in `raw_base64` when they are no UTF-8."""

    line: int
    offset: int
    reason: str
    raw: str | None = None
    raw_base64: bytes | None = None


class _Document(Record, frozen=True, kw_only=True):
    file: str
    lines: tuple[_Line, ...]


def put_away(file: str, items: Sequence[Quarantined]) -> bytes:
    return msgspec.json.encode(_Document(file=file, lines=tuple(_line(each) for each in items)))


def taken_out(name: str, data: bytes) -> BadLines:
    document = msgspec.json.decode(data, type=_Document)
    return BadLines(name=name, file=document.file, lines=tuple(_item(each) for each in document.lines))


def _line(item: Quarantined) -> _Line:
    bare = _Line(line=item.line, offset=item.offset, reason=item.reason)
    try:
        return replace(bare, raw=item.raw.decode())
    except UnicodeDecodeError:
        return replace(bare, raw_base64=item.raw)


def _item(line: _Line) -> Quarantined:
    raw = line.raw.encode() if line.raw is not None else line.raw_base64 or b""
    return Quarantined(line=line.line, offset=line.offset, reason=line.reason, raw=raw)
