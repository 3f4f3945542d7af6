"""Several passes over the same input: Monte Carlo dropout, deep ensembles.

An answer {"passes": …} holds one answer of each pass: a row of class probabilities or raw scores, or a row for each
instance. An instance may hold its own passes too, as in {"predictions": [{"passes": [[…], …]}, …]}. The prediction
is their mean; how much they disagree is its `information`, which the strategy bald looks at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from trueup.capture.decoders.family import documents, glimpse, hints, is_number, prediction, shown, softmax
from trueup.errors import DecodeError
from trueup.model import Payload, Prediction

_PASSES = "passes"
_NAMES = ("classes", "labels")
_FEWEST = 2


def recognises(payload: Payload) -> bool:
    return _PASSES in hints(payload) and bool(_instances(glimpse(payload)))


def decode(payload: Payload, classes: tuple[str, ...]) -> list[Prediction]:
    """One prediction an instance. Raises DecodeError for passes of different shapes, and for fewer than two."""
    found = _instances(documents(payload))
    if not found:
        raise DecodeError("the answer holds no passes")
    return [_one(rows, names, classes) for rows, names in found]


def _instances(found: Sequence[Any]) -> list[tuple[list[Any], Any]]:
    """The rows of each instance, one of each pass, with the names of the classes where the answer has some."""
    instances = []
    for document in found:
        inner = document.get("predictions", document) if isinstance(document, dict) else document
        names = _named(document)
        for each in inner if isinstance(inner, list) else [inner]:
            if isinstance(each, dict) and isinstance(each.get(_PASSES), list):
                instances += [(rows, _named(each) or names) for rows in _by_instance(each[_PASSES])]
    return instances


def _by_instance(passes: list[Any]) -> list[list[Any]]:
    """Passes of several instances each, turned round."""
    several = all(isinstance(each, list) and each and isinstance(each[0], list) for each in passes)
    if not several or not passes:
        return [passes]
    lengths = {len(each) for each in passes}
    if len(lengths) > 1:
        raise DecodeError(f"the passes speak of {shown(sorted(lengths))} instances: each of all of them")
    return [list(rows) for rows in zip(*passes, strict=True)]


def _named(document: Any) -> Any:
    return next((document[each] for each in _NAMES if each in document), None) if isinstance(document, dict) else None


def _one(rows: list[Any], names: Any, classes: tuple[str, ...]) -> Prediction:
    if names is not None and not isinstance(names, list):
        raise DecodeError(f"{shown([names])} are not the names of classes")
    if len(rows) < _FEWEST or len({len(each) if isinstance(each, list) else 1 for each in rows}) != 1:
        raise DecodeError(f"{len(rows)} passes: there must be two or more, of as many classes each")
    each_pass = _distributions([each if isinstance(each, list) else [each] for each in rows])
    mean = [math.fsum(column) / len(each_pass) for column in zip(*each_pass, strict=True)]
    doubt = math.fsum(map(_entropy, each_pass)) / len(each_pass)
    information = (_entropy(mean) - doubt) / math.log(max(_FEWEST, len(mean)))
    return replace(prediction(mean, classes, names), information=min(1.0, max(0.0, information)))


def _distributions(rows: list[list[Any]]) -> list[list[float]]:
    """Rows of raw scores get a softmax, and a single number is P(second class)."""
    wrong = [each for row in rows for each in row if not is_number(each)]
    if wrong or not rows[0]:
        raise DecodeError(f"{shown(wrong)} are not the probabilities of a pass")
    if len(rows[0]) == 1:
        rows = [[1.0 - each[0], each[0]] for each in rows]
    if any(each < 0 or each > 1 for row in rows for each in row):
        return [softmax(each) for each in rows]
    return [[float(each) for each in row] for row in rows]


def _entropy(row: Sequence[float]) -> float:
    return -math.fsum(each * math.log(each) for each in row if each > 0)
