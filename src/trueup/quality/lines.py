"""Answers and predictions as JSON Lines, from whatever tool wrote them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec
import numpy as np

from trueup.errors import InputError
from trueup.model import Record
from trueup.quality.answers import Floats

_Line = TypeVar("_Line")
_FIELD = re.compile(r"field `(\w+)`|at `\$\.(\w+)")
_ANSWER = '{"sample": "a.jpg", "annotator": "ada", "label": "cat"}'
_PREDICTION = '{"sample": "a.jpg", "probabilities": {"cat": 0.9, "dog": 0.1}}'


class AnswerLine(Record, frozen=True, kw_only=True):
    """One annotator's answer; a number as a label is a rating or a class by its number."""

    sample: str | int
    annotator: str | int
    label: str | int | float


class PredictionLine(Record, frozen=True, kw_only=True):
    """What a model said of a sample, by class."""

    sample: str | int
    probabilities: Mapping[str, float]


def read_answers(data: bytes, name: str) -> list[tuple[str, str, str]]:
    """(sample, annotator, label) of each line of `name`; where an annotator answered a sample twice, the later line
    counts. Raises InputError that names the line and the field."""
    answers: dict[tuple[str, str], str] = {}
    for each in _read(data, name, msgspec.json.Decoder(AnswerLine), _ANSWER):
        answers[str(each.sample), str(each.annotator)] = label_text(each.label)
    if not answers:
        raise InputError(f"{name} holds no answer; each line is one, as {_ANSWER}", field=name)
    return [(sample, annotator, label) for (sample, annotator), label in answers.items()]


def read_predictions(data: bytes, name: str, samples: Sequence[str], classes: Sequence[str]) -> Floats:
    """Probabilities float64[samples, classes] of those samples, rows of NaN for the others, each scaled to sum to one.
    Raises InputError as read_answers, and for a probability below 0 or a row that names no class of the answers."""
    row_of = {name: row for row, name in enumerate(samples)}
    found = np.full((len(samples), len(classes)), np.nan)
    for each in _read(data, name, msgspec.json.Decoder(PredictionLine), _PREDICTION):
        row = row_of.get(str(each.sample))
        if row is None:
            continue
        chances = np.array([each.probabilities.get(label, 0.0) for label in classes])
        if not (np.isfinite(chances).all() and (chances >= 0).all() and chances.sum() > 0):
            known = ", ".join(classes)
            raise InputError(
                f"{name}: field `probabilities` of sample {each.sample!r} must give numbers from 0 to 1 to at least "
                f"one of the labels {known}",
                field="probabilities",
            )
        found[row] = chances / chances.sum()
    return found


def label_text(label: str | int | float) -> str:
    """A label as text: 3 and 3.0 are the same rating."""
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    return str(label)


def _read(data: bytes, name: str, decoder: msgspec.json.Decoder[_Line], example: str) -> list[_Line]:
    try:
        return decoder.decode_lines(data)
    except msgspec.DecodeError:
        return _one_by_one(data, name, decoder.decode, example)


def _one_by_one(data: bytes, name: str, decode: Callable[[bytes], _Line], example: str) -> list[_Line]:
    """The same, slower: it knows which line is wrong."""
    found = []
    for number, line in enumerate(data.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            found.append(decode(line))
        except msgspec.DecodeError as error:
            raise _wrong(name, number, error, example) from error
    return found


def _wrong(name: str, number: int, error: msgspec.DecodeError, example: str) -> InputError:
    match = _FIELD.search(str(error))
    field = (match[1] or match[2]) if match else None
    if field is None:
        what = f"this is no such JSON object ({error})"
    elif "missing" in str(error):
        what = f"field `{field}` is missing"
    else:
        what = f"field `{field}`: {str(error).partition(' - at ')[0]}"
    return InputError(f"{name}, line {number}: {what}; write it as {example}", field=field or name)
