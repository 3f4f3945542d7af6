"""The names in labels, without their schema: a label's text says what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

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
_Names = Mapping[str, str]
_RENAMED: dict[type[Value], Callable[[Any, _Names, _Names], Value]] = {
    Classes: lambda value, new, _: Classes(classes=tuple(new.get(each, each) for each in value.classes)),
    Boxes: lambda value, new, _: replace(value, boxes=_under(value.boxes, new)),
    Polygons: lambda value, new, _: replace(value, polygons=_under(value.polygons, new)),
    Mask: lambda value, new, _: replace(
        value, classes=None if value.classes is None else tuple(new.get(each, each) for each in value.classes)
    ),
    Spans: lambda value, new, between: Spans(
        spans=_under(value.spans, new), relations=_under(value.relations, between)
    ),
}
_KINDS: tuple[type[Value], ...] = (NoneOfThese, Text, *_NAMES)


def names_in(text: str) -> tuple[str, ...]:
    """What a label is counted under, each once and in turn: its classes, its rating, what was preferred; nothing for
    free text and for what no class fits. The label itself where it is a class's name."""
    value = value_of(text)
    if value is None:
        return (text,)
    return tuple(dict.fromkeys(_NAMES[type(value)](value))) if type(value) in _NAMES else ()


def relations_in(text: str) -> tuple[str, ...]:
    """The names of the relations in a label, each once and in turn."""
    value = value_of(text)
    return tuple(dict.fromkeys(each.label for each in value.relations)) if isinstance(value, Spans) else ()


def with_names(value: Value, classes: Mapping[str, str], relations: Mapping[str, str]) -> Value:
    """A value whose classes and relations are called otherwise, where these lead from their names to others. Not
    canonical: what has one name now may stand there twice."""
    return _RENAMED[type(value)](value, classes, relations) if type(value) in _RENAMED else value


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


def _under(things: Iterable[Any], names: Mapping[str, str]) -> tuple[Any, ...]:
    return tuple(replace(each, label=names.get(each.label, each.label)) for each in things)


def counted(counts: Mapping[str, int], longest: int) -> str:
    """Counts as one text, the largest first: "cat=12 dog=9", and how many more where that would be too long."""
    ordered = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    text, left = "", len(ordered)
    for name, count in ordered:
        longer = f"{text} {name}={count}".strip()
        if len(longer) > longest - len(f" and {left} more"):
            return f"{text} and {left} more".strip()
        text, left = longer, left - 1
    return text
