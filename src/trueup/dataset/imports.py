"""Read labels from an augmented manifest."""

from __future__ import annotations

from typing import Any

import msgspec

from trueup.errors import ManifestError
from trueup.model import LabelSchema, Record


class ManifestLabel(Record, frozen=True, kw_only=True):
    """One labelled line: the payload's place (`source_ref`) or the text itself (`source`), and the class name."""

    line: int
    label: str
    source_ref: str | None = None
    source: str | None = None
    content_type: str | None = None
    group: str | None = None


def read_augmented_manifest(data: bytes, schema: LabelSchema, attribute: str = "label") -> list[ManifestLabel]:
    """Lines that carry a label under `attribute`; lines without one (unlabelled objects) are passed over.

    Raises ManifestError naming the line: not JSON, no source, or a class that the schema does not know.
    """
    rows = [(number, raw) for number, raw in enumerate(data.splitlines(), start=1) if raw.strip()]
    labels = [_label(_document(raw, number), number, schema, attribute) for number, raw in rows]
    return [each for each in labels if each is not None]


def _document(raw: bytes, number: int) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise ManifestError(f"line {number} is not JSON: {error}", field=f"line {number}") from error
    if not isinstance(document, dict):
        raise ManifestError(f"line {number} is not a JSON object", field=f"line {number}")
    return document


def _label(document: dict[str, Any], number: int, schema: LabelSchema, attribute: str) -> ManifestLabel | None:
    if attribute not in document:
        return None
    if ("source" in document) == ("source-ref" in document):
        raise ManifestError(f"line {number} needs exactly one of source and source-ref", field=f"line {number}")
    return ManifestLabel(
        line=number,
        label=_class_name(document, number, schema, attribute),
        source_ref=document.get("source-ref"),
        source=document.get("source"),
        content_type=document.get("content-type"),
        group=document.get("trueup-group"),
    )


def _class_name(document: dict[str, Any], number: int, schema: LabelSchema, attribute: str) -> str:
    name = document.get(f"{attribute}-metadata", {}).get("class-name")
    if name is None:
        name = _by_index(document[attribute], schema)
    if name not in schema.names:
        known = ", ".join(schema.names)
        raise ManifestError(
            f"line {number}: class {name!r} is not in the label schema ({known})", field=f"line {number}"
        )
    return str(name)


def _by_index(value: Any, schema: LabelSchema) -> str | None:
    """Class indices are integers, in some of Ground Truth's outputs strings of one."""
    try:
        index = int(value)
    except (TypeError, ValueError):
        return None
    return schema.names[index] if 0 <= index < len(schema.names) else None
