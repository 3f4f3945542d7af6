"""What people are shown of an input, as a Label Studio task's data says it: by the names in the labeling configuration
that labels/exporting.py writes. Errors say what is wrong with the input; whoever knows its name puts that before them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import msgspec

from trueup.errors import InputError
from trueup.model import LabelSchema, Payload


class Pair(msgspec.Struct, frozen=True):
    """Two answers to a prompt."""

    first: str
    second: str
    prompt: str = ""


class Rated(msgspec.Struct, frozen=True):
    """An answer to a prompt, or a text alone."""

    answer: str
    prompt: str = ""


def shown(uri: str, payload: Payload, schema: LabelSchema) -> dict[str, Any]:
    """Pictures and sound by their URI, whose payload is not looked at; the rest itself. A table of one record is an
    object, of several a list of them.

    Raises InputError for text that is empty or not UTF-8, and for what is no table or no pair of answers.
    """
    if schema.media in ("image", "audio"):
        return {schema.media: uri}
    text = text_of(payload.data)
    if schema.kind == "preference":
        found: dict[str, Any] = msgspec.to_builtins(pair_of(text))
        return found
    if schema.media == "tabular":
        return {"table": _table(payload.content_type, text)}
    return {"text": _rated(text) if schema.kind == "rating" else text}


def text_of(data: bytes) -> str:
    """Raises InputError for what is no text, or none that a database takes."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise _bad(f"is not UTF-8: {error}") from error
    if not text.strip():
        raise _bad("is empty")
    if "\0" in text:
        raise _bad("holds a NUL character, which Label Studio's database does not take")
    return text


def pair_of(text: str | bytes) -> Pair:
    """Raises InputError."""
    try:
        return msgspec.json.decode(text, type=Pair)
    except msgspec.MsgspecError as error:
        raise _bad(f'is no JSON with "prompt", "first" and "second": {error}') from error


def rated_of(text: str) -> Rated:
    try:
        return msgspec.json.decode(text, type=Rated)
    except msgspec.MsgspecError:
        return Rated(answer=text)


def _rated(text: str) -> str:
    """The prompt and below it the answer, where there are such."""
    found = rated_of(text)
    return f"{found.prompt}\n\n{found.answer}" if found.prompt else found.answer


def _table(content_type: str, text: str) -> Any:
    kind = content_type.split(";")[0].strip().lower()
    try:
        rows = _lines(text) if kind.endswith("csv") else _records(text, lines="jsonlines" in kind)
    except (msgspec.MsgspecError, csv.Error) as error:
        raise _bad(f"is no table: {error}") from error
    if not rows:
        raise _bad("holds no record")
    return rows[0] if len(rows) == 1 else rows


def _lines(text: str) -> list[dict[str, str]]:
    """SageMaker's CSV has no head as a rule: names are one only where each is another, and none empty or a number."""
    rows = [each for each in csv.reader(io.StringIO(text, newline="")) if each]
    head = rows[0] if len(rows) > 1 and _is_head(rows[0]) else []
    return [_named(each, head) for each in (rows[1:] if head else rows)]


def _is_head(row: Sequence[str]) -> bool:
    return len(set(row)) == len(row) and all(each.strip() and not _is_number(each) for each in row)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _named(cells: Sequence[str], head: Sequence[str] = ()) -> dict[str, str]:
    """Label Studio sorts a record's names as text: those that are numbers have as many digits each."""
    digits = len(str(len(cells)))
    names = [head[place] if place < len(head) else f"column {place + 1:0{digits}}" for place in range(len(cells))]
    return dict(zip(names, cells, strict=True))


def _records(text: str, *, lines: bool) -> list[dict[str, str]]:
    """Of JSON: an object or a list of values is a record, a list of such are several. Numbers stay as they were
    written: a page would round 1.0, and ids above 2^53."""
    if lines:
        return [_record(each) for each in msgspec.json.Decoder(msgspec.Raw).decode_lines(text)]
    if not text.lstrip().startswith("["):
        return [_record(msgspec.Raw(text))]
    found = msgspec.json.decode(text, type=list[msgspec.Raw])
    many = all(bytes(each).lstrip()[:1] in (b"{", b"[") for each in found)
    return [_record(each) for each in found] if many else [_record(msgspec.Raw(text))]


def _record(raw: msgspec.Raw) -> dict[str, str]:
    if bytes(raw).lstrip()[:1] == b"[":
        return _named([_cell(each) for each in msgspec.json.decode(raw, type=list[msgspec.Raw])])
    return {name: _cell(each) for name, each in msgspec.json.decode(raw, type=dict[str, msgspec.Raw]).items()}


def _cell(raw: msgspec.Raw) -> str:
    text = bytes(raw).decode()
    return str(msgspec.json.decode(text)) if text.startswith('"') else text


def _bad(what: str) -> InputError:
    return InputError(what, field="payload_uri")
