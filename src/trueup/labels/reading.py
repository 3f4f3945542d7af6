"""A label's text, read and written. Equal labels have equal texts, so that the same answer twice is the same answer.

What a label may hold follows from the label schema; what does not fit is refused, never mended, but for the order of
things that have none, decimals that no screen shows, and names that classes had before: `renamed` of the schema says
what they are called today.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, TypeVar

import msgspec
from msgspec.structs import replace

from trueup.errors import LabelError
from trueup.labels.naming import with_names
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
    Value,
)
from trueup.model import Kind, LabelSchema

# An annotation is an item of the table (400 KB), and a page lists fifty of them in one answer of a function (6 MB).
MAX_BYTES = 100_000
MAX_THINGS = 1000
MAX_POINTS = 200
MAX_PROPOSED = 256
MAX_PIXELS = 100_000_000
_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_NONE = re.compile(r'\s*\{\s*"none"')
T = TypeVar("T")

VALUES: dict[Kind, type[Value]] = {
    "multilabel": Classes,
    "boxes": Boxes,
    "polygons": Polygons,
    "mask": Mask,
    "spans": Spans,
    "text": Text,
    "rating": Rating,
    "preference": Preference,
}


def checked(text: str, schema: LabelSchema) -> str:
    """The text of the label that `text` means. Raises LabelError that says what is wrong, and what may be there."""
    if schema.kind == "classification" and not _is_none(text):
        name = schema.renamed.get(text, text)
        _known((name,), schema, "")
        return name
    return written(read(text, schema))


def read(text: str, schema: LabelSchema) -> Value:
    """What a label says, of any kind but a class's name. Raises LabelError."""
    size = len(text.encode(errors="replace"))
    if size > MAX_BYTES:
        raise _error(f"has {size:,} bytes; at most {MAX_BYTES:,} are kept: answer with less detail")
    if _is_none(text):
        return _none(text, schema)
    value = _decoded(text, VALUES[schema.kind]) if schema.kind in VALUES else None
    if value is None:
        raise _error(f"is {text[:80]!r}, which says nothing of {schema.kind}")
    return CHECKS[type(value)](with_names(value, *new_names(schema)) if schema.renamed else value, schema)


def written(value: Value) -> str:
    """The text of a value as `read` made it."""
    return msgspec.json.encode(value).decode()


def new_names(schema: LabelSchema) -> tuple[dict[str, str], dict[str, str]]:
    """From names of before to today's: of classes, and of relations."""
    classes, relations = (
        {old: new for old, new in schema.renamed.items() if new in there}
        for there in (schema.names, schema.relation_names)
    )
    return classes, relations


def _is_none(text: str) -> bool:
    return _NONE.match(text) is not None


def _none(text: str, schema: LabelSchema) -> NoneOfThese:
    if not schema.none_of_these:
        raise _error("says that no class fits, which this project does not offer")
    value = _decoded(text, NoneOfThese)
    proposed = " ".join(value.proposed.split())
    if len(proposed) > MAX_PROPOSED:
        raise _error(f"proposes a name of {len(proposed)} characters: use up to {MAX_PROPOSED}")
    return NoneOfThese(proposed=proposed)


def _decoded(text: str, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(text, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        said = str(error)
        where = _AT.search(said)
        path = where["path"] if where else ""
        what = _AT.sub("", said).replace("`$.", "`")
        raise _error(f"is no {kind.__name__.lower()} label: {what}" + (f" at {path}" if path else "")) from error


def _classes(value: Classes, schema: LabelSchema) -> Classes:
    _known(value.classes, schema, "classes")
    return Classes(classes=tuple(each for each in schema.names if each in value.classes))


def _boxes(value: Boxes, schema: LabelSchema) -> Boxes:
    _few(value.boxes, "boxes")
    _size(value.width, value.height)
    found = [_box(each, f"boxes[{index}]", value, schema) for index, each in enumerate(value.boxes)]
    return replace(value, boxes=tuple(sorted(found, key=lambda each: (*_corners(each), each.label))))


def _box(box: Box, where: str, image: Boxes, schema: LabelSchema) -> Box:
    _known((box.label,), schema, f"{where}.label")
    left, right = _inside((box.left, box.right), image.width, f"{where}.left and .right")
    top, bottom = _inside((box.top, box.bottom), image.height, f"{where}.top and .bottom")
    if left >= right or top >= bottom:
        raise _error(f"holds {where} without any extent: left and top must lie before right and bottom")
    return Box(label=box.label, left=left, top=top, right=right, bottom=bottom)


def _polygons(value: Polygons, schema: LabelSchema) -> Polygons:
    _few(value.polygons, "polygons")
    _size(value.width, value.height)
    found = [_polygon(each, f"polygons[{index}]", value, schema) for index, each in enumerate(value.polygons)]
    return replace(value, polygons=tuple(sorted(found, key=lambda each: (each.points, each.label))))


def _polygon(polygon: Polygon, where: str, image: Polygons, schema: LabelSchema) -> Polygon:
    _known((polygon.label,), schema, f"{where}.label")
    if not 3 <= len(polygon.points) <= MAX_POINTS:
        raise _error(f"holds {where} with {len(polygon.points)} corners: use 3 to {MAX_POINTS}")
    across = _inside([x for x, _ in polygon.points], image.width, f"{where}.points")
    down = _inside([y for _, y in polygon.points], image.height, f"{where}.points")
    points = list(zip(across, down, strict=True))
    if area(points) == 0:
        raise _error(f"holds {where} without any extent: its corners lie on one line")
    first = points.index(min(points))
    return Polygon(label=polygon.label, points=tuple(points[first:] + points[:first]))


def area(points: Sequence[tuple[float, float]]) -> float:
    """What a polygon encloses, in square pixels (the shoelace formula)."""
    following = itertools.chain(points[1:], points[:1])
    return abs(sum(x * b - a * y for (x, y), (a, b) in zip(points, following, strict=True))) / 2


def _mask(value: Mask, schema: LabelSchema) -> Mask:
    """Of the classes those that are there are named, in the schema's order: the text means the same under another."""
    _size(value.width, value.height)
    pixels = value.width * value.height
    if pixels > MAX_PIXELS:
        raise _error(f"has {pixels:,} pixels; at most {MAX_PIXELS:,} are kept")
    given = schema.names if value.classes is None else value.classes
    _known(given, schema, "classes")
    if any(length < 1 or not 0 <= which <= len(given) for which, length in value.runs):
        raise _error(f"holds a run that is not [class, length] with a class of 0 to {len(given)}: 0 is nothing")
    total = sum(length for _, length in value.runs)
    if total != pixels:
        raise _error(f"holds runs of {total:,} pixels together, but {value.width} x {value.height} are {pixels:,}")
    there = {given[which - 1] for which, _ in value.runs if which}
    classes = tuple(each for each in schema.names if each in there)
    place = [0, *(classes.index(each) + 1 if each in there else 0 for each in given)]
    runs = _joined((place[which], length) for which, length in value.runs)
    return Mask(width=value.width, height=value.height, classes=classes, runs=tuple(runs))


def _joined(runs: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for which, group in itertools.groupby(runs, key=lambda each: each[0]):
        yield which, sum(length for _, length in group)


def _spans(value: Spans, schema: LabelSchema) -> Spans:
    _few(value.spans, "spans")
    _few(value.relations, "relations")
    for index, each in enumerate(value.spans):
        _known((each.label,), schema, f"spans[{index}].label")
        if not 0 <= each.start < each.end:
            raise _error(
                f"holds spans[{index}] from {each.start} to {each.end}: the end is the place after its last one"
            )
    for index, link in enumerate(value.relations):
        _known((link.label,), schema, f"relations[{index}].label", "relation")
        if not {link.source, link.target} <= set(range(len(value.spans))) or link.source == link.target:
            raise _error(f"holds relations[{index}] that does not lead from one of the spans to another")
    ordered = sorted(set(value.spans), key=lambda each: (each.start, each.end, each.label))
    place = {each: index for index, each in enumerate(ordered)}
    moved = {_moved(each, value.spans, place) for each in value.relations}
    kept = [each for each in moved if each.source != each.target]
    related = sorted(kept, key=lambda each: (each.source, each.target, each.label))
    return Spans(spans=tuple(ordered), relations=tuple(related))


def _moved(relation: Relation, spans: Sequence[Span], place: dict[Span, int]) -> Relation:
    return replace(relation, source=place[spans[relation.source]], target=place[spans[relation.target]])


def _text(value: Text, schema: LabelSchema) -> Text:  # noqa: ARG001
    text = value.text.strip().replace("\r\n", "\n")
    if not text:
        raise _error("is empty: write the text, or skip the task")
    return Text(text=text)


def _rating(value: Rating, schema: LabelSchema) -> Rating:
    scale = schema.scale
    if not scale.low <= value.rating <= scale.high:
        raise _error(f"rates {value.rating}: use {scale.low} to {scale.high}")
    return Rating(rating=value.rating, critique=value.critique.strip())


def _preference(value: Preference, schema: LabelSchema) -> Preference:  # noqa: ARG001
    return Preference(preferred=value.preferred, critique=value.critique.strip())


CHECKS: dict[type[Value], Callable[..., Value]] = {
    Classes: _classes,
    Boxes: _boxes,
    Polygons: _polygons,
    Mask: _mask,
    Spans: _spans,
    Text: _text,
    Rating: _rating,
    Preference: _preference,
}


def _known(names: Sequence[str], schema: LabelSchema, where: str, what: Literal["class", "relation"] = "class") -> None:
    known = schema.names if what == "class" else schema.relation_names
    stranger = next((each for each in names if each not in known), None)
    if stranger is not None:
        at = f" ({where})" if where else ""
        kinds = "classes" if what == "class" else "relations"
        raise LabelError(f"{stranger!r}{at} is not a {what}; {kinds}: {', '.join(known) or 'none'}", field="label")


def _few(things: Sequence[object], what: str) -> None:
    if len(things) > MAX_THINGS:
        raise _error(f"holds {len(things):,} {what}: use up to {MAX_THINGS:,}")


def _size(width: int | None, height: int | None) -> None:
    if (width is None) != (height is None):
        raise _error("gives one of width and height: give both, or none")
    if width is not None and (width < 1 or (height or 0) < 1):
        raise _error(f"gives an image of {width} x {height} pixels")


def _inside(numbers: Sequence[float], limit: int | None, where: str) -> tuple[float, ...]:
    """To two decimals. What lies outside by less than a pixel, as a pointer at the edge does, is put on the edge."""
    most = math.inf if limit is None else limit
    if not all(-1 < each < most + 1 for each in numbers):
        raise _error(f"holds {where} outside the image" + ("" if limit is None else f", which ends at {limit}"))
    return tuple(_short(min(max(each, 0.0), most)) for each in numbers)


def _short(number: float) -> float:
    rounded = round(number, 2)
    return int(rounded) if rounded == int(rounded) else rounded


def _corners(box: Box) -> tuple[float, float, float, float]:
    return box.left, box.top, box.right, box.bottom


def _error(what: str) -> LabelError:
    return LabelError(f"the label {what}", field="label")
