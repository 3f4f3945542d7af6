"""What a Label Studio annotation means: its `result` as the text of a label.

A `result` is a list of regions, each of a control by name, with a value by the control's tag and the image's size;
relations stand beside them. Coordinates are percents of the image's sides, offsets count code points, as Label Studio
1.23's editor does (selection-tools.js, RichTextRegion.js, RectRegion.jsx, PolygonRegion.jsx, Pairwise.js of
HumanSignal/label-studio) and https://labelstud.io/guide/task_format says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from trueup.errors import LabelError
from trueup.labels.brush import covered, runs_of
from trueup.labels.exporting import CONTROL, CRITIQUE, NONE, PROPOSED, TIE
from trueup.labels.reading import MAX_BYTES, MAX_PIXELS, checked, written
from trueup.labels.values import (
    Box,
    Boxes,
    Classes,
    Mask,
    NoneOfThese,
    Polygon,
    Polygons,
    Preference,
    Rating,
    Relation,
    Span,
    Spans,
    Text,
)
from trueup.model import Kind, LabelSchema

_RELATION = "relation"
_BESIDE = (NONE, PROPOSED, CRITIQUE, TIE)
T = TypeVar("T")


class _Region(msgspec.Struct, frozen=True):
    type: str = ""
    from_name: str = ""
    id: str = ""
    value: Mapping[str, Any] = {}
    original_width: int | None = None
    original_height: int | None = None
    image_rotation: float = 0
    # Of a relation.
    from_id: str = ""
    to_id: str = ""
    direction: str = "right"
    labels: tuple[str, ...] | None = None


class _Answer(msgspec.Struct, frozen=True):
    """What was said through the control, in turn, what lies between that, and what was said beside it, by control."""

    regions: tuple[_Region, ...]
    relations: tuple[_Region, ...]
    beside: Mapping[str, tuple[str, ...]]

    def words(self, control: str) -> str:
        return "\n".join(self.beside.get(control, ()))


class _Chosen(msgspec.Struct, frozen=True):
    choices: tuple[str, ...] = ()


class _Written(msgspec.Struct, frozen=True):
    text: tuple[str, ...] | str = ()


class _Stars(msgspec.Struct, frozen=True):
    rating: int


class _Better(msgspec.Struct, frozen=True):
    selected: str


class _Rectangle(msgspec.Struct, frozen=True):
    x: float
    y: float
    width: float
    height: float
    rotation: float = 0
    rectanglelabels: tuple[str, ...] = ()


class _Corners(msgspec.Struct, frozen=True):
    points: tuple[tuple[float, float], ...]
    closed: bool = True
    polygonlabels: tuple[str, ...] = ()


class _Brushed(msgspec.Struct, frozen=True):
    rle: tuple[int, ...]
    brushlabels: tuple[str, ...] = ()


class _Marked(msgspec.Struct, frozen=True):
    start: int
    end: int
    labels: tuple[str, ...] = ()


def label_of(result: Sequence[Mapping[str, Any]], schema: LabelSchema) -> str:
    """The checked label of an annotation's `result`. An empty one says that nothing is there where that is an answer:
    of kind multilabel, boxes, polygons and spans.

    Raises LabelError for what is no answer of the schema's kind: a control or a class that it has not, several answers
    where there is one, a box that does not stand upright, a polygon that was not closed, a mask without any paint.
    """
    return checked(said_in(result, schema.kind), schema)


def said_in(result: Sequence[Mapping[str, Any]], kind: Kind) -> str:
    """The same unchecked: its classes may be none of the schema's. Raises LabelError for no answer of the kind."""
    answer = _answer(_as(result, tuple[_Region, ...]))
    none = _none(answer, kind)
    if none is not None:
        return written(none)
    if answer.relations and kind != "spans":
        raise _error(f"relates things, which is no part of a {kind} answer: remove the relation")
    return _READERS[kind](answer)


def _answer(found: Iterable[_Region]) -> _Answer:
    regions, relations, beside = [], [], {}
    for each in found:
        if each.type == _RELATION:
            relations.append(each)
        elif each.from_name == CONTROL:
            regions.append(each)
        elif each.from_name in _BESIDE:
            beside[each.from_name] = _said(each)
        else:
            raise _error(f"answers through {each.from_name!r}, which is no control that trueup made")
    return _Answer(regions=tuple(regions), relations=tuple(relations), beside=beside)


def _said(region: _Region) -> tuple[str, ...]:
    if "choices" in region.value:
        return _as(region.value, _Chosen).choices
    text = _as(region.value, _Written).text
    return (text,) if isinstance(text, str) else text


def _none(answer: _Answer, kind: Kind) -> NoneOfThese | None:
    found = NoneOfThese(proposed=answer.words(PROPOSED))
    if kind == "classification":
        chosen = _chosen(answer)
        return found if NONE in chosen and _only(chosen, "classes") else None
    if NONE not in answer.beside.get(NONE, ()):
        return None
    if answer.regions or answer.beside.get(TIE):
        raise _error("says that none fits, and gives an answer: keep one of them")
    return found


def _class(answer: _Answer) -> str:
    return _only(_chosen(answer), "classes")


def _classes(answer: _Answer) -> str:
    return written(Classes(classes=_chosen(answer)))


def _chosen(answer: _Answer) -> tuple[str, ...]:
    return tuple(name for each in answer.regions for name in _as(each.value, _Chosen).choices)


def _boxes(answer: _Answer) -> str:
    width, height = _size(answer.regions)
    boxes = [_box(each, _as(each.value, _Rectangle)) for each in answer.regions]
    return written(Boxes(width=width, height=height, boxes=tuple(boxes)))


def _box(region: _Region, box: _Rectangle) -> Box:
    if box.rotation % 360:
        raise _error(f"holds a box turned by {box.rotation:g} degrees: draw it upright")
    across, down = _pixels(region)
    return Box(
        label=_only(box.rectanglelabels, "classes of a box"),
        left=box.x * across,
        top=box.y * down,
        right=(box.x + box.width) * across,
        bottom=(box.y + box.height) * down,
    )


def _polygons(answer: _Answer) -> str:
    width, height = _size(answer.regions)
    polygons = [_polygon(each, _as(each.value, _Corners)) for each in answer.regions]
    return written(Polygons(width=width, height=height, polygons=tuple(polygons)))


def _polygon(region: _Region, found: _Corners) -> Polygon:
    if not found.closed:
        raise _error("holds a polygon that was not closed: click its first corner again")
    across, down = _pixels(region)
    points = tuple((x * across, y * down) for x, y in found.points)
    return Polygon(label=_only(found.polygonlabels, "classes of a polygon"), points=points)


def _mask(answer: _Answer) -> str:
    width, height = _size(answer.regions)
    if width is None or height is None:
        raise _error("holds no paint: paint what is there, or say that nothing fits")
    if width * height > MAX_PIXELS:
        raise _error(f"has {width * height:,} pixels; at most {MAX_PIXELS:,} are kept")
    layers = [_as(each.value, _Brushed) for each in answer.regions]
    names = [_only(each.brushlabels, "classes of a stroke") for each in layers]
    classes = tuple(dict.fromkeys(names))
    try:
        painted = [
            (classes.index(name) + 1, covered(each.rle, width, height))
            for name, each in zip(names, layers, strict=True)
        ]
        runs = runs_of(painted, width * height, MAX_BYTES // len("[0,1],"))
    except ValueError as error:
        raise _error(f"holds paint that cannot be read: {error}") from error
    return written(Mask(width=width, height=height, classes=classes, runs=runs))


def _spans(answer: _Answer) -> str:
    spans = [_span(_as(each.value, _Marked)) for each in answer.regions]
    place = {each.id: index for index, each in enumerate(answer.regions)}
    relations = [link for each in answer.relations for link in _links(each, place)]
    return written(Spans(spans=tuple(spans), relations=tuple(relations)))


def _span(found: _Marked) -> Span:
    return Span(label=_only(found.labels, "classes of a span"), start=found.start, end=found.end)


def _links(relation: _Region, place: Mapping[str, int]) -> Iterator[Relation]:
    """One of each label; both ways make two."""
    if not {relation.from_id, relation.to_id} <= place.keys():
        raise _error("holds a relation of a span that is not there")
    if not relation.labels:
        raise _error("holds a relation that does not say which: choose its label, or remove it")
    ends = place[relation.from_id], place[relation.to_id]
    ways = {"left": (ends[::-1],), "bi": (ends, ends[::-1])}.get(relation.direction, (ends,))
    for label in relation.labels:
        for source, target in ways:
            yield Relation(label=label, source=source, target=target)


def _text(answer: _Answer) -> str:
    texts = tuple(text for each in answer.regions for text in _said(each))
    return written(Text(text=_only(texts, "texts")))


def _rating(answer: _Answer) -> str:
    stars = [_as(each.value, _Stars).rating for each in answer.regions]
    return written(Rating(rating=_only(stars, "ratings"), critique=answer.words(CRITIQUE)))


def _preference(answer: _Answer) -> str:
    sides = [_SIDES.get(_as(each.value, _Better).selected, "") for each in answer.regions]
    preferred = _only([*filter(None, sides), *answer.beside.get(TIE, ())], "preferences")
    return written(msgspec.convert({"preferred": preferred, "critique": answer.words(CRITIQUE)}, Preference))


_SIDES = {"left": "first", "right": "second"}
_READERS: Mapping[Kind, Callable[[_Answer], str]] = {
    "classification": _class,
    "multilabel": _classes,
    "boxes": _boxes,
    "polygons": _polygons,
    "mask": _mask,
    "spans": _spans,
    "text": _text,
    "rating": _rating,
    "preference": _preference,
}


def _size(regions: Sequence[_Region]) -> tuple[int | None, int | None]:
    """That of the image of all regions; none without any."""
    if any(each.image_rotation % 360 for each in regions):
        raise _error("was drawn on a turned image: turn it back")
    sizes = {(each.original_width, each.original_height) for each in regions}
    if len(sizes) > 1:
        raise _error(f"holds regions of images of different sizes: {sorted(map(str, sizes))}")
    width, height = next(iter(sizes), (None, None))
    if regions and not (width and height):
        raise _error("holds regions without the size of their image")
    return width, height


def _pixels(region: _Region) -> tuple[float, float]:
    """How many there are in a percent, across and down."""
    return (region.original_width or 0) / 100, (region.original_height or 0) / 100


def _only(found: Sequence[T], what: str) -> T:
    if not found:
        raise _error(f"has none of the {what}: choose one")
    if len(found) > 1:
        raise _error(f"has {len(found)} {what}, which are one: {', '.join(map(str, found))[:80]}")
    return found[0]


def _as(value: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise _error(f"is not as Label Studio writes it: {error}: {str(value)[:80]}") from error


def _error(what: str) -> LabelError:
    return LabelError(f"the annotation {what}", field="label")
