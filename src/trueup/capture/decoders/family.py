"""What a payload family offers, and what all of them need."""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, Protocol, TypeGuard

from msgspec.structs import replace

from trueup.capture.samples import media_type
from trueup.errors import DecodeError
from trueup.model import Found, Payload, Prediction, PredictionKind, SaidClasses

SUM_TOLERANCE = 0.02
ROUNDING = 1e-9
_SHOWN = 5
_HIGHEST = 1e300
_DIGITS = 20
# A list of documents, of lists, of instances, under one name.
_DEPTH = 5
# A task and its selection carry the prediction, so its size has an end: as many objects as COCO judges per image.
_MOST_OBJECTS = 100
_LONGEST_TEXT = 100
# BlazingText and fastText write it before the names of classes.
_FASTTEXT = "__label__"


class Decoder(Protocol):
    """A module with these two functions is a decoder. A third, `decode_many`, is for speed: see
    trueup.capture.decoders.columns."""

    def recognises(self, payload: Payload) -> bool: ...

    def decode(self, payload: Payload, classes: tuple[str, ...]) -> list[Prediction]: ...


# ---------------------------------------------------------------- predictions


def prediction(
    values: Sequence[float],
    classes: tuple[str, ...],
    names: Sequence[object] | None = None,
    kind: PredictionKind = "probabilities",
) -> Prediction:
    """A full distribution over `names`, or over the first len(values) of `classes` when the model names none.

    A model that knows fewer classes than the schema is normal: the newest class is what trueup is to teach it.
    One value alone is P(second class) of a binary model. Named values that do not add up, and one alone, are the
    likeliest of more: the prediction is partial. What rounding put just outside of 0 to 1 is put back. Raises
    DecodeError for what is not probabilities of distinct classes.
    """
    if names is None and len(values) == 1:
        if not _is_chance(values[0]):
            raise DecodeError(f"{_no_chances(values)}; the decoder regression reads numbers, json_labels classes")
        values, kind = (1.0 - values[0], values[0]), "binary"
    known = class_names(names) if names is not None else first_classes(classes, len(values))
    inside = _inside(values, known)
    total = math.fsum(values)
    alone = kind == "winner" or (len(inside) == 1 and total < 1)
    partial = names is not None and (total < 1 - SUM_TOLERANCE or alone)
    if not partial and abs(total - 1) > SUM_TOLERANCE:
        raise DecodeError(
            f"the probabilities {_short(values)} sum to {total:.4f}, not 1: logits need a softmax first (decoder "
            "json_logits), classes that do not exclude each other the decoder multilabel"
        )
    return Prediction(classes=known, probabilities=inside, partial=partial, kind=kind)


def first_classes(classes: tuple[str, ...], count: int) -> tuple[str, ...]:
    """The names of so many numbers without names."""
    return classes.first(count) if isinstance(classes, SaidClasses) else classes[:count]


def independent(values: Sequence[float], classes: tuple[str, ...], names: Sequence[object] | None = None) -> Prediction:
    """Classes that do not exclude each other, each with a probability of its own. Raises DecodeError."""
    known = class_names(names) if names is not None else first_classes(classes, len(values))
    return Prediction(classes=known, probabilities=_inside(values, known), kind="multilabel")


def labelled(name: object) -> Prediction:
    """A label without any probability. Raises DecodeError for what cannot be the name of a class."""
    return Prediction(classes=class_names([name]), probabilities=(), partial=True, kind="labels")


def with_objects(found: Iterable[Found], kind: PredictionKind) -> Prediction:
    """Boxes or spans: each class is as likely as the surest of its objects. None found is an answer too, without
    classes. The hundred surest are kept. Raises DecodeError for scores outside of 0 to 1."""
    things = list(found)
    scores = _inside([each.score for each in things], [each.label for each in things]) if things else ()
    sound = (replace(each, score=score) for each, score in zip(things, scores, strict=True))
    objects = tuple(sorted(sound, key=lambda each: -each.score)[:_MOST_OBJECTS])
    chances: dict[str, float] = {}
    for each in objects:
        chances.setdefault(each.label, each.score)
    inside = tuple(chances.values())
    return Prediction(classes=tuple(chances), probabilities=inside, partial=True, kind=kind, objects=objects)


def spoken(text: str, tokens: Sequence[tuple[str, float]], others: Sequence[tuple[str, float]]) -> Prediction:
    """What a language model wrote as an answer. `tokens` and `others` (what else it might have begun with) are with
    their natural log-probabilities.

    An answer of one token is one of the classes that the others name too; of a longer one the probability of the
    whole is known, and nothing of its rivals. Without tokens it is a label alone. Always partial: a vocabulary is
    never listed. Raises DecodeError.
    """
    answer = brief(text.strip())
    if not answer:
        raise DecodeError("the model wrote no text")
    if not tokens:
        return labelled(answer)
    if len(tokens) == 1:
        weights = _merged([tokens[0], *(each for each in others if each[0] != tokens[0][0])])
    else:
        weights = {answer: _chance(math.fsum(each for _, each in tokens))}
    total = math.fsum(weights.values())
    if not weights or total > 1 + SUM_TOLERANCE:
        raise DecodeError(f"the tokens {shown(list(weights))} have the probability {total:.4f} together")
    known = class_names(list(weights))
    return Prediction(classes=known, probabilities=tuple(weights.values()), partial=True, kind="logprobs")


def softmax(row: Any) -> list[float]:
    """Probabilities of raw scores. Raises DecodeError for what is not the scores of two classes or more."""
    if not isinstance(row, list) or len(row) < 2 or not all(is_number(each) for each in row):
        raise DecodeError(f"{shown([row])} are not the scores of two classes or more")
    highest = max(row)
    weights = [math.exp(each - highest) for each in row]
    total = math.fsum(weights)
    return [each / total for each in weights]


# ---------------------------------------------------------------- JSON


def documents(payload: Payload) -> list[Any]:
    """The JSON documents of a payload: one, or one a line. NaN and Infinity, which Python containers emit, are read;
    to refuse them is up to who wants a number. Nobody may change what is returned. Raises DecodeError."""
    found, problem = _parsed(payload.data, payload.content_type)
    if problem:
        raise DecodeError(problem)
    return found


def glimpse(payload: Payload) -> list[Any]:
    """The documents of a payload, for a decoder to recognise: none if it is no JSON object or array."""
    return _glimpsed(payload.data, payload.content_type)


def hints(payload: Payload) -> frozenset[str]:
    """The names in a payload's first document and first instance, so that a decoder knows quickly what is not its."""
    return _hinted(payload.data, payload.content_type)


# Each decoder of the table looks at the same payload: the last one is kept, and so parsed once.
@lru_cache(maxsize=1)
def _hinted(data: bytes, content_type: str) -> frozenset[str]:
    node: Any = _glimpsed(data, content_type)
    names: set[str] = set()
    for _ in range(_DEPTH):
        if isinstance(node, list):
            node = next(filter(None, node), None)
        elif isinstance(node, dict):
            names |= node.keys()
            node = node.get("predictions")
    return frozenset(names)


@lru_cache(maxsize=1)
def _glimpsed(data: bytes, content_type: str) -> list[Any]:
    return _parsed(data, content_type)[0] if data.lstrip()[:1] in (b"{", b"[") else []


@lru_cache(maxsize=1)
def _parsed(data: bytes, content_type: str) -> tuple[list[Any], str]:
    """The documents, or none and what is wrong."""
    try:
        text = data.decode()
        if media_type(content_type) == "application/jsonlines":
            return [_JSON.decode(line) for line in text.split("\n") if line.strip()], ""
        return [_JSON.decode(text)], ""
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        return [], f"the answer is not JSON: {error}"
    except RecursionError:
        return [], "the answer is JSON nested too deeply to be read"


def _whole(digits: str) -> float:
    """Python makes no integer of thousands of digits, and no float of an integer of hundreds; both are infinite."""
    return int(digits) if len(digits) < _DIGITS else float(digits)


_JSON = json.JSONDecoder(parse_int=_whole)


# ---------------------------------------------------------------- names and numbers


def is_number(value: object) -> TypeGuard[float]:
    """A finite number that a float can hold; JSON may hold others."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _HIGHEST


def class_at(index: object, classes: Sequence[object]) -> str:
    """The name of a class that the model gives by its index: of `classes`, or the index itself past their end.
    Raises DecodeError."""
    if not is_number(index) or int(index) != index or index < 0:
        raise DecodeError(f"{shown([index])} is not the index of a class")
    place = int(index)
    return class_names([classes[place] if place < len(classes) else place])[0]


def class_names(names: Sequence[object]) -> tuple[str, ...]:
    """The names as text, without what fastText writes before them. Raises DecodeError."""
    wrong = [each for each in names if not _is_name(each)]
    if wrong:
        raise DecodeError(f"{shown(wrong)} cannot be the name of a class")
    known = tuple(str(each).removeprefix(_FASTTEXT) for each in names)
    if len(set(known)) != len(known):
        raise DecodeError(f"the answer names a class twice: {shown(known)}")
    return known


def brief(text: str) -> str:
    """Text that a prediction may carry: not too much of it, and nothing that cannot be stored."""
    whole = text.encode("utf-8", "replace").decode()
    return whole if len(whole) <= _LONGEST_TEXT else whole[: _LONGEST_TEXT - 1] + "…"


def shown(names: Sequence[object]) -> str:
    """What a stranger's payload names, fit for a message: escaped and not too much of it."""
    return ", ".join(reprlib.repr(each) for each in names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")


def _inside(values: Sequence[float], known: Sequence[str]) -> tuple[float, ...]:
    if len(values) != len(known):
        raise DecodeError(f"{len(values)} probabilities for {len(known)} classes {shown(known)}")
    if not values:
        raise DecodeError("an instance without probabilities")
    if not all(_is_chance(each) for each in values):
        raise DecodeError(_no_chances(values))
    return tuple(min(1.0, max(0.0, float(each))) for each in values)


def _is_chance(value: float) -> bool:
    return -ROUNDING <= value <= 1 + ROUNDING


def _no_chances(values: Sequence[float]) -> str:
    return f"{_short(values)} are not probabilities between 0 and 1"


def _merged(tokens: Sequence[tuple[str, float]]) -> dict[str, float]:
    """ "yes" and " yes" are two tokens and one answer."""
    weights: dict[str, float] = {}
    for token, logprob in tokens:
        name = brief(token.strip())
        weights[name] = weights.get(name, 0.0) + _chance(logprob)
    return {name: min(1.0, each) for name, each in weights.items() if name}


def _chance(logprob: float) -> float:
    if not is_number(logprob) or logprob > SUM_TOLERANCE:
        raise DecodeError(f"{logprob!r} is not the logarithm of a probability")
    return min(1.0, math.exp(logprob))


def _is_name(name: object) -> bool:
    """JSON can hold halves of surrogate pairs, which nothing can store."""
    if isinstance(name, str):
        return not any("\ud800" <= each <= "\udfff" for each in name)
    return isinstance(name, int | float)


def _short(values: Sequence[float]) -> str:
    first = ", ".join(f"{each:.4g}" for each in values[:_SHOWN])
    return f"[{first}{', …' if len(values) > _SHOWN else ''}]"
