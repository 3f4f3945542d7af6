"""One label out of several people's, by kind: one file each, one line in the table.

A module has two functions. `merge` makes of one sample's answers the label that they support, and how sure that is.
`likeness` says how far two labels mean the same, 0 to 1: of it follow agreement, and the skill of annotators whose
answers are no classes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from trueup.labels.reading import read
from trueup.labels.values import Value
from trueup.model import AnnotatorSkill, Kind, LabelSchema
from trueup.quality.methods import Method


@dataclass(frozen=True)
class Said:
    """What one annotator answered."""

    annotator: str
    value: Any


@dataclass(frozen=True)
class Merged:
    """`posterior` is that of the whole value: as sure as what is least sure in it."""

    value: Value
    posterior: float


class Merger(Protocol):
    """A module with these functions merges the labels of a kind."""

    def merge(
        self, said: Sequence[Said], schema: LabelSchema, skills: Mapping[str, AnnotatorSkill], method: Method
    ) -> Merged:
        """From at least one answer, all of the kind. Never depends on their order."""
        ...

    def likeness(self, one: Any, other: Any, schema: LabelSchema) -> float: ...


# Written out, since what a function's package holds is read from import statements.
def _boxes() -> Merger:
    from trueup.quality.merging import boxes

    return boxes


def _mask() -> Merger:
    from trueup.quality.merging import mask

    return mask


def _multilabel() -> Merger:
    from trueup.quality.merging import multilabel

    return multilabel


def _polygons() -> Merger:
    from trueup.quality.merging import polygons

    return polygons


def _preference() -> Merger:
    from trueup.quality.merging import preference

    return preference


def _rating() -> Merger:
    from trueup.quality.merging import rating

    return rating


def _spans() -> Merger:
    from trueup.quality.merging import spans

    return spans


def _text() -> Merger:
    from trueup.quality.merging import text

    return text


_MERGERS: dict[Kind, Callable[[], Merger]] = {
    "boxes": _boxes,
    "mask": _mask,
    "multilabel": _multilabel,
    "polygons": _polygons,
    "preference": _preference,
    "rating": _rating,
    "spans": _spans,
    "text": _text,
}


def merger_of(kind: Kind) -> Merger:
    """Of every kind but classification, whose labels are one class."""
    return _MERGERS[kind]()


def likeness(one: str, other: str, schema: LabelSchema) -> float:
    """How far two labels of a schema mean the same, 0 to 1."""
    if one == other:
        return 1.0
    if schema.kind == "classification":
        return 0.0
    values = read(one, schema), read(other, schema)
    if type(values[0]) is not type(values[1]):
        return 0.0
    return merger_of(schema.kind).likeness(*values, schema)
