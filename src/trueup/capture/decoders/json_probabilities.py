"""JSON of probabilities: scikit-learn, TensorFlow Serving, Linear Learner, JumpStart, Hugging Face, XGBoost JSON,
BlazingText, image classification.

One instance is a list of numbers, a single score, or an object that holds them under one of the known names,
with class names beside them where the container gives them. Several instances come in a list, under
"predictions", under "outputs" by column, or a line each (JSON Lines).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from trueup.capture.decoders.columns import Table, table
from trueup.capture.decoders.family import documents, prediction, shown
from trueup.capture.samples import media_type
from trueup.errors import DecodeError
from trueup.model import Payload, Prediction, PredictionKind

_VALUES = ("probabilities", "scores", "score", "prob", "probability", "predictions", "prediction")
_WRAPPER = "predictions"
_NAMES = ("labels", "classes", "label")
Row = tuple[list[float], list[object] | None]


def recognises(payload: Payload) -> bool:
    """JSON whatever it is called, but not the lines of XGBoost's batch mode: CSV, each a Python list of numbers."""
    kind = media_type(payload.content_type)
    if kind in ("application/json", "application/jsonlines"):
        return True
    head = payload.data.lstrip()[:2]
    return head[:1] in (b"{", b"[") and not (kind == "text/csv" and head[1:].isdigit())


def decode(payload: Payload, classes: tuple[str, ...]) -> list[Prediction]:
    """One prediction per instance. NaN and Infinity, which Python containers emit, are read and then refused
    where a probability should be. Raises DecodeError."""
    return [_one(each, classes) for each in _all(payload)]


def decode_many(texts: Sequence[str], classes: tuple[str, ...]) -> Table | None:
    """Answers with the same names in them, one instance each, without names of classes."""
    try:
        shape = _shape(msgspec.json.decode(texts[0]))
        return table(shape.rows(f"[{','.join(texts)}]"), classes) if shape else None
    except (msgspec.MsgspecError, UnicodeEncodeError, RecursionError, _SeveralError):
        return None


class _SeveralError(Exception):
    """An answer holds no instance, or more than one."""


class _Shape(msgspec.Struct, frozen=True):
    """How the answers are made: an object's names, where the numbers lie in it, and whether under "predictions"."""

    names: tuple[str, ...] = ()
    values: str = ""
    alone: bool = False
    wrapped: bool = False

    def rows(self, text: str) -> list[Any]:
        found = _reader(self).decode(text)
        if self.wrapped:
            found = [_only(each.predictions) for each in found]
        return [each.values for each in found] if self.values else found


def _only(instances: list[Any]) -> Any:
    if len(instances) != 1:
        raise _SeveralError
    return instances[0]


def _shape(document: Any) -> _Shape | None:
    if isinstance(document, dict) and list(document) == [_WRAPPER]:
        inner = document[_WRAPPER]
        shape = _shape(inner[0]) if isinstance(inner, list) and len(inner) == 1 else None
        return msgspec.structs.replace(shape, wrapped=True) if shape and not shape.wrapped else None
    if isinstance(document, list):
        return _Shape() if document and all(map(_is_number, document)) else None
    if not isinstance(document, dict) or any(each in document for each in (_WRAPPER, "outputs", *_NAMES)):
        return None
    values = next((each for each in _VALUES if each in document), "")
    alone = _is_number(document.get(values))
    return _Shape(names=tuple(sorted(document)), values=values, alone=alone) if values else None


@lru_cache(maxsize=16)
def _reader(shape: _Shape) -> msgspec.json.Decoder[list[Any]]:
    row: Any = list[float]
    if shape.values:
        kind: Any = float if shape.alone else list[float]
        fields: list[Any] = [
            ("values", kind, msgspec.field(name=name))
            if name == shape.values
            else (f"x{index}", msgspec.Raw, msgspec.field(name=name))
            for index, name in enumerate(shape.names)
        ]
        row = msgspec.defstruct("Answer", fields, forbid_unknown_fields=True, gc=False)
    if shape.wrapped:
        row = msgspec.defstruct("Wrapper", [(_WRAPPER, list[row])], forbid_unknown_fields=True, gc=False)
    return msgspec.json.Decoder(list[row])


def rows_of(payload: Payload) -> list[Row]:
    """The numbers of each instance, and the names of their classes where it gives them. Raises DecodeError."""
    return [_row(each) for each in _all(payload)]


def _all(payload: Payload) -> list[Any]:
    instances = [each for document in documents(payload) for each in _instances(document)]
    if not instances:
        raise DecodeError("the JSON answer holds no prediction")
    return instances


def _instances(document: Any) -> list[Any]:
    """Unwrap {"predictions": [...]} and lists of instances; a bare list of numbers is one instance."""
    if isinstance(document, Mapping):
        inner = document.get("predictions", _columns(document.get("outputs")))
        if isinstance(inner, list):
            return [inner] if inner and _is_number(inner[0]) else list(inner)
    if isinstance(document, list) and document and _is_label_score(document[0]):
        return [document]
    if isinstance(document, list) and document and not _is_number(document[0]):
        return list(document)
    return [document]


def _columns(outputs: Any) -> Any:
    """TensorFlow Serving's columns: the one output, or of several the one with a known name."""
    if not isinstance(outputs, Mapping):
        return outputs
    known = [each for each in _VALUES if each in outputs] or (list(outputs) if len(outputs) == 1 else [])
    return outputs[known[0]] if known else None


def _one(instance: Any, classes: tuple[str, ...]) -> Prediction:
    values, names = _row(instance)
    alone = isinstance(instance, list) and names is not None and len(names) == 1
    kind: PredictionKind = "winner" if alone else "probabilities"
    return prediction(values, classes, names, kind)


def _row(instance: Any) -> Row:
    if _is_number(instance):
        return [float(instance)], None
    if isinstance(instance, list) and instance and all(_is_label_score(each) for each in instance):
        return [float(each["score"]) for each in instance], [each["label"] for each in instance]
    if isinstance(instance, list) and all(_is_number(each) for each in instance):
        return [float(each) for each in instance], None
    if isinstance(instance, Mapping):
        return _object(instance)
    raise DecodeError(f"{shown([instance])} is not a prediction")


def _object(instance: Mapping[str, Any]) -> Row:
    key = next((each for each in _VALUES if each in instance), None)
    if key is None and len(instance) == 1 and isinstance(next(iter(instance.values())), list):
        key = next(iter(instance))
    if key is None:
        raise DecodeError(f"an object with keys {shown(sorted(instance))} holds none of {', '.join(_VALUES)}")
    values = instance[key]
    if _is_number(values):
        values = [values]
    if not isinstance(values, list) or not all(_is_number(each) for each in values):
        raise DecodeError(f"{shown([key])} is not a list of numbers")
    return [float(each) for each in values], _names(instance, len(values))


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
