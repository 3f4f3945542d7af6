"""Read labels from an augmented manifest."""

from __future__ import annotations

from typing import Any

import msgspec

from trueup.dataset.manifest_labels import Fetch, from_manifest
from trueup.errors import LabelError, ManifestError, NotFoundError
from trueup.model import LabelSchema, Record


class ManifestLabel(Record, frozen=True, kw_only=True):
    """One labelled line: the payload's place (`source_ref`) or the text itself (`source`), and the class name."""

    line: int
    label: str
    source_ref: str | None = None
    source: str | None = None
    content_type: str | None = None
    group: str | None = None


def read_augmented_manifest(
    data: bytes, schema: LabelSchema, attribute: str = "label", fetch: Fetch | None = None
) -> list[ManifestLabel]:
    """Lines that carry a label under `attribute`; lines without one (unlabelled objects) are passed over. `fetch`
    brings the files that masks are in.

    Raises ManifestError naming the line: not JSON, no source, or a class that the schema does not know.
    """
    rows = [(number, raw) for number, raw in enumerate(data.splitlines(), start=1) if raw.strip()]
    labels = [_label(_document(raw, number), number, schema, attribute, fetch) for number, raw in rows]
    return [each for each in labels if each is not None]


def _document(raw: bytes, number: int) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise ManifestError(f"line {number} is not JSON: {error}", field=f"line {number}") from error
    if not isinstance(document, dict):
        raise ManifestError(f"line {number} is not a JSON object", field=f"line {number}")
    return document


def _label(
    document: dict[str, Any], number: int, schema: LabelSchema, attribute: str, fetch: Fetch | None
) -> ManifestLabel | None:
    if attribute not in document:
        return None
    if ("source" in document) == ("source-ref" in document):
        raise ManifestError(f"line {number} needs exactly one of source and source-ref", field=f"line {number}")
    return ManifestLabel(
        line=number,
        label=_label_of(document, number, schema, attribute, fetch),
        source_ref=document.get("source-ref"),
        source=document.get("source"),
        content_type=document.get("content-type"),
        group=document.get("trueup-group"),
    )


def _label_of(document: dict[str, Any], number: int, schema: LabelSchema, attribute: str, fetch: Fetch | None) -> str:
    try:
        return from_manifest(document[attribute], document.get(f"{attribute}-metadata", {}), schema, fetch)
    except (LabelError, NotFoundError) as error:
        raise ManifestError(f"line {number}: {error}", field=f"line {number}") from error
