"""Hugging Face pipelines that find things: token classification (entities) and object detection (boxes)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trueup.capture.decoders.family import brief, class_names, documents, glimpse, hints, is_number, shown, with_objects
from trueup.errors import DecodeError
from trueup.model import Found, Payload, Prediction

_MARKS = ("entity", "entity_group", "box")
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


def recognises(payload: Payload) -> bool:
    if hints(payload).isdisjoint(_MARKS):
        return False
    found = glimpse(payload)
    return bool(found) and all(isinstance(each, list) and any(map(_holds_thing, each)) for each in found)


def decode(payload: Payload, classes: tuple[str, ...]) -> list[Prediction]:  # noqa: ARG001 - the pipeline names them
    """One prediction for a list of things, or one each for a list of such lists. Raises DecodeError."""
    found = [each for document in documents(payload) for each in _instances(document)]
    if not found:
        raise DecodeError("the answer holds no instance")
    return [_instance(each) for each in found]


def _holds_thing(each: Any) -> bool:
    return _is_thing(each) or (isinstance(each, list) and any(map(_is_thing, each)))


def _is_thing(each: Any) -> bool:
    return isinstance(each, Mapping) and any(name in each for name in _MARKS)


def _instances(document: Any) -> list[Any]:
    if not isinstance(document, list):
        raise DecodeError(f"{shown([document])} is not a list of entities or boxes")
    return document if document and isinstance(document[0], list) else [document]


def _instance(instance: Any) -> Prediction:
    if not isinstance(instance, list):
        raise DecodeError(f"{shown([instance])} is not a list of entities or boxes")
    found = [_thing(each) for each in instance]
    boxes = any(each.box for each in found)
    return with_objects(found, "detections" if boxes else "entities")


def _thing(each: Any) -> Found:
    if not _is_thing(each) or not is_number(each.get("score")):
        raise DecodeError(f"{shown([each])} is not an entity or a box with its score")
    if "box" in each:
        return Found(label=_name(each.get("label")), score=each["score"], box=_box(each["box"]), unit="pixel")
    word = each.get("word")
    return Found(
        label=_name(each.get("entity_group", each.get("entity"))),
        score=each["score"],
        start=_place(each.get("start")),
        end=_place(each.get("end")),
        text=brief(word) if isinstance(word, str) else "",
    )


def _name(label: Any) -> str:
    """B-ORG begins what I-ORG goes on with: both are of class ORG."""
    (name,) = class_names([label])
    return name[2:] if name[:2] in ("B-", "I-") and len(name) > 2 else name


def _box(box: Any) -> tuple[float, float, float, float]:
    if not isinstance(box, Mapping) or not all(is_number(box.get(name)) for name in _CORNERS):
        raise DecodeError(f"the box {shown([box])} has not all of {', '.join(_CORNERS)}")
    left, top, right, bottom = (float(box[name]) for name in _CORNERS)
    return left, top, right, bottom


def _place(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**53 else None
