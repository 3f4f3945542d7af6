"""What passes between a task and Label Studio: its data, and the model's prediction. What an annotation means is read
in labels/label_studio.py, which says whose formats these are.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from trueup.errors import InputError
from trueup.labels.exporting import CONTROL, SAMPLE
from trueup.model import Found, Kind, LabelSchema, Prediction, Task

# A model shows what it is rather sure of: an annotator removes what is wrong, and draws what is missing.
SURE = 0.5


# ---------------------------------------------------------------- what an annotator starts from


def result_of(prediction: Prediction, schema: LabelSchema) -> list[dict[str, Any]]:
    """The model's prediction as the `result` of a Label Studio prediction: its class, its classes of at least SURE, and
    the boxes and spans of such. Empty for what cannot be said so: other kinds, classes that the schema has not, and
    boxes in pixels of an image whose size nobody knows."""
    make = _STARTS.get(schema.kind)
    return make(prediction, schema) if make else []


def _start_class(prediction: Prediction, schema: LabelSchema) -> list[dict[str, Any]]:
    return _choice([prediction.label] if prediction.label in schema.names else [])


def _start_classes(prediction: Prediction, schema: LabelSchema) -> list[dict[str, Any]]:
    chances = dict(zip(prediction.classes, prediction.probabilities, strict=False))
    return _choice([each for each in schema.names if chances.get(each, 0.0) >= SURE])


def _choice(names: list[str]) -> list[dict[str, Any]]:
    return [_region(0, "choices", {"choices": names})] if names else []


def _start_boxes(prediction: Prediction, schema: LabelSchema) -> list[dict[str, Any]]:
    found = (each for each in _shown(prediction, schema) if each.unit == "share")
    return [_region(index, "rectanglelabels", value) for index, value in enumerate(map(_rectangle, found)) if value]


def _rectangle(found: Found) -> dict[str, Any]:
    left, top, right, bottom = (min(max(each, 0.0), 1.0) * 100 for each in found.box or (0.0,) * 4)
    if left >= right or top >= bottom:
        return {}
    sides = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    return {**sides, "rotation": 0, "rectanglelabels": [found.label]}


def _start_spans(prediction: Prediction, schema: LabelSchema) -> list[dict[str, Any]]:
    places = [(each.start, each.end, each.label) for each in _shown(prediction, schema)]
    marked = [
        {"start": start, "end": end, "labels": [label]}
        for start, end, label in places
        if start is not None and end is not None and 0 <= start < end
    ]
    return [_region(index, "labels", value) for index, value in enumerate(marked)]


def _shown(prediction: Prediction, schema: LabelSchema) -> Iterator[Found]:
    return (each for each in prediction.objects if each.score >= SURE and each.label in schema.names)


def _region(index: int, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return {"id": f"model-{index}", "from_name": CONTROL, "to_name": SAMPLE, "type": kind, "value": value}


_STARTS: Mapping[Kind, Callable[[Prediction, LabelSchema], list[dict[str, Any]]]] = {
    "classification": _start_class,
    "multilabel": _start_classes,
    "boxes": _start_boxes,
    "spans": _start_spans,
}


# ---------------------------------------------------------------- what an annotator sees


def data_of(task: Task, payload: bytes, schema: LabelSchema) -> dict[str, Any]:
    """The task's `data`, by the names in the labeling configuration: pictures and sound by their URI, of which
    `payload` is not looked at; the rest itself. A table of one record is an object, of several a list of them.

    Raises InputError for text that is empty or not UTF-8, and for what is no table or no pair of answers.
    """
    if schema.media in ("image", "audio"):
        return {schema.media: task.payload_uri}
    text = _decoded(task, payload)
    if schema.kind == "preference":
        return _pair(task, text)
    if schema.media == "tabular":
        return {"table": _table(task, text)}
    return {"text": _rated(text) if schema.kind == "rating" else text}


def _decoded(task: Task, payload: bytes) -> str:
    try:
        text = payload.decode()
    except UnicodeDecodeError as error:
        raise _bad(task, f"is not UTF-8: {error}") from error
    if not text.strip():
        raise _bad(task, "is empty")
    if "\0" in text:
        raise _bad(task, "holds a NUL character, which Label Studio's database does not take")
    return text


class _Pair(msgspec.Struct, frozen=True):
    first: str
    second: str
    prompt: str = ""


class _Rated(msgspec.Struct, frozen=True):
    answer: str
    prompt: str = ""


def _pair(task: Task, text: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = msgspec.to_builtins(msgspec.json.decode(text, type=_Pair))
    except msgspec.MsgspecError as error:
        raise _bad(task, f'is no JSON with "prompt", "first" and "second": {error}') from error
    return found


def _rated(text: str) -> str:
    """The prompt and below it the answer, where there are such."""
    try:
        found = msgspec.json.decode(text, type=_Rated)
    except msgspec.MsgspecError:
        return text
    return f"{found.prompt}\n\n{found.answer}" if found.prompt else found.answer


def _table(task: Task, text: str) -> Any:
    kind = task.content_type.split(";")[0].strip().lower()
    try:
        rows = _lines(text) if kind.endswith("csv") else _records(text, lines="jsonlines" in kind)
    except (msgspec.MsgspecError, csv.Error) as error:
        raise _bad(task, f"is no table: {error}") from error
    if not rows:
        raise _bad(task, "holds no record")
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


def _bad(task: Task, what: str) -> InputError:
    return InputError(f"the input of task {task.task_id} {what}", field="payload_uri")
