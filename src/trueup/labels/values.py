"""What a label says, by the kind of its label schema. A class's name is its own text; all else is one of these.

Pixels are those of the image itself, from its upper left corner, to two decimals. Characters are counted in code
points. The order of fields is the order in a label's text.
"""

from __future__ import annotations

from typing import Literal

from trueup.model import Record


class NoneOfThese(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No class fits. `proposed` may name one that would."""

    none: Literal[True] = True
    proposed: str = ""


class Classes(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of the classes are there, in the schema's order; perhaps none."""

    classes: tuple[str, ...]


class Box(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    label: str
    left: float
    top: float
    right: float
    bottom: float


class Boxes(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """`width` and `height` are the image's, where the annotator's page knew them; sorted by place."""

    width: int | None = None
    height: int | None = None
    boxes: tuple[Box, ...]


class Polygon(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The corners (x, y) in turn; the last is joined to the first."""

    label: str
    points: tuple[tuple[float, float], ...]


class Polygons(Record, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """As Boxes."""

    width: int | None = None
    height: int | None = None
    polygons: tuple[Polygon, ...]


class Mask(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A class for each pixel, row by row, as runs (class, length): 0 is nothing, 1 the first of `classes`, which are
    those that are there. Where a page sends none, they are the schema's."""

    width: int
    height: int
    classes: tuple[str, ...] | None = None
    runs: tuple[tuple[int, int], ...]


class Span(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Characters from `start` to the one before `end`."""

    label: str
    start: int
    end: int


class Relation(
    Record, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"source": "from", "target": "to"}
):
    """From one span to another, by their positions."""

    label: str
    source: int
    target: int


class Spans(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Spans may overlap; sorted by place, as relations are by their spans'."""

    spans: tuple[Span, ...]
    relations: tuple[Relation, ...] = ()


class Text(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was said, or is to be said of the sample."""

    text: str


class Rating(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole number of the schema's scale, and why."""

    rating: int
    critique: str = ""


class Preference(Record, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of two answers is better, and why."""

    preferred: Literal["first", "second", "tie"]
    critique: str = ""


Value = NoneOfThese | Classes | Boxes | Polygons | Mask | Spans | Text | Rating | Preference
