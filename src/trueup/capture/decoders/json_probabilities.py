"""JSON of probabilities: scikit-learn, TensorFlow Serving, Linear Learner, JumpStart, Hugging Face, XGBoost JSON,
BlazingText, image classification.

One instance is a list of numbers, a single score, or an object that holds them under one of the known names,
with class names beside them where the container gives them. Several instances come in a list, under
"predictions", or a line each (JSON Lines).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from trueup.capture.decoders.family import prediction, shown
from trueup.capture.samples import media_type
from trueup.errors import DecodeError
from trueup.model import Payload, Prediction

_VALUES = ("probabilities", "scores", "score", "prob", "probability", "predictions", "prediction")
_NAMES = ("labels", "classes", "label")
_DIGITS = 20


def recognises(payload: Payload) -> bool:
    kind = media_type(payload.content_type)
    return kind in ("application/json", "application/jsonlines") or payload.data.lstrip()[:1] in (b"{", b"[")


def decode(payload: Payload, classes: tuple[str, ...]) -> list[Prediction]:
    """One prediction per instance. NaN and Infinity, which Python containers emit, are read and then refused
    where a probability should be. Raises DecodeError."""
    documents = _documents(payload)
    instances = [each for document in documents for each in _instances(document)]
    if not instances:
        raise DecodeError("the JSON answer holds no prediction")
    return [_one(each, classes) for each in instances]


def _documents(payload: Payload) -> list[Any]:
    try:
        text = payload.data.decode()
        if media_type(payload.content_type) == "application/jsonlines":
            return [_loads(line) for line in text.split("\n") if line.strip()]
        return [_loads(text)]
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise DecodeError(f"the answer is not JSON: {error}") from error
    except RecursionError as error:
        raise DecodeError("the answer is JSON nested too deeply to be read") from error


def _loads(text: str) -> Any:
    return json.loads(text, parse_int=_whole)


def _whole(digits: str) -> float:
    """Python makes no integer of thousands of digits, and no float of an integer of hundreds; both are infinite."""
    return int(digits) if len(digits) < _DIGITS else float(digits)


def _instances(document: Any) -> list[Any]:
    """Unwrap {"predictions": [...]} and lists of instances; a bare list of numbers is one instance."""
    if isinstance(document, Mapping) and isinstance(document.get("predictions"), list):
        inner = document["predictions"]
        return [inner] if inner and _is_number(inner[0]) else list(inner)
    if isinstance(document, list) and document and _is_label_score(document[0]):
        return [document]
    if isinstance(document, list) and document and not _is_number(document[0]):
        return list(document)
    return [document]


def _one(instance: Any, classes: tuple[str, ...]) -> Prediction:
    if _is_number(instance):
        return prediction([float(instance)], classes)
    if isinstance(instance, list) and instance and all(_is_label_score(each) for each in instance):
        return prediction([float(each["score"]) for each in instance], classes, [each["label"] for each in instance])
    if isinstance(instance, list) and all(_is_number(each) for each in instance):
        return prediction([float(each) for each in instance], classes)
    if isinstance(instance, Mapping):
        return _object(instance, classes)
    raise DecodeError(f"{shown([instance])} is not a prediction")


def _object(instance: Mapping[str, Any], classes: tuple[str, ...]) -> Prediction:
    key = next((each for each in _VALUES if each in instance), None)
    if key is None:
        raise DecodeError(f"an object with keys {shown(sorted(instance))} holds none of {', '.join(_VALUES)}")
    values = instance[key]
    if _is_number(values):
        values = [values]
    if not isinstance(values, list) or not all(_is_number(each) for each in values):
        raise DecodeError(f"{key} is not a list of numbers")
    return prediction([float(each) for each in values], classes, _names(instance, len(values)))


def _names(instance: Mapping[str, Any], count: int) -> list[object] | None:
    for key in _NAMES:
        names = instance.get(key)
        if isinstance(names, list) and len(names) == count:
            return names
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_label_score(value: Any) -> bool:
    return isinstance(value, Mapping) and "label" in value and _is_number(value.get("score"))
