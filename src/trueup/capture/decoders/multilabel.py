"""Classes that do not exclude each other, each with a probability of its own (a sigmoid each): they need not sum to
one. Recognised where the answer says so (multi_label, or problem_type multi_label_classification); else name this
decoder, for numbers alone do not tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trueup.capture.decoders import csv_probabilities, json_probabilities
from trueup.capture.decoders.family import glimpse, hints, independent
from trueup.capture.samples import media_type
from trueup.model import Payload, Prediction

_FLAGS = ("multi_label", "multilabel")


def recognises(payload: Payload) -> bool:
    if hints(payload).isdisjoint((*_FLAGS, "problem_type")):
        return False
    found = glimpse(payload)
    return bool(found) and all(_says_so(each) for each in found)


def decode(payload: Payload, classes: tuple[str, ...]) -> list[Prediction]:
    """One prediction an instance. Raises DecodeError."""
    if media_type(payload.content_type) in ("text/csv", "text/plain"):
        return [independent(each, classes) for each in csv_probabilities.rows_of(payload)]
    return [independent(values, classes, names) for values, names in json_probabilities.rows_of(payload)]


def _says_so(document: Any) -> bool:
    if not isinstance(document, Mapping):
        return False
    return any(document.get(each) is True for each in _FLAGS) or (
        document.get("problem_type") == "multi_label_classification"
    )
