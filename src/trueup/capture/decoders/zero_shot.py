"""Hugging Face zero-shot classification: {"sequence", "labels", "scores"}, the labels being the caller's own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from trueup.capture.decoders.family import documents, glimpse, hints, independent, is_number, prediction, shown
from trueup.errors import DecodeError
from trueup.model import Payload, Prediction

_LISTS = ("labels", "scores")
_TOLERANCE = 0.02


def recognises(payload: Payload) -> bool:
    if "sequence" not in hints(payload):
        return False
    found = [each for document in glimpse(payload) for each in _instances(document)]
    return bool(found) and all(isinstance(each, Mapping) and {"sequence", *_LISTS} <= each.keys() for each in found)


def decode(payload: Payload, classes: tuple[str, ...]) -> list[Prediction]:  # noqa: ARG001 - the answer names them
    """One prediction a sequence. All labels are always scored: where they do not add up to one, the caller asked for
    multi_label and they do not exclude each other. Raises DecodeError."""
    found = [each for document in documents(payload) for each in _instances(document)]
    if not found:
        raise DecodeError("the answer holds no sequence")
    return [_one(each) for each in found]


def _instances(document: Any) -> list[Any]:
    return document if isinstance(document, list) else [document]


def _one(instance: Any) -> Prediction:
    labels, scores = (instance.get(name) for name in _LISTS) if isinstance(instance, Mapping) else (None, None)
    if not isinstance(labels, list) or not isinstance(scores, list) or not all(is_number(each) for each in scores):
        raise DecodeError(f"{shown([instance])} has no lists of labels and scores")
    add_up = abs(math.fsum(scores) - 1) <= _TOLERANCE
    return prediction(scores, (), labels) if add_up else independent(scores, (), labels)
