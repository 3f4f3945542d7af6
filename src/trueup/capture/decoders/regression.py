"""A number for each instance, perhaps with an interval around it. Recognised where the answer names bounds or a
predicted_value; else name this decoder, for a number alone may be a probability too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from trueup.capture.decoders import csv_probabilities
from trueup.capture.decoders.family import documents, glimpse, hints, is_number, shown
from trueup.capture.samples import media_type
from trueup.errors import DecodeError
from trueup.model import Payload, Prediction

_VALUES = ("predicted_value", "predicted_score", "score", "prediction", "value", "mean")
_BOUNDS = (("lower", "upper"), ("low", "high"), ("lower_bound", "upper_bound"))
_INTERVALS = ("interval", "prediction_interval")
_MARKS = ("predicted_value", *_INTERVALS, *(low for low, _ in _BOUNDS))


def recognises(payload: Payload) -> bool:
    if hints(payload).isdisjoint(_MARKS):
        return False
    found = [each for document in glimpse(payload) for each in _instances(document)]
    return bool(found) and all(_is_plain(each) for each in found)


def decode(payload: Payload, classes: tuple[str, ...]) -> list[Prediction]:  # noqa: ARG001 - there are none
    """One prediction a number: in CSV a line each of a value, or of value, low and high. Raises DecodeError."""
    if media_type(payload.content_type) in ("text/csv", "text/plain"):
        return [_of_row(each) for each in csv_probabilities.rows_of(payload)]
    found = [each for document in documents(payload) for each in _instances(document)]
    if not found:
        raise DecodeError("the answer holds no number")
    return [_one(each) for each in found]


def _is_plain(instance: Any) -> bool:
    if not isinstance(instance, Mapping):
        return False
    bounded = any(low in instance and high in instance for low, high in _BOUNDS)
    return "predicted_value" in instance or bounded or any(each in instance for each in _INTERVALS)


def _instances(document: Any) -> list[Any]:
    inner = document["predictions"] if isinstance(document, Mapping) and "predictions" in document else document
    return inner if isinstance(inner, list) else [inner]


def _one(instance: Any) -> Prediction:
    if isinstance(instance, list):
        return _of_row(instance)
    if isinstance(instance, Mapping):
        value = next((instance[each] for each in _VALUES if each in instance), None)
        return _of_row([value[0] if isinstance(value, list) and len(value) == 1 else value, *_interval(instance)])
    return _of_row([instance])


def _interval(instance: Mapping[str, Any]) -> Sequence[Any]:
    for low, high in _BOUNDS:
        if low in instance and high in instance:
            return instance[low], instance[high]
    found: Any = next((instance[each] for each in _INTERVALS if each in instance), [])
    return found if isinstance(found, list) and len(found) in (0, 2) else [None, None]


def _of_row(row: Sequence[Any]) -> Prediction:
    if len(row) not in (1, 3) or not all(is_number(each) for each in row):
        raise DecodeError(f"{shown([list(row)])} is not a number, nor one with the two ends of its interval")
    value, low, high = row if len(row) == 3 else (row[0], row[0], row[0])
    if not low <= high:
        raise DecodeError(f"the interval of {value} ends at {high} before it begins at {low}")
    interval = (float(low), float(high)) if len(row) == 3 else None
    return Prediction(classes=(), probabilities=(), kind="regression", value=float(value), interval=interval)
