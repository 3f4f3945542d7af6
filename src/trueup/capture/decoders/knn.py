"""SageMaker's built-in k-NN: a predicted_label alone, or (verbose) with the labels of its neighbours, whose votes are
the probabilities. Other containers that were asked for the predicted_label alone are read too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from trueup.capture.decoders.family import class_at, documents, glimpse, hints, labelled, prediction, shown
from trueup.errors import DecodeError
from trueup.model import Payload, Prediction

_KEYS = frozenset({"predicted_label", "labels", "distances"})
_AROUND = _KEYS | {"predictions"}


def recognises(payload: Payload) -> bool:
    if "predicted_label" not in hints(payload) or not hints(payload) <= _AROUND:
        return False
    found = [each for document in glimpse(payload) for each in _instances(document)]
    return bool(found) and all(_is_answer(each) for each in found)


def decode(payload: Payload, classes: tuple[str, ...]) -> list[Prediction]:
    """One prediction an instance. A label that is a number is the index of a class. Raises DecodeError."""
    found = [each for document in documents(payload) for each in _instances(document)]
    if not found:
        raise DecodeError("the answer holds no prediction")
    return [_one(each, classes) for each in found]


def _instances(document: Any) -> list[Any]:
    inner = document.get("predictions", document) if isinstance(document, Mapping) else document
    return inner if isinstance(inner, list) else [inner]


def _is_answer(instance: Any) -> bool:
    return isinstance(instance, Mapping) and "predicted_label" in instance and instance.keys() <= _KEYS


def _one(instance: Any, classes: tuple[str, ...]) -> Prediction:
    if not _is_answer(instance):
        raise DecodeError(f"{shown([instance])} is not a predicted_label, alone or with labels and distances")
    neighbours = instance.get("labels")
    if not isinstance(neighbours, list) or not neighbours:
        return labelled(_name(instance["predicted_label"], classes))
    votes = Counter(_name(each, classes) for each in neighbours)
    return prediction([each / votes.total() for each in votes.values()], classes, list(votes))


def _name(label: Any, classes: tuple[str, ...]) -> Any:
    return label if isinstance(label, str) else class_at(label, classes)
