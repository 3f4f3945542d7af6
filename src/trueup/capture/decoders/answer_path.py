"""Answers of one's own making: the configuration says where in the JSON the numbers lie (jmespath.org)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jmespath  # type: ignore[import-untyped]
from jmespath.exceptions import JMESPathError  # type: ignore[import-untyped]

from trueup.capture.decoders.family import documents, is_number, prediction, shown, softmax
from trueup.errors import DecodeError
from trueup.model import AnswerPath, Payload, Prediction

NAME = "answer_path"


def decode(payload: Payload, classes: tuple[str, ...], path: AnswerPath) -> list[Prediction]:
    """One prediction for a list of numbers or a score, one each for a list of lists. Raises DecodeError."""
    found = [each for document in documents(payload) for each in _instances(document, path)]
    if not found:
        raise DecodeError(f"{path.values} leads to nothing in the answer")
    return [_one(values, labels, path.classes or classes, path.logits) for values, labels in found]


def sound(expression: str) -> bool:
    """Whether it is a JMESPath expression."""
    try:
        _compiled(expression)
    except JMESPathError:
        return False
    return True


def _instances(document: Any, path: AnswerPath) -> list[tuple[Any, Any]]:
    values = _found(document, path.values)
    labels: Any = _found(document, path.labels) if path.labels else None
    if values is None:
        return []
    if not isinstance(values, list) or not values or not isinstance(values[0], list):
        return [(values, labels)]
    apart = isinstance(labels, list) and bool(labels) and isinstance(labels[0], list)
    each: list[Any] = [*labels] if apart else [labels] * len(values)
    if len(each) != len(values):
        raise DecodeError(
            f"{path.labels} leads to the classes of {len(each)} instances, {path.values} to {len(values)}"
        )
    return list(zip(values, each, strict=True))


def _one(values: Any, labels: Any, classes: tuple[str, ...], logits: bool) -> Prediction:
    row = [values] if is_number(values) else values
    if not isinstance(row, list) or not row or not all(map(is_number, row)):
        raise DecodeError(f"the path leads to {shown([values])}, where numbers should be")
    if labels is not None and not isinstance(labels, list):
        raise DecodeError(f"the path leads to {shown([labels])}, where names of classes should be")
    if logits:
        return prediction(softmax(row), classes, labels, "logits")
    return prediction([float(each) for each in row], classes, labels)


def _found(document: Any, expression: str) -> Any:
    try:
        return _compiled(expression).search(document)
    except JMESPathError as error:
        raise DecodeError(f"{expression} does not fit the answer: {error}") from error


@lru_cache(maxsize=64)
def _compiled(expression: str) -> Any:
    return jmespath.compile(expression)
