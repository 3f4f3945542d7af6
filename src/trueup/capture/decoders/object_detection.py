"""SageMaker's built-in object detection: rows of class, score and corners, or Ground Truth's own shape with scores
(accept application/json;annotation=1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trueup.capture.decoders.family import class_at, documents, glimpse, hints, is_number, shown, with_objects
from trueup.errors import DecodeError
from trueup.model import Found, Payload, Prediction

_ROW = 6
_FIELDS = ("score", "left", "top", "width", "height")


def recognises(payload: Payload) -> bool:
    if hints(payload).isdisjoint(("prediction", "annotations")):
        return False
    found = glimpse(payload)
    return bool(found) and all(_is_rows(each) or _is_annotated(each) for each in found)


def decode(payload: Payload, classes: tuple[str, ...]) -> list[Prediction]:
    """One prediction an image. A class is given by its index. Raises DecodeError."""
    found = documents(payload)
    if not found:
        raise DecodeError("the answer holds no image")
    return [with_objects(_objects(each, classes), "detections") for each in found]


def _is_rows(document: Any) -> bool:
    """Image classification answers numbers under the same name; of no object found there is an empty list."""
    rows = document.get("prediction") if isinstance(document, Mapping) else None
    return isinstance(rows, list) and all(isinstance(each, list) and len(each) == _ROW for each in rows)


def _is_annotated(document: Any) -> bool:
    return (
        isinstance(document, Mapping)
        and isinstance(document.get("annotations"), list)
        and ("image_size" in document or "class_id" in document)
    )


def _objects(document: Any, classes: tuple[str, ...]) -> list[Found]:
    if _is_rows(document):
        return [_of_row(each, classes) for each in document["prediction"]]
    if _is_annotated(document):
        return [_of_annotation(each, classes) for each in document["annotations"]]
    raise DecodeError(f"{shown([document])} is neither rows of class, score and box nor annotations of an image")


def _of_row(row: list[Any], classes: tuple[str, ...]) -> Found:
    if not all(is_number(each) for each in row):
        raise DecodeError(f"{shown([row])} is not a class, a score and the corners of a box")
    index, score, left, top, right, bottom = row
    return Found(label=class_at(index, classes), score=float(score), box=(left, top, right, bottom), unit="share")


def _of_annotation(each: Any, classes: tuple[str, ...]) -> Found:
    if not isinstance(each, Mapping) or not all(is_number(each.get(name)) for name in _FIELDS):
        raise DecodeError(f"{shown([each])} has not all of {', '.join(_FIELDS)}")
    score, left, top, width, height = (float(each[name]) for name in _FIELDS)
    box = (left, top, left + width, top + height)
    return Found(label=class_at(each.get("class_id"), classes), score=score, box=box, unit="pixel")
