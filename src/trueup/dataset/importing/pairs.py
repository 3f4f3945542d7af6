"""Pairs of which one answer was preferred, as TRL's preference datasets have them.

`prompt`, `chosen` and `rejected` are texts, or conversations as lists of {"role", "content"}. Without a prompt it is
what both answers begin with (https://huggingface.co/docs/trl/dataset_formats).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from trueup.dataset.importing.files import converted, split_in, split_named
from trueup.dataset.sources import Labelled
from trueup.errors import ManifestError
from trueup.labels.reading import written
from trueup.labels.values import Preference
from trueup.model import content_id


class _Turn(msgspec.Struct, frozen=True):
    role: str
    content: str


Said = str | tuple[_Turn, ...]


class _Pair(msgspec.Struct, frozen=True):
    """What annotators are shown of a pair."""

    prompt: str
    first: str
    second: str


def pair_of(name: str, where: str, row: Mapping[str, Any], group: str | None) -> Labelled:
    """Which answer stands first follows from their content: else the first would always be the better one.

    Pairs of one prompt are one group. Raises ManifestError that names the column.
    """
    prompt, chosen, rejected = _parts(row)
    swapped = int(content_id("pair", prompt, *sorted((chosen, rejected)))[:8], 16) % 2 == int(chosen < rejected)
    first, second = (rejected, chosen) if swapped else (chosen, rejected)
    tied = chosen == rejected or row.get("preferred") == "tie"
    preferred = "tie" if tied else "second" if swapped else "first"
    return Labelled(
        where=where,
        label=written(
            msgspec.convert({"preferred": preferred, "critique": str(row.get("critique") or "")}, Preference)
        ),
        data=msgspec.json.encode(_Pair(prompt=prompt, first=first, second=second)),
        content_type="application/json",
        group=group or content_id("prompt", prompt),
        split=split_named(row.get("split")) or split_in(name),
    )


def _parts(row: Mapping[str, Any]) -> tuple[str, str, str]:
    chosen, rejected = _said(row, "chosen"), _said(row, "rejected")
    if row.get("prompt") is not None:
        return _text(_said(row, "prompt")), _text(chosen), _text(rejected)
    if isinstance(chosen, str) and isinstance(rejected, str):
        length = _shared_words(chosen, rejected)
        return chosen[:length].strip(), chosen[length:].strip(), rejected[length:].strip()
    if isinstance(chosen, str) or isinstance(rejected, str):
        raise ManifestError("one of chosen and rejected is a text, the other a conversation")
    pairs = zip(chosen, rejected, strict=False)
    length = next((place for place, (one, other) in enumerate(pairs) if one != other), min(len(chosen), len(rejected)))
    return _text(chosen[:length]), _text(chosen[length:]), _text(rejected[length:])


def _shared_words(one: str, other: str) -> int:
    """How much both begin with, in whole words."""
    if one == other:
        return len(one)
    pairs = enumerate(zip(one, other, strict=False))
    length = next((place for place, (mine, its) in pairs if mine != its), min(len(one), len(other)))
    return one.rfind(" ", 0, length) + 1


def _said(row: Mapping[str, Any], column: str) -> Said:
    return converted(row.get(column), Said, f"the column {column!r}")  # type: ignore[arg-type]


def _text(said: Said) -> str:
    """A turn alone is its words; of several each says whose they are."""
    if isinstance(said, str):
        return said
    if len(said) == 1:
        return said[0].content
    return "\n\n".join(f"{each.role}: {each.content}" for each in said)
