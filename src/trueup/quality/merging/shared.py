"""What things that several people drew have in common, boxes, polygons and spans alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from trueup.labels.values import Boxes, Polygons
from trueup.model import AnnotatorSkill
from trueup.quality.merging import Said
from trueup.quality.shapes import existence
from trueup.quality.skills import known_skill

_THERE = 0.5


class Thing(Protocol):
    """As trueup.quality.shapes.SharedShape."""

    @property
    def existence(self) -> float: ...

    @property
    def posterior(self) -> float: ...


T = TypeVar("T", bound=Thing)


def kept(things: Sequence[T]) -> list[T]:
    """Those that are as likely there as not."""
    return [each for each in things if each.existence >= _THERE]


def sureness(things: Sequence[Thing], people: int) -> float:
    """How sure the least sure of them is: that it is there with this label, or that it is not there; of none, that
    there is nothing."""
    each = [thing.existence * thing.posterior if thing.existence >= _THERE else 1 - thing.existence for thing in things]
    return min(each, default=1 - existence(0, people))


def trust(said: Sequence[Said], skills: Mapping[str, AnnotatorSkill]) -> dict[str, float]:
    """Each annotator's skill, whose answers have no classes of their own."""
    return {each.annotator: known_skill(skills, each.annotator, ()) for each in said}


def sizes(values: Sequence[Boxes | Polygons]) -> tuple[int | None, int | None]:
    """The image's width and height, as most of those say who knew it."""
    known = Counter((each.width, each.height) for each in values if each.width is not None)
    return max(known.items(), key=lambda each: (each[1], each[0]))[0] if known else (None, None)
