"""Files of workers' answers, and what an answer says, by kind of label: the crowd elements' own formats, as label
texts.

crowd-image-classifier, crowd-classifier, their multi-select forms, crowd-bounding-box, crowd-semantic-segmentation,
crowd-entity-annotation, crowd-polygon, crowd-text-area and crowd-slider: "Crowd HTML Elements Reference", Amazon
SageMaker Developer Guide. The content is keyed by the element's name.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from trueup.labels.masks import mask_of_colours
from trueup.labels.reading import written
from trueup.labels.values import (
    Box,
    Boxes,
    Classes,
    Polygon,
    Polygons,
    Preference,
    Rating,
    Span,
    Spans,
    Text,
)
from trueup.model import Kind


class Answer(msgspec.Struct, frozen=True, rename="camel"):
    """One worker's answer. Files of older jobs lack the last three."""

    answer_content: dict[str, Any]
    submission_time: datetime
    worker_id: str
    acceptance_time: datetime | None = None
    time_spent_in_seconds: float | None = None
    worker_metadata: dict[str, Any] = {}

    @property
    def worker(self) -> str:
        """`sub` names a Cognito user for ever; the worker id, which older files have alone, in their team."""
        identity = self.worker_metadata.get("identityData")
        return str((identity.get("sub") if isinstance(identity, dict) else None) or self.worker_id)

    @property
    def submitted_at(self) -> datetime:
        return utc(self.submission_time)

    @property
    def seconds(self) -> float:
        if self.time_spent_in_seconds is not None:
            return self.time_spent_in_seconds
        if self.acceptance_time is None:
            return 0.0
        return max(0.0, (utc(self.submission_time) - utc(self.acceptance_time)).total_seconds())


class Response(msgspec.Struct, frozen=True):
    answers: list[Answer]


class _Labels(msgspec.Struct, frozen=True):
    labels: tuple[str, ...]


class _Box(msgspec.Struct, frozen=True):
    label: str
    left: float
    top: float
    width: float
    height: float


class _Image(msgspec.Struct, frozen=True):
    width: int
    height: int


class _Boxes(msgspec.Struct, frozen=True, rename="camel"):
    bounding_boxes: tuple[_Box, ...]
    input_image_properties: _Image


class _Colour(msgspec.Struct, frozen=True):
    color: str


class _Picture(msgspec.Struct, frozen=True, rename="camel"):
    png_image_data: str


class _Segmented(msgspec.Struct, frozen=True, rename="camel"):
    label_mappings: dict[str, _Colour]
    labeled_image: _Picture


class _Point(msgspec.Struct, frozen=True):
    x: float
    y: float


class _Polygon(msgspec.Struct, frozen=True):
    label: str
    vertices: tuple[_Point, ...]


class _Polygons(msgspec.Struct, frozen=True, rename="camel"):
    polygons: tuple[_Polygon, ...]
    input_image_properties: _Image


class _Entity(msgspec.Struct, frozen=True, rename="camel"):
    label: str
    start_offset: int
    end_offset: int


class _Entities(msgspec.Struct, frozen=True):
    entities: tuple[_Entity, ...]


def response_of(key: str, data: bytes) -> Response | str:
    """A worker-response file; instead of one that cannot be read, the reason."""
    try:
        return msgspec.json.decode(data, type=Response)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return f"{key} cannot be read: {error}"


def utc(moment: datetime) -> datetime:
    """Ground Truth's times without a zone are UTC."""
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def label_of(content: Mapping[str, Any], kind: Kind) -> str:
    """The label's text, unchecked. Raises ValueError for what is no answer of that kind, LabelError for a mask that
    cannot be read."""
    if kind in _OF_ALL:
        return _OF_ALL[kind](content)
    for value in content.values():
        try:
            return _READERS[kind](value)
        except msgspec.ValidationError:
            continue
    raise ValueError(f"no answer of kind {kind}: {str(content)[:200]}")


def _class(content: Mapping[str, Any]) -> str:
    """The class is a string or {"label": class}."""
    for value in content.values():
        if isinstance(value, Mapping) and "label" in value:
            return str(value["label"])
        if isinstance(value, str):
            return value
    return ""


def _classes(value: Any) -> str:
    return written(Classes(classes=msgspec.convert(value, _Labels).labels))


def _boxes(value: Any) -> str:
    found = msgspec.convert(value, _Boxes)
    image = found.input_image_properties
    boxes = [
        Box(label=each.label, left=each.left, top=each.top, right=each.left + each.width, bottom=each.top + each.height)
        for each in found.bounding_boxes
    ]
    return written(Boxes(width=image.width, height=image.height, boxes=tuple(boxes)))


def _polygons(value: Any) -> str:
    found = msgspec.convert(value, _Polygons)
    image = found.input_image_properties
    polygons = [
        Polygon(label=each.label, points=tuple((point.x, point.y) for point in each.vertices))
        for each in found.polygons
    ]
    return written(Polygons(width=image.width, height=image.height, polygons=tuple(polygons)))


def _text(content: Mapping[str, Any]) -> str:
    return written(Text(text=_said(content, "label")))


def _rating(content: Mapping[str, Any]) -> str:
    """A slider's value is a number, or the text of one."""
    value = content.get("rating")
    if isinstance(value, bool) or not isinstance(value, int | float | str) or float(value) != int(float(value)):
        raise ValueError(f"no answer of kind rating: {str(content)[:200]}")
    return written(Rating(rating=int(float(value)), critique=_said(content, "critique")))


def _preference(content: Mapping[str, Any]) -> str:
    chosen = _class({"label": content.get("label")})
    if chosen not in ("first", "second", "tie"):
        raise ValueError(f"no answer of kind preference: {str(content)[:200]}")
    return written(msgspec.convert({"preferred": chosen, "critique": _said(content, "critique")}, Preference))


def _said(content: Mapping[str, Any], name: str) -> str:
    return str(content.get(name) or "")


def _mask(value: Any) -> str:
    """Pixels that the worker left alone are transparent. Raises LabelError, ValueError (no Base64)."""
    found = msgspec.convert(value, _Segmented)
    data = base64.b64decode(found.labeled_image.png_image_data.rpartition(",")[2], validate=True)
    return written(mask_of_colours(data, {name: each.color for name, each in found.label_mappings.items()}))


def _spans(value: Any) -> str:
    entities = msgspec.convert(value, _Entities).entities
    spans = [Span(label=each.label, start=each.start_offset, end=each.end_offset) for each in entities]
    return written(Spans(spans=tuple(spans)))


_READERS: dict[str, Callable[[Any], str]] = {
    "multilabel": _classes,
    "boxes": _boxes,
    "mask": _mask,
    "polygons": _polygons,
    "spans": _spans,
}
# Of which several elements of the page say something.
_OF_ALL: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "classification": _class,
    "text": _text,
    "rating": _rating,
    "preference": _preference,
}
