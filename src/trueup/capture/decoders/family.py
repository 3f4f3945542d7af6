"""What a payload family offers, and what all of them need."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Sequence
from typing import Protocol

from trueup.errors import DecodeError
from trueup.model import Payload, Prediction

_SUM_TOLERANCE = 0.02
_ROUNDING = 1e-9
_SHOWN = 5
_HIGHEST = 1e300
# BlazingText and fastText write it before the names of classes.
_FASTTEXT = "__label__"


class Decoder(Protocol):
    """A module with these two functions is a decoder."""

    def recognises(self, payload: Payload) -> bool: ...

    def decode(self, payload: Payload, classes: tuple[str, ...]) -> list[Prediction]: ...


def prediction(values: Sequence[float], classes: tuple[str, ...], names: Sequence[object] | None = None) -> Prediction:
    """A full distribution over `names`, or over the first len(values) of `classes` when the model names none.

    A model that knows fewer classes than the schema is normal: the newest class is what trueup is to teach it.
    One value alone is P(second class) of a binary model. Named values that do not add up are the likeliest of more:
    the prediction is partial. What rounding put just outside of 0 to 1 is put back. Raises DecodeError for what is
    not probabilities of distinct classes.
    """
    if names is None and len(values) == 1:
        values = (1.0 - values[0], values[0])
    known = _named(names) if names is not None else classes[: len(values)]
    if len(values) != len(known):
        raise DecodeError(f"{len(values)} probabilities for {len(known)} classes {shown(known)}")
    if not values:
        raise DecodeError("an instance without probabilities")
    if not all(-_ROUNDING <= each <= 1 + _ROUNDING for each in values):
        raise DecodeError(f"{_short(values)} are not probabilities between 0 and 1")
    total = math.fsum(values)
    partial = names is not None and total < 1 - _SUM_TOLERANCE
    if not partial and abs(total - 1) > _SUM_TOLERANCE:
        raise DecodeError(f"the probabilities {_short(values)} sum to {total:.4f}, not 1: logits need a softmax first")
    inside = tuple(min(1.0, max(0.0, float(each))) for each in values)
    return Prediction(classes=known, probabilities=inside, partial=partial)


def labelled(name: object) -> Prediction:
    """A label without any probability. Raises DecodeError for what cannot be the name of a class."""
    return Prediction(classes=_named([name]), probabilities=(), partial=True)


def is_number(value: object) -> bool:
    """A finite number that a float can hold; JSON may hold others."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _HIGHEST


def shown(names: Sequence[object]) -> str:
    """What a stranger's payload names, fit for a message: escaped and not too much of it."""
    return ", ".join(reprlib.repr(each) for each in names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")


def _named(names: Sequence[object]) -> tuple[str, ...]:
    wrong = [each for each in names if not _is_name(each)]
    if wrong:
        raise DecodeError(f"{shown(wrong)} cannot be the name of a class")
    known = tuple(str(each).removeprefix(_FASTTEXT) for each in names)
    if len(set(known)) != len(known):
        raise DecodeError(f"the answer names a class twice: {shown(known)}")
    return known


def _is_name(name: object) -> bool:
    """JSON can hold halves of surrogate pairs, which nothing can store."""
    if isinstance(name, str):
        return not any("\ud800" <= each <= "\udfff" for each in name)
    return isinstance(name, int | float)


def _short(values: Sequence[float]) -> str:
    first = ", ".join(f"{each:.4g}" for each in values[:_SHOWN])
    return f"[{first}{', …' if len(values) > _SHOWN else ''}]"
