"""JumpStart's object detection: lists of boxes, classes and scores side by side; verbose, with the names of classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trueup.capture.decoders.family import class_at, documents, glimpse, hints, is_number, shown, with_objects
from trueup.errors import DecodeError
from trueup.model import Found, Payload, Prediction

_LISTS = ("normalized_boxes", "classes", "scores")


def recognises(payload: Payload) -> bool:
    if "normalized_boxes" not in hints(payload):
        return False
    found = glimpse(payload)
    return bool(found) and all(isinstance(each, Mapping) and "normalized_boxes" in each for each in found)


def decode(payload: Payload, classes: tuple[str, ...]) -> list[Prediction]:
    """One prediction an image. Raises DecodeError."""
    found = documents(payload)
    if not found:
        raise DecodeError("the answer holds no image")
    return [with_objects(_objects(each, classes), "detections") for each in found]


def _objects(document: Any, classes: tuple[str, ...]) -> list[Found]:
    fields = document if isinstance(document, Mapping) else {}
    lists = [each for each in (fields.get(name) for name in _LISTS) if isinstance(each, list)]
    if len(lists) != len(_LISTS) or len({len(each) for each in lists}) != 1:
        raise DecodeError(f"the answer has no lists {', '.join(_LISTS)} of one length")
    labels = fields.get("labels")
    names = labels if isinstance(labels, list) else classes
    return [_object(box, index, score, names) for box, index, score in zip(*lists, strict=True)]


def _object(box: Any, index: Any, score: Any, names: Any) -> Found:
    if not isinstance(box, list) or len(box) != 4 or not all(is_number(each) for each in (*box, score)):
        raise DecodeError(f"{shown([box, score])} are not the corners of a box and a score")
    left, top, right, bottom = box
    return Found(label=class_at(index, names), score=float(score), box=(left, top, right, bottom), unit="share")
