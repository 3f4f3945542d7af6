"""Labels without probabilities: what predict() of a scikit-learn classifier answers, and in CSV, where the decoder is
named, XGBoost's multi:softmax.

Nothing tells how sure the model was, so that such predictions are asked about by the audit alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trueup.capture.decoders.family import class_at, documents, glimpse, labelled, shown
from trueup.capture.samples import media_type
from trueup.errors import DecodeError
from trueup.model import Payload, Prediction


def recognises(payload: Payload) -> bool:
    """A list of texts, and nothing but texts: numbers may be scores."""
    found = [each for document in glimpse(payload) for each in _labels(document)]
    return bool(found) and all(isinstance(each, str) for each in found)


def decode(payload: Payload, classes: tuple[str, ...]) -> list[Prediction]:
    """One prediction a label; a whole number is the index of one, unless it is its name. Raises DecodeError for a
    label that is none of `classes`."""
    if media_type(payload.content_type) in ("text/csv", "text/plain"):
        labels = _cells(payload, classes)
    else:
        labels = [each for document in documents(payload) for each in _labels(document)]
    if not labels:
        raise DecodeError("the answer is not a list of labels")
    names = [each if isinstance(each, str) or str(each) in classes else class_at(each, classes) for each in labels]
    strange = [each for each in names if str(each) not in classes]
    if strange:
        raise DecodeError(f"no class of the label schema is called {shown(strange)}")
    return [labelled(each) for each in names]


def _cells(payload: Payload, classes: tuple[str, ...]) -> list[Any]:
    """One a line."""
    try:
        lines = payload.data.decode().splitlines()
    except UnicodeDecodeError as error:
        raise DecodeError(f"the CSV answer is not UTF-8: {error}") from error
    cells = [each.strip().strip('"') for each in lines if each.strip()]
    return [each if each in classes else _number(each) for each in cells]


def _number(cell: str) -> float | str:
    """A class's index, as 2 or 2.0; what is no number is a name."""
    try:
        return float(cell)
    except ValueError:
        return cell


def _labels(document: Any) -> list[Any]:
    inner = document.get("predictions") if isinstance(document, Mapping) else document
    return inner if isinstance(inner, list) else []
