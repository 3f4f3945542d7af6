"""Labels as Ground Truth writes them into augmented manifests, and back: the value of the label attribute, and the
part of its metadata that belongs to the kind ("Output Data", Amazon SageMaker Developer Guide).

Kinds that Ground Truth has no task for are its custom kind: their value is the label's own JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec

from trueup.errors import LabelError
from trueup.labels.masks import mask_of_indices
from trueup.labels.naming import is_none
from trueup.labels.reading import checked, read, written
from trueup.labels.values import Box, Boxes, Classes, Mask, Span, Spans
from trueup.model import LabelSchema, Record

_CUSTOM = "custom"
V = TypeVar("V")
# The bytes of a file that a manifest names.
Fetch = Callable[[str], bytes]


class ManifestValue(Record, frozen=True, kw_only=True):
    """`type` is the metadata's, after "groundtruth/"."""

    value: Any
    type: str
    metadata: Mapping[str, Any] = {}


class _Size(Record, frozen=True, kw_only=True):
    width: int
    height: int


class _BoxEntry(Record, frozen=True, kw_only=True):
    class_id: int
    left: float
    top: float
    width: float
    height: float


class _BoxValue(Record, frozen=True, kw_only=True):
    annotations: tuple[_BoxEntry, ...]
    image_size: tuple[_Size, ...] = ()


class _MapEntry(Record, frozen=True, kw_only=True, rename="kebab"):
    class_name: str
    hex_color: str


class _Entity(Record, frozen=True, kw_only=True, rename="camel"):
    label: str
    start_offset: int
    end_offset: int


class _Entities(Record, frozen=True, kw_only=True):
    entities: tuple[_Entity, ...] = ()


class _SpanValue(Record, frozen=True, kw_only=True):
    annotations: _Entities


def to_manifest(label: str, posterior: float, schema: LabelSchema) -> ManifestValue:
    """Raises LabelError: a label that the schema does not know, or boxes that do not say how large the image is."""
    label = checked(label, schema)
    if is_none(label):
        return ManifestValue(value=msgspec.json.decode(label), type=_CUSTOM, metadata={"confidence": posterior})
    if schema.kind == "classification":
        metadata = {"class-name": label, "confidence": posterior}
        return ManifestValue(value=schema.names.index(label), type=_task(schema, "classification"), metadata=metadata)
    writer = _WRITERS.get(schema.kind)
    if writer is not None:
        return writer(read(label, schema), posterior, schema)
    return ManifestValue(value=msgspec.json.decode(label), type=_CUSTOM, metadata={"confidence": posterior})


def from_manifest(value: Any, metadata: Mapping[str, Any], schema: LabelSchema, fetch: Fetch | None = None) -> str:
    """The label's checked text. `fetch` brings the file that a mask is in. Raises LabelError, and what `fetch` does."""
    return checked(said_in_manifest(value, metadata, schema, fetch), schema)


def said_in_manifest(value: Any, metadata: Mapping[str, Any], schema: LabelSchema, fetch: Fetch | None = None) -> str:
    """The same unchecked: with the manifest's own names of classes, which may be none of the schema's."""
    if says_none(value):
        return msgspec.json.encode(value).decode()
    if schema.kind == "classification":
        return _class_name(value, metadata, schema)
    if schema.kind == "mask" and isinstance(value, str):
        return written(_read_mask(value, metadata, fetch))
    reader = _READERS.get(schema.kind)
    if reader is not None:
        return written(reader(value, _names(metadata), schema))
    return msgspec.json.encode(value).decode()


def says_none(value: Any) -> bool:
    """Whether a manifest's value is a label by which no class fits, as `to_manifest` writes it."""
    return isinstance(value, Mapping) and value.keys() == {"none", "proposed"}


def _class_name(value: Any, metadata: Mapping[str, Any], schema: LabelSchema) -> str:
    """Custom jobs have no class-name: their value is the class, or {"label": class} with what else they tell."""
    name = metadata.get("class-name")
    if name is None:
        name = _name(value, schema)
    if name is None:
        name = value.get("label") if isinstance(value, Mapping) else value
    if not isinstance(name, str):
        raise LabelError(f"the value {str(value)[:80]!r} names no class: the metadata has no class-name", field="label")
    return name


def _task(schema: LabelSchema, name: str) -> str:
    """Ground Truth has classes of pictures and of texts; of anything else they are a custom job's."""
    return f"{schema.media}-{name}" if schema.media in ("image", "text") else _CUSTOM


def _names(metadata: Mapping[str, Any]) -> Mapping[str, str]:
    return _as(metadata.get("class-map") or {}, dict[str, str])


def _multilabel(value: Classes, posterior: float, schema: LabelSchema) -> ManifestValue:
    places = [schema.names.index(each) for each in value.classes]
    metadata = {
        "class-map": {str(place): schema.names[place] for place in places},
        "confidence-map": {str(place): posterior for place in places},
    }
    return ManifestValue(value=places, type=_task(schema, "classification-multilabel"), metadata=metadata)


def _boxes(value: Boxes, posterior: float, schema: LabelSchema) -> ManifestValue:
    if value.width is None or value.height is None:
        raise LabelError(
            "the boxes do not say how large their image is: label it again in the workbench", field="label"
        )
    places = {each.label: schema.names.index(each.label) for each in value.boxes}
    return ManifestValue(
        value={
            "image_size": [{"width": value.width, "height": value.height, "depth": 3}],
            "annotations": [
                {
                    "class_id": places[each.label],
                    "left": each.left,
                    "top": each.top,
                    "width": round(each.right - each.left, 2),
                    "height": round(each.bottom - each.top, 2),
                }
                for each in value.boxes
            ],
        },
        type="object-detection",
        metadata={
            "objects": [{"confidence": posterior} for _ in value.boxes],
            "class-map": {str(place): name for name, place in sorted(places.items(), key=lambda each: each[1])},
        },
    )


def _spans(value: Spans, posterior: float, schema: LabelSchema) -> ManifestValue:
    """Ground Truth has no relations: they stand beside its own keys."""
    annotations: dict[str, Any] = {
        "labels": [{"label": each.name, "shortDisplayName": each.name[:4]} for each in schema.classes],
        "entities": [{"label": each.label, "startOffset": each.start, "endOffset": each.end} for each in value.spans],
    }
    if value.relations:
        annotations["relations"] = msgspec.to_builtins(value.relations)
    return ManifestValue(
        value={"annotations": annotations},
        type="text-span",
        metadata={"entities": [{"confidence": posterior} for _ in value.spans]},
    )


def _read_multilabel(value: Any, names: Mapping[str, str], schema: LabelSchema) -> Classes:
    found = _as(value, tuple[int, ...])
    return Classes(classes=tuple(_mapped(each, names, schema) for each in found))


def _read_boxes(value: Any, names: Mapping[str, str], schema: LabelSchema) -> Boxes:
    found = _as(value, _BoxValue)
    size = found.image_size[0] if found.image_size else None
    boxes = [
        Box(
            label=_mapped(each.class_id, names, schema),
            left=each.left,
            top=each.top,
            right=round(each.left + each.width, 2),
            bottom=round(each.top + each.height, 2),
        )
        for each in found.annotations
    ]
    return Boxes(width=size.width if size else None, height=size.height if size else None, boxes=tuple(boxes))


def _read_mask(place: str, metadata: Mapping[str, Any], fetch: Fetch | None) -> Mask:
    """A PNG elsewhere, of colours that the metadata tells."""
    if fetch is None:
        raise LabelError(f"the mask is in {place}, which nobody reads here", field="label")
    colours = _as(metadata.get("internal-color-map", {}), dict[int, _MapEntry])
    names = {number: each.class_name for number, each in colours.items()}
    return mask_of_indices(fetch(place), names, {number: each.hex_color for number, each in colours.items()})


def _read_spans(value: Any, names: Mapping[str, str], schema: LabelSchema) -> Spans:  # noqa: ARG001
    entities = _as(value, _SpanValue).annotations.entities
    spans = [Span(label=each.label, start=each.start_offset, end=each.end_offset) for each in entities]
    relations = value["annotations"].get("relations", [])
    return _as({"spans": msgspec.to_builtins(spans), "relations": relations}, Spans)


_WRITERS: dict[str, Callable[..., ManifestValue]] = {"multilabel": _multilabel, "boxes": _boxes, "spans": _spans}
_READERS: dict[str, Callable[[Any, Mapping[str, str], LabelSchema], Any]] = {
    "multilabel": _read_multilabel,
    "boxes": _read_boxes,
    "spans": _read_spans,
}


def _as(value: Any, kind: type[V]) -> V:
    try:
        return msgspec.convert(value, kind, str_keys=True)
    except msgspec.ValidationError as error:
        raise LabelError(f"the value is not what Ground Truth writes: {error}", field="label") from error


def _mapped(place: int, names: Mapping[str, str], schema: LabelSchema) -> str:
    found = names.get(str(place)) or _name(place, schema)
    if found is None:
        raise LabelError(f"class {place} is in no class map, nor has the label schema so many", field="label")
    return found


def _name(value: Any, schema: LabelSchema) -> str | None:
    """Class indices are integers, in some of Ground Truth's outputs strings of one."""
    try:
        index = int(value)
    except (TypeError, ValueError):
        return None
    return schema.names[index] if 0 <= index < len(schema.names) else None
