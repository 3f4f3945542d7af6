"""The judge of OpenLineage events: the official schemas, in tests/data/openlineage, and our own facet's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from trueup.lineage.openlineage.events import RunEvent, encoded
from trueup.lineage.openlineage.facets import BASE_SCHEMA, annotation_schema

SCHEMAS = Path(__file__).parent / "data" / "openlineage"


@cache
def schemas() -> Mapping[str, dict[str, Any]]:
    """By their ids."""
    found = [json.loads(each.read_text()) for each in sorted(SCHEMAS.rglob("*.json"))]
    return {each["$id"]: each for each in (*found, annotation_schema())}


@cache
def validator(schema: str) -> Draft202012Validator:
    """Of a schema, or a part of one, by its address. Dates, UUIDs and URIs are looked at as well."""
    resources = [(name, Resource.from_contents(each)) for name, each in schemas().items()]
    checker = Draft202012Validator.FORMAT_CHECKER
    return Draft202012Validator({"$ref": schema}, registry=Registry().with_resources(resources), format_checker=checker)


def judged(event: RunEvent | Mapping[str, Any]) -> dict[str, Any]:
    """The event as it is sent, when it and each of its facets are as their schemas say. Raises ValidationError."""
    document: dict[str, Any] = json.loads(encoded(event)) if isinstance(event, RunEvent) else dict(event)
    validator("https://openlineage.io/spec/2-0-2/OpenLineage.json").validate(document)
    for name, facet in facets_of(document):
        address = facet["_schemaURL"]
        validator(address).validate(facet)
        if address != BASE_SCHEMA:
            assert name in schemas()[address.partition("#")[0]]["properties"], f"{name} is no key of {address}"
    return document


def facets_of(document: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    holders = [document["run"], document["job"], *document["inputs"], *document["outputs"]]
    for holder in holders:
        for kind in ("facets", "inputFacets", "outputFacets"):
            yield from holder.get(kind, {}).items()
