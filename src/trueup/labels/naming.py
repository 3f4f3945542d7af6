"""What labels are counted under, without their schema: a label's text says what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from trueup.labels.values import (
    Boxes,
    Classes,
    Mask,
    NoneOfThese,
    Polygons,
    Preference,
    Rating,
    Spans,
    Text,
    Value,
)

_NAMES: dict[type[Value], Callable[[Any], Iterable[str]]] = {
    Classes: lambda value: value.classes,
    Boxes: lambda value: [each.label for each in value.boxes],
    Polygons: lambda value: [each.label for each in value.polygons],
    Mask: lambda value: value.classes or (),
    Spans: lambda value: [each.label for each in value.spans],
    Rating: lambda value: (str(value.rating),),
    Preference: lambda value: (value.preferred,),
}
_KINDS: tuple[type[Value], ...] = (NoneOfThese, Text, *_NAMES)


def names_in(text: str) -> tuple[str, ...]:
    """What a label is counted under, each once and in turn: its classes, its rating, what was preferred; nothing for
    free text and for what no class fits. The label itself where it is a class's name."""
    value = value_of(text)
    if value is None:
        return (text,)
    return tuple(dict.fromkeys(_NAMES[type(value)](value))) if type(value) in _NAMES else ()


def is_none(text: str) -> bool:
    """Whether a label says that no class fits."""
    return isinstance(value_of(text), NoneOfThese)


def value_of(text: str) -> Value | None:
    """A label of whatever kind, or None for a class's name."""
    if not text.startswith("{"):
        return None
    for kind in _KINDS:
        try:
            return msgspec.json.decode(text, type=kind)
        except msgspec.MsgspecError:
            continue
    return None
