"""Inputs and outputs of a batch transform, joined into capture records.

What a transform was told (SplitType, AssembleWith, DataProcessing) stands in none of its files, and is read from them:
objects of as many lines as each other hold an instance a line, anything else is one request. Formats:
docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html (JoinSource),
docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-batch.html (GenerateInferenceId).
"""

from __future__ import annotations

import mimetypes
import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import zip_longest
from typing import Any

import msgspec

from trueup.capture.samples import media_type
from trueup.model import Payload, Record

_BARE = frozenset({"", "application/octet-stream", "binary/octet-stream"})
_LINES = frozenset({"text/csv", "text/plain", "application/jsonlines", "application/x-ndjson", "application/json"})
_NAMED = {".jsonl": "application/jsonlines", ".ndjson": "application/x-ndjson", ".csv": "text/csv"}
_IDS = re.compile(
    rb',"?(?P<id>[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})"?,"?(?P<at>\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:?\d\d)?)"?$'
)
_ID, _TIME, _OUTPUT = "SageMakerInferenceId", "SageMakerInferenceTime", "SageMakerOutput"


class Shape(Record, frozen=True, kw_only=True):
    """How an input and an output belong together: line by line or as one, and whether the output repeats the input
    (JoinSource)."""

    by_line: bool
    lines: int = 0
    repeats: bool = False


class Answer(Record, frozen=True, kw_only=True):
    """One output, and what GenerateInferenceId put beside it."""

    payload: Payload
    inference_id: str | None = None
    at: datetime | None = None


WHOLE = Shape(by_line=False)


def type_of_object(uri: str, content_type: str) -> str:
    """What S3 says of an object, or else its name."""
    if media_type(content_type) not in _BARE:
        return content_type
    name = uri.lower().removesuffix(".gz")
    known = next((kind for ending, kind in _NAMED.items() if name.endswith(ending)), None)
    return known or mimetypes.guess_type(name)[0] or "application/octet-stream"


def type_of_output(data: bytes, content_type: str) -> str:
    """What S3 says of it, or else its first character: outputs are called .out."""
    if media_type(content_type) not in _BARE:
        return content_type
    return "application/json" if data.lstrip()[:1] in (b"{", b"[") else "text/csv"


def lines_of(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines without their ends, blank ones left out."""
    for block in blocks:
        for line in block.split(b"\n"):
            if line.strip():
                yield line.rstrip(b"\r")


def shape_of(content_type: str, inputs: Iterable[bytes], outputs: Iterable[bytes]) -> Shape:
    """Read the lines of both once. `content_type` is the input's."""
    kind = media_type(content_type)
    if kind not in _LINES:
        return WHOLE
    lines, repeats = 0, kind == "text/csv"
    for line, answer in zip_longest(inputs, outputs):
        if line is None or answer is None or (lines == 0 and kind == "application/json" and not _is_json(line)):
            return WHOLE
        lines += 1
        repeats = repeats and answer.startswith(line + b",")
    return Shape(by_line=True, lines=lines, repeats=repeats and lines > 0)


def read_answer(line: bytes, content_type: str, repeated: bytes = b"") -> Answer:
    """One line of output, without the input that it repeats, and without the id and time that GenerateInferenceId put
    behind it."""
    kind = type_of_output(line, content_type)
    if line.lstrip().startswith(b"{"):
        return _json_answer(line, kind)
    match = _IDS.search(line)
    bare = line[: match.start()] if match else line
    payload = Payload(data=bare.removeprefix(repeated + b",") if repeated else bare, content_type=kind)
    if match is None:
        return Answer(payload=payload)
    return Answer(payload=payload, inference_id=match["id"].decode(), at=_time(match["at"].decode()))


def _json_answer(line: bytes, kind: str) -> Answer:
    """NaN, which Python's containers write, is no JSON: such a line stays as it is."""
    try:
        document = msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return Answer(payload=Payload(data=line, content_type=kind))
    name, at = document.pop(_ID, None), document.pop(_TIME, None)
    if name is None and _OUTPUT not in document:
        return Answer(payload=Payload(data=line, content_type=kind))
    said = document.get(_OUTPUT, document)
    data = said.encode() if isinstance(said, str) else msgspec.json.encode(said)
    payload = Payload(data=data, content_type=type_of_output(data, "") if isinstance(said, str) else kind)
    return Answer(payload=payload, inference_id=str(name) if name else None, at=_time(str(at)) if at else None)


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _time(text: str) -> datetime | None:
    try:
        return msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        return None
