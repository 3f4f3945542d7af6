"""What a payload family offers, and what all of them need."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from trueup.errors import DecodeError
from trueup.model import Payload, Prediction

_SUM_TOLERANCE = 0.02


class Decoder(Protocol):
    """A module with these two functions is a decoder."""

    def recognises(self, payload: Payload) -> bool: ...

    def decode(self, payload: Payload, classes: tuple[str, ...]) -> list[Prediction]: ...


def prediction(values: Sequence[float], classes: tuple[str, ...], names: Sequence[str] | None = None) -> Prediction:
    """A full distribution over `names`, or over the first len(values) of `classes` when the model names none.

    A model that knows fewer classes than the schema is normal: the newest class is what trueup is to teach it.
    One value alone is P(second class) of a binary model. Raises DecodeError for what is not probabilities.
    """
    if names is None and len(values) == 1:
        values = (1.0 - values[0], values[0])
    names = tuple(names) if names is not None else classes[: len(values)]
    if len(values) != len(names):
        raise DecodeError(f"{len(values)} probabilities for {len(names)} classes {', '.join(names)}")
    total = math.fsum(values)
    if not all(math.isfinite(each) and -1e-9 <= each <= 1 + 1e-9 for each in values):
        raise DecodeError(f"{_short(values)} are not probabilities between 0 and 1")
    if abs(total - 1) > _SUM_TOLERANCE:
        raise DecodeError(f"the probabilities {_short(values)} sum to {total:.4f}, not 1: logits need a softmax first")
    return Prediction(classes=tuple(str(each) for each in names), probabilities=tuple(float(each) for each in values))


def _short(values: Sequence[float]) -> str:
    shown = ", ".join(f"{each:.4g}" for each in values[:5])
    return f"[{shown}{', …' if len(values) > 5 else ''}]"
