"""The judge of OpenLineage events: the official schemas, in tests/data/openlineage, and our own facet's; and a server
that takes events."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from trueup.lineage.openlineage.events import RunEvent, encoded
from trueup.lineage.openlineage.facets import BASE_SCHEMA, annotation_schema

# How soon a server sees that it is shut down.
_POLL_SECONDS = 0.01
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


class Marquez(ThreadingHTTPServer):
    """Takes events as the spec's OpenAPI document says (201), or answers with the next of `answers`: a status, with
    headers perhaps."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.taken: list[bytes] = []
        self.keys: list[str] = []
        self.paths: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Marquez

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.keys.append(self.headers.get("Authorization", ""))
        self.server.paths.append(self.path)
        status, headers = self.server.answers.pop(0) if self.server.answers else (201, {})
        if status == 201:
            self.server.taken.append(body)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        text = b"" if status == 201 else b'{"message": "no such job"}'
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        return


@contextmanager
def serving() -> Iterator[Marquez]:
    server = Marquez()
    thread = threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
