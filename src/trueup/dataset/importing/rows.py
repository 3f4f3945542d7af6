"""A row of a table as a labelled input, whatever the table was written in.

The input is a text (`text`, `source`), the name of a file (`file`, `file_name`, `image`, `source-ref` …), or the file
itself, as Hugging Face `datasets` keeps pictures: {"bytes", "path"}. What else trueup's own exports say is read, too:
`group`, `split`, `content_type`, `posterior`, `agreement`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from trueup.dataset.importing.files import beside, converted, group_named, split_in, split_named
from trueup.dataset.importing.pairs import pair_of
from trueup.dataset.importing.tags import spans_of_tags
from trueup.dataset.sources import Labelled, Reading
from trueup.errors import ManifestError
from trueup.labels.masks import BACKGROUND, mask_of_indices
from trueup.labels.reading import written
from trueup.labels.values import Box, Boxes, Classes, Polygon, Polygons, Preference, Rating, Spans, Text
from trueup.model import Kind

Row = Mapping[str, Any]
V = TypeVar("V")
# Names of classes by column, where a file tells them: then labels are numbers.
Names = Mapping[str, Sequence[str]]
_TEXTS = ("text", "source", "sentence", "content")
_FILES = ("payload_uri", "source-ref", "source_ref", "file", "file_name", "filename", "image", "audio", "path")
_LABELS = ("label", "labels")
_TAGS = ("ner_tags", "tags")
# That no palette has, so that pixels are read as numbers.
_NO_COLOUR = "#010203"
_SEPARATORS = ("|", ";", ",")


class _File(msgspec.Struct, frozen=True):
    """A picture or a recording as Hugging Face `datasets` keeps it."""

    data: bytes | None = msgspec.field(default=None, name="bytes")
    path: str | None = None


class _Objects(msgspec.Struct, frozen=True):
    """As Hugging Face's guides for object detection lay them out: boxes are left, top, width and height in pixels,
    outlines x and y in turn."""

    bbox: tuple[tuple[float, float, float, float], ...] | None = None
    segmentation: tuple[tuple[float, ...], ...] | None = None
    category: tuple[str | int, ...] | None = None
    categories: tuple[str | int, ...] | None = None


def item_of(reading: Reading, name: str, where: str, row: Row, names: Names) -> Labelled:
    """Raises ManifestError that names the column, InputError."""
    if reading.schema.kind == "preference" and "chosen" in row:
        return pair_of(name, where, row, group_named(row, reading.group))
    if "tokens" in row and reading.schema.kind == "spans" and reading.attribute not in row:
        return _tokens(reading, name, where, row, names)
    text, file, data = _input(row)
    stated = row.get("split")
    return Labelled(
        where=where,
        label=_label(reading, row, names),
        data=text.encode(errors="surrogatepass") if text is not None else data,
        ref=beside(reading, name, file) if file is not None and data is None and text is None else None,
        content_type=_content_type(row, text, file),
        group=group_named(row, reading.group),
        split=split_named(stated) if stated else split_in(name),
        confidence=_share(row, "posterior"),
        agreement=_share(row, "agreement"),
        labelled_at=_time(row.get("labelled_at")),
    )


def _input(row: Row) -> tuple[str | None, str | None, bytes | None]:
    """(text, name of a file, its bytes), of which the first that is there counts."""
    for key in _FILES:
        if row.get(key):
            return None, *_file(row[key], key)
    for key in _TEXTS:
        if isinstance(row.get(key), str):
            return row[key], None, None
    raise ManifestError(
        f"the row has no input: use a column `text`, or `file` with a file's name. Columns: {', '.join(map(str, row))}"
    )


def _file(value: Any, key: str) -> tuple[str | None, bytes | None]:
    if isinstance(value, str):
        return value, None
    found = converted(value, _File, f"the column {key!r}")
    if not found.path and not found.data:
        raise ManifestError(f"the column {key!r} holds neither bytes nor a path")
    return found.path, found.data


def _content_type(row: Row, text: str | None, file: str | None) -> str | None:
    from mimetypes import guess_type

    told = row.get("content_type") or row.get("content-type")
    if told:
        return str(told)
    if text is not None:
        return "text/plain"
    return guess_type(file)[0] if file else None


def _share(row: Row, column: str) -> float | None:
    value = row.get(column)
    if value in (None, ""):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = -1.0
    if not 0 <= found <= 1:
        raise ManifestError(f"the column {column!r} holds {value!r}: use a number from 0 to 1")
    return found


def _time(value: Any) -> datetime | None:
    """Without a zone it is UTC."""
    try:
        found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _label(reading: Reading, row: Row, names: Names) -> str:
    reader = _LAID_OUT.get(reading.schema.kind)
    if reader is not None and reading.attribute is None:
        laid_out = reader(row, names, reading.schema.names)
        if laid_out is not None:
            return laid_out
    column = reading.attribute or _column(row, names)
    if row.get(column) is None:
        raise ManifestError(f"the row has no {column!r}, which holds the label. Columns: {', '.join(map(str, row))}")
    return label_text(row[column], reading.schema.kind, names.get(column), reading.schema.names)


def _column(row: Row, names: Names) -> str:
    """`label`, or the only column whose numbers have names."""
    found = next((each for each in _LABELS if each in row), None)
    return found or (next(iter(names)) if len(names) == 1 else _LABELS[0])


def label_text(value: Any, kind: Kind, told: Sequence[str] | None, known: Sequence[str]) -> str:
    """A label's text of what stands in a cell: a name, a number that means one, several of them, or the text itself.

    `told` are the file's own names in order; without them numbers are those of the label schema, `known`. Raises
    ManifestError.
    """
    if isinstance(value, dict):
        return msgspec.json.encode(value).decode()
    if isinstance(value, str) and value.lstrip().startswith("{"):
        return value
    reader = _READERS.get(kind)
    if reader is None:
        raise ManifestError(f"{str(value)[:80]!r} says nothing of kind {kind}: write the label as trueup's JSON")
    return reader(value, told, known)


def _class(value: Any, told: Sequence[str] | None, known: Sequence[str]) -> str:
    if isinstance(value, str) and (value in known or not value.strip().isdigit()):
        return value
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ManifestError(f"{str(value)[:80]!r} is no class: use its name, or its number")
    names, number = (known if told is None else told), int(value)
    if not 0 <= number < len(names):
        raise ManifestError(f"class {number} has no name: there are {len(names)}, counted from 0")
    return names[number]


def _classes(value: Any, told: Sequence[str] | None, known: Sequence[str]) -> str:
    if isinstance(value, str):
        value = _parted(value, known)
    if not isinstance(value, list | tuple):
        value = [value]
    return written(Classes(classes=tuple(_class(each, told, known) for each in value)))


def _parted(text: str, known: Sequence[str]) -> list[str]:
    separator = next((each for each in _SEPARATORS if each in text), None)
    if text in known or separator is None:
        return [text] if text.strip() else []
    return [each.strip() for each in text.split(separator) if each.strip()]


def _text(value: Any, told: Sequence[str] | None, known: Sequence[str]) -> str:  # noqa: ARG001
    return written(Text(text=str(value)))


def _rating(value: Any, told: Sequence[str] | None, known: Sequence[str]) -> str:  # noqa: ARG001
    try:
        number = float(value)
        whole = int(number)
    except (TypeError, ValueError, OverflowError):
        whole, number = 0, 0.5
    if whole != number:
        raise ManifestError(f"{str(value)[:80]!r} is no rating: use a whole number")
    return written(Rating(rating=whole))


def _preference(value: Any, told: Sequence[str] | None, known: Sequence[str]) -> str:  # noqa: ARG001
    if value not in ("first", "second", "tie"):
        raise ManifestError(f"{str(value)[:80]!r} is no preference: use first, second or tie")
    return written(Preference(preferred=value))


_READERS: Mapping[Kind, Callable[[Any, Sequence[str] | None, Sequence[str]], str]] = {
    "classification": _class,
    "multilabel": _classes,
    "text": _text,
    "rating": _rating,
    "preference": _preference,
}


def _boxes(row: Row, names: Names, known: Sequence[str]) -> str | None:
    if row.get("objects") is None:
        return None
    found = converted(row["objects"], _Objects, "the column 'objects'")
    boxes = [
        Box(label=name, left=left, top=top, right=left + width, bottom=top + height)
        for name, (left, top, width, height) in _named(found.bbox or (), found, names.get("objects", known))
    ]
    width, height = _sides(row)
    return written(Boxes(width=width, height=height, boxes=tuple(boxes)))


def _polygons(row: Row, names: Names, known: Sequence[str]) -> str | None:
    if row.get("objects") is None:
        return None
    found = converted(row["objects"], _Objects, "the column 'objects'")
    polygons = [
        Polygon(label=name, points=tuple(zip(outline[::2], outline[1::2], strict=False)))
        for name, outline in _named(found.segmentation or (), found, names.get("objects", known))
    ]
    width, height = _sides(row)
    return written(Polygons(width=width, height=height, polygons=tuple(polygons)))


def _named(shapes: Sequence[V], found: _Objects, names: Sequence[str]) -> list[tuple[str, V]]:
    categories = found.category if found.category is not None else found.categories or ()
    if len(categories) != len(shapes):
        raise ManifestError(f"the column 'objects' has {len(shapes)} shapes and {len(categories)} categories")
    return [(_class(category, names, ()), shape) for category, shape in zip(categories, shapes, strict=True)]


def _sides(row: Row) -> tuple[int | None, int | None]:
    width, height = row.get("width"), row.get("height")
    return (width, height) if isinstance(width, int) and isinstance(height, int) else (None, None)


def _mask(row: Row, names: Names, known: Sequence[str]) -> str | None:  # noqa: ARG001
    """A picture whose pixels are places of classes, 1 being the first; nothing else says which class is which."""
    value = next((row[each] for each in (*_LABELS, "mask", "annotation") if isinstance(row.get(each), dict)), None)
    data = value.get("bytes") if value else None
    if not isinstance(data, bytes):
        return None
    numbered = {0: BACKGROUND, **dict(enumerate(known, start=1))}
    return written(mask_of_indices(data, numbered, dict.fromkeys(numbered, _NO_COLOUR)))


def _spans(row: Row, names: Names, known: Sequence[str]) -> str | None:
    if row.get("spans") is None:
        return None
    told = names.get("spans", known)
    found = converted(row["spans"], list[dict[str, Any]], "the column 'spans'")
    spans = [{**each, "label": _class(each.get("label", ""), told, ())} for each in found]
    document = {"spans": spans, "relations": row.get("relations") or []}
    return written(converted(document, Spans, "the column 'spans'"))


def _target(row: Row, names: Names, known: Sequence[str]) -> str | None:  # noqa: ARG001
    return None if row.get("target") is None else _text(row["target"], None, ())


def _stars(row: Row, names: Names, known: Sequence[str]) -> str | None:  # noqa: ARG001
    if row.get("rating") is None:
        return None
    found = msgspec.json.decode(_rating(row["rating"], None, ()), type=Rating)
    return written(Rating(rating=found.rating, critique=str(row.get("critique") or "")))


# What stands in other columns than one for the label.
_LAID_OUT: Mapping[Kind, Callable[[Row, Names, Sequence[str]], str | None]] = {
    "boxes": _boxes,
    "polygons": _polygons,
    "mask": _mask,
    "spans": _spans,
    "text": _target,
    "rating": _stars,
}


def _tokens(reading: Reading, name: str, where: str, row: Row, names: Names) -> Labelled:
    column = reading.attribute or next((each for each in _TAGS if each in row), _TAGS[0])
    tokens, tags = (converted(row.get(each), list[str | int], f"the column {each!r}") for each in ("tokens", column))
    told = names.get(column, ())
    words = [_class(each, told, ()) if isinstance(each, int) else each for each in tags]
    text, label = spans_of_tags([str(each) for each in tokens], words)
    return Labelled(
        where=where,
        label=label,
        data=text.encode(errors="surrogatepass"),
        content_type="text/plain",
        group=group_named(row, reading.group),
        split=split_named(row.get("split")) or split_in(name),
    )
