"""Keys of a configuration: what each means, what it may hold, and how that is held against a record.

The tables are in trueup.policy_keys and infra.keys.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from trueup.model import Record

# An annotator's confusion matrix, k * k cells of up to nine characters, has to fit into one item of 400 KB.
MAX_CLASSES = 150
MANY = 1_000_000_000


@dataclass(frozen=True)
class Allowed:
    """`says` reads on after "use"; `holds` is asked about values of the right type that are not None."""

    says: str
    holds: Callable[[Any], bool]


@dataclass(frozen=True)
class Key:
    meaning: str
    example: Any
    allowed: Allowed | None = None


def between(low: float, high: float, *, below: bool = False, above: bool = False) -> Allowed:
    """A number in a range; `above` and `below` leave its ends out. NaN is in no range."""
    return Allowed(
        says=f"{'more than' if above else 'at least'} {low:,} and {'less than' if below else 'at most'} {high:,}",
        holds=lambda value: (low < value if above else low <= value) and (value < high if below else value <= high),
    )


def matching(pattern: str, says: str, longest: int) -> Allowed:
    return Allowed(says, lambda value: len(value) <= longest and bool(re.fullmatch(pattern, value)))


def named_in(table: Iterable[str]) -> Allowed:
    names = tuple(table)
    return Allowed(says=f"one of {', '.join(names)}", holds=lambda value: value in names)


def refusals(record: Record, keys: Mapping[str, Key], where: str) -> Iterator[tuple[str, str]]:
    """What the table does not allow: the key, and what is wrong with it. `where` is what the table's keys are below."""
    for path, key in keys.items():
        for place, value in _values(record, path.split(".")):
            if value is not None and key.allowed is not None and not key.allowed.holds(value):
                yield f"{where}.{place}", f"is {_short(value)}: use {key.allowed.says}"


def _values(record: Any, path: list[str]) -> Iterator[tuple[str, Any]]:
    """What a path of the table leads to: one value, or one for each element of a list ("classes[]")."""
    if not path:
        yield "", record
        return
    name = path[0].removesuffix("[]")
    value: Any = getattr(record, name, None)
    found = [(f"{name}[{index}]", each) for index, each in enumerate(value)] if path[0] != name else [(name, value)]
    for place, each in found:
        for rest, leaf in _values(each, path[1:]):
            yield f"{place}.{rest}".rstrip("."), leaf


def _short(value: Any) -> str:
    """A value of the configuration in a sentence; lists and objects as JSON."""
    text = repr(value) if isinstance(value, (str, int, float)) else msgspec.json.encode(value).decode()
    return text if len(text) <= 80 else f"{text[:77]}…"


CLASS_NAME = matching(
    r"(?!\{)[^\r\n]*[^\s][^\r\n]*", "one line of 1 to 256 characters, not all of them spaces, the first no {", 256
)
