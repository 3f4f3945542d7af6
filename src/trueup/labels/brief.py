"""A label in a few words, for lists, logs and events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from trueup.labels.naming import value_of
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

_LENGTH = 120


def brief(label: str) -> str:
    """A class by its name; others in at most 120 characters, such as "3 boxes: cat 2, dog"."""
    value = value_of(label)
    if value is None:
        return label
    line = " ".join(_WORDS[type(value)](value).split())
    return line if len(line) <= _LENGTH else f"{line[: _LENGTH - 1]}…"


def _none(value: NoneOfThese) -> str:
    return f"none of these ({value.proposed})" if value.proposed else "none of these"


def _spans(value: Spans) -> str:
    spans = _things("span", [each.label for each in value.spans])
    return f"{spans}; {_things('relation', [each.label for each in value.relations])}" if value.relations else spans


def _things(what: str, labels: Iterable[str]) -> str:
    counts = Counter(labels)
    total = counts.total()
    names = ", ".join(name if count == 1 else f"{name} {count}" for name, count in counts.most_common())
    return f"{total} {what if total == 1 else _PLURALS[what]}: {names}" if total else f"no {_PLURALS[what]}"


def _reasoned(what: str, critique: str) -> str:
    return f"{what}: {critique}" if critique else what


_PLURALS = {"box": "boxes", "polygon": "polygons", "span": "spans", "relation": "relations"}
_WORDS: dict[type[Value], Callable[[Any], str]] = {
    NoneOfThese: _none,
    Classes: lambda value: ", ".join(value.classes) or "no class",
    Boxes: lambda value: _things("box", [each.label for each in value.boxes]),
    Polygons: lambda value: _things("polygon", [each.label for each in value.polygons]),
    Mask: lambda value: f"mask: {', '.join(value.classes or ()) or 'nothing'}",
    Spans: _spans,
    Text: lambda value: value.text,
    Rating: lambda value: _reasoned(str(value.rating), value.critique),
    Preference: lambda value: _reasoned(value.preferred, value.critique),
}
