"""Raw scores of PyTorch, TensorFlow Serving and alike, which need a softmax.

Recognised where the answer calls them logits, or where it is rows of numbers and one of them is no probability. A
bare list of numbers is not: a regression answers the same for several instances. Name this decoder for those, and
for scores that may all lie between 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trueup.capture.decoders.family import documents, glimpse, is_number, prediction, softmax
from trueup.errors import DecodeError
from trueup.model import Payload, Prediction

_WRAPPERS = ("predictions", "logits", "outputs")
_NAME = "logits"


def recognises(payload: Payload) -> bool:
    found = glimpse(payload)
    rows = [each for document in found for each in _rows(document)]
    if not rows or not isinstance(rows[0], list):
        return False
    called = _NAME.encode() in payload.data
    inner = _unwrapped(found[0])
    nested = len(found) > 1 or (isinstance(inner, list) and isinstance(next(iter(inner), None), list))
    if not called and not (nested and any(map(_goes_beyond, rows))):
        return False
    return all(map(_is_row, rows))


def decode(payload: Payload, classes: tuple[str, ...]) -> list[Prediction]:
    """One prediction for a list of numbers, or one each for a list of lists. Raises DecodeError."""
    rows = [each for document in documents(payload) for each in _rows(document)]
    if not rows:
        raise DecodeError("the answer holds no scores")
    return [prediction(softmax(each), classes, kind="logits") for each in rows]


def _unwrapped(document: Any) -> Any:
    if isinstance(document, Mapping):
        return next((document[each] for each in _WRAPPERS if each in document), document)
    return document


def _rows(document: Any) -> list[Any]:
    inner = _unwrapped(document)
    if isinstance(inner, list) and inner and isinstance(inner[0], list | dict):
        return [_unwrapped(each) for each in inner]
    return [inner]


def _goes_beyond(row: Any) -> bool:
    """Whether a number of it is no probability."""
    try:
        return bool(min(row) < 0 or max(row) > 1)
    except (TypeError, ValueError):
        return False


def _is_row(row: Any) -> bool:
    return isinstance(row, list) and len(row) > 1 and all(is_number(each) for each in row)
