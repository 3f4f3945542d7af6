"""Label Studio's JSON: a list of tasks with one annotation each, as its import takes it.

https://labelstud.io/guide/task_format : names of controls are those of the labeling configuration that
labels/exporting.py writes. Shapes are in percents of the picture's sides, offsets in characters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from trueup.dataset.exporting import EVERY_KIND, INPUTS, ExportedFile, ExportRequest, label_of, naming
from trueup.dataset.images import picture_size
from trueup.labels.brush import packed
from trueup.labels.exporting import CONTROL, CRITIQUE, NONE, PROPOSED, SAMPLE, TIE
from trueup.labels.masks import indices_of
from trueup.labels.reading import read
from trueup.labels.showing import shown
from trueup.labels.values import (
    Boxes,
    Classes,
    Mask,
    NoneOfThese,
    Polygons,
    Preference,
    Rating,
    Spans,
    Text,
)
from trueup.model import LabelledSample, Payload

KINDS = EVERY_KIND
HOLDS_NONE = True
FILE = "tasks.json"
READERS = "Label Studio (Import), label-studio-converter"
CUT = INPUTS
Region = dict[str, Any]


def files(request: ExportRequest) -> Iterator[ExportedFile]:
    yield ExportedFile(request.named(FILE), _tasks(request))


def _tasks(request: ExportRequest) -> Iterator[bytes]:
    yield b"["
    for number, (sample, payload) in enumerate(_samples(request)):
        yield (b",\n" if number else b"\n") + msgspec.json.encode(_task(request, sample, payload))
    yield b"\n]\n"


def _samples(request: ExportRequest) -> Iterator[tuple[LabelledSample, Payload | None]]:
    """Of pictures and sound a task has the URI alone; they are read where a label does not say how large they are."""
    if request.schema.media not in ("image", "audio"):
        yield from request.loaded(request.samples())
        return
    for each in request.samples():
        yield each, None


def _task(request: ExportRequest, sample: LabelledSample, payload: Payload | None) -> dict[str, Any]:
    with naming(sample):
        data = shown(sample.payload_uri, payload or Payload(data=b"", content_type=""), request.schema)
    told = {
        "sample": sample.sample_id,
        "split": sample.split,
        "group": sample.group,
        "content_type": sample.content_type,
    }
    return {"data": data, "meta": {"trueup": told}, "annotations": [{"result": _result(request, sample, data)}]}


def _result(request: ExportRequest, sample: LabelledSample, data: Mapping[str, Any]) -> list[Region]:
    label = label_of(sample, request.schema)
    if not label.startswith("{"):
        return [_said("choices", {"choices": [label]})]
    value = read(label, request.schema)
    if isinstance(value, NoneOfThese):
        return _none(value, request.schema.kind == "classification")
    if isinstance(value, (Boxes, Polygons, Mask)):
        return _drawn(request, sample, value)
    return _WRITERS[type(value)](value, data)


def _said(kind: str, value: Region, control: str = CONTROL, number: int = 0, to: str = SAMPLE) -> Region:
    return {"id": f"{control}-{number}", "from_name": control, "to_name": to, "type": kind, "value": value}


def _words(control: str, text: str) -> list[Region]:
    return [_said("textarea", {"text": [text]}, control)] if text else []


def _none(value: NoneOfThese, only: bool) -> list[Region]:
    return [_said("choices", {"choices": [NONE]}, CONTROL if only else NONE), *_words(PROPOSED, value.proposed)]


def _classes(value: Classes, _: Mapping[str, Any]) -> list[Region]:
    return [_said("choices", {"choices": list(value.classes)})] if value.classes else []


def _text(value: Text, _: Mapping[str, Any]) -> list[Region]:
    return [_said("textarea", {"text": [value.text]})]


def _rating(value: Rating, _: Mapping[str, Any]) -> list[Region]:
    return [_said("rating", {"rating": value.rating}), *_words(CRITIQUE, value.critique)]


def _preference(value: Preference, _: Mapping[str, Any]) -> list[Region]:
    if value.preferred == "tie":
        said = _said("choices", {"choices": ["tie"]}, TIE)
    else:
        side = "left" if value.preferred == "first" else "right"
        said = _said("pairwise", {"selected": side}, to=CONTROL)
    return [said, *_words(CRITIQUE, value.critique)]


def _spans(value: Spans, data: Mapping[str, Any]) -> list[Region]:
    text = str(data.get("text", ""))
    marked = [
        _said(
            "labels",
            {"start": each.start, "end": each.end, "text": text[each.start : each.end], "labels": [each.label]},
            number=number,
        )
        for number, each in enumerate(value.spans)
    ]
    links: list[Region] = [
        {
            "type": "relation",
            "from_id": f"{CONTROL}-{each.source}",
            "to_id": f"{CONTROL}-{each.target}",
            "direction": "right",
            "labels": [each.label],
        }
        for each in value.relations
    ]
    return [*marked, *links]


_WRITERS: Mapping[type[Any], Callable[[Any, Mapping[str, Any]], list[Region]]] = {
    Classes: _classes,
    Text: _text,
    Rating: _rating,
    Preference: _preference,
    Spans: _spans,
}


# ---------------------------------------------------------------- shapes


def _drawn(request: ExportRequest, sample: LabelledSample, value: Boxes | Polygons | Mask) -> list[Region]:
    if value.width is None or value.height is None:
        width, height = picture_size(value, sample, request.payload(sample))
    else:
        width, height = value.width, value.height
    size = {"original_width": width, "original_height": height, "image_rotation": 0}
    shapes = _shapes(value, width, height)
    return [{**_said(kind, shape, number=number), **size} for number, (kind, shape) in enumerate(shapes)]


def _shapes(value: Boxes | Polygons | Mask, width: int, height: int) -> Iterator[tuple[str, Region]]:
    if isinstance(value, Boxes):
        for box in value.boxes:
            corner = {"x": box.left * 100 / width, "y": box.top * 100 / height}
            sides = {"width": (box.right - box.left) * 100 / width, "height": (box.bottom - box.top) * 100 / height}
            yield "rectanglelabels", {**corner, **sides, "rotation": 0, "rectanglelabels": [box.label]}
    elif isinstance(value, Polygons):
        for each in value.polygons:
            points = [[x * 100 / width, y * 100 / height] for x, y in each.points]
            yield "polygonlabels", {"points": points, "closed": True, "polygonlabels": [each.label]}
    else:
        there = value.classes or ()
        places = indices_of(value, there).ravel()
        for place, label in enumerate(there, start=1):
            rle = packed(places == place)
            yield "brushlabels", {"format": "rle", "rle": rle, "brushlabels": [label]}
