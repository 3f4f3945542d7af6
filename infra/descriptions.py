"""What botocore knows of AWS, cut down to what one function asks of it.

botocore brings descriptions of four hundred services and reads those of a client whole, with the addresses of all the
others: a sixth of what a first answer costs. A package holds the operations that its source names, with the shapes
that they need, word for word but without the prose (docs/adr/0007-first-answers.md).
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from botocore import xform_name
from botocore.exceptions import DataNotFoundError
from botocore.loaders import Loader

from trueup.errors import ConfigurationError

Description = dict[str, Any]
# What botocore itself calls when a bucket lies in another region or is a directory bucket.
BOTOCORES_OWN = {"s3": frozenset({"HeadBucket", "CreateSession"})}
_WHOLE = ("partitions", "sdk-default-configuration", "_retry")
_PROSE = frozenset({"documentation", "documentationUrl"})


@dataclass(frozen=True)
class Wanted:
    """Service names, and methods of their clients, that some source mentions. More than it calls is no harm."""

    services: frozenset[str]
    methods: frozenset[str]


def wanted_by(files: Iterable[Path]) -> Wanted:
    """Services are texts in brackets, `clients["s3"]`; methods are attributes, `client.get_object`, or texts,
    `get_paginator("list_objects_v2")`."""
    found = [_mentioned(path, path.stat().st_mtime_ns) for path in files]
    services = frozenset[str]().union(*(each.services for each in found))
    return Wanted(services, frozenset[str]().union(*(each.methods for each in found)))


@cache
def _mentioned(path: Path, _changed_at: int) -> Wanted:
    """Read once, though most functions need most files."""
    services, methods = set[str](), set[str]()
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Subscript):
            services |= _texts(node.slice)
        if isinstance(node, ast.Attribute):
            methods.add(node.attr)
        methods |= _texts(node)
    return Wanted(frozenset(services), frozenset(methods))


def write_descriptions(source: Path, target: Path, wanted: Wanted) -> None:
    """Write what is wanted of botocore's folder of data `source` into the folder `target`.

    Raises ConfigurationError when a service has none of the operations."""
    loader = Loader(extra_search_paths=[str(source)], include_default_search_paths=False)
    prefixes = set[str]()
    for service in sorted(each for each in wanted.services if (source / each).is_dir()):
        described = loader.load_service_model(service, "service-2")
        kept = frozenset(_operations(service, described, wanted.methods))
        if not kept:
            raise ConfigurationError(f"{service} is asked for, but none of its operations")
        prefixes.add(described["metadata"]["endpointPrefix"])
        version = loader.determine_latest_version(service, "service-2")
        for kind, description in _parts(loader, service, kept).items():
            _write(target / service / version / f"{kind}.json", description)
    _write(target / "endpoints.json", _addresses(loader.load_data("endpoints"), prefixes))
    for name in _WHOLE:
        _write(target / f"{name}.json", loader.load_data(name))


def _texts(node: ast.AST) -> set[str]:
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def _operations(service: str, described: Description, methods: frozenset[str]) -> Iterator[str]:
    own = BOTOCORES_OWN.get(service, frozenset())
    for name, operation in described["operations"].items():
        if name in own or xform_name(name) in methods or operation.get("endpointoperation"):
            yield name


def _parts(loader: Loader, service: str, kept: frozenset[str]) -> dict[str, Description]:
    parts = {
        "service-2": _service(loader.load_service_model(service, "service-2"), kept),
        "endpoint-rule-set-1": loader.load_service_model(service, "endpoint-rule-set-1"),
    }
    for kind, inner in (("paginators-1", "pagination"), ("waiters-2", "waiters")):
        try:
            found = loader.load_service_model(service, kind)
        except DataNotFoundError:
            continue
        used = {name: each for name, each in found[inner].items() if each.get("operation", name) in kept}
        parts[kind] = {**found, inner: used}
    return parts


def _service(described: Description, kept: frozenset[str]) -> Description:
    operations = {name: each for name, each in described["operations"].items() if name in kept}
    shapes: dict[str, Any] = {}
    waiting = list(_shapes(operations))
    while waiting:
        name = waiting.pop()
        if name not in shapes:
            shapes[name] = described["shapes"][name]
            waiting += _shapes(shapes[name])
    in_order = {name: each for name, each in described["shapes"].items() if name in shapes}
    plain: Description = _plain({**described, "operations": operations, "shapes": in_order})
    return plain


def _shapes(node: Any) -> Iterator[str]:
    """The names of the shapes that a part of a description mentions."""
    if isinstance(node, Mapping):
        for name, each in node.items():
            if name == "shape" and isinstance(each, str):
                yield each
            else:
                yield from _shapes(each)
    elif isinstance(node, list):
        for each in node:
            yield from _shapes(each)


def _plain(node: Any) -> Any:
    """With empty prose: some of it botocore looks up. A member that bears its name is no text but a mapping."""
    if isinstance(node, Mapping):
        return {name: "" if name in _PROSE and isinstance(each, str) else _plain(each) for name, each in node.items()}
    if isinstance(node, list):
        return [_plain(each) for each in node]
    return node


def _addresses(endpoints: Description, prefixes: set[str]) -> Description:
    partitions = [
        {**each, "services": {name: found for name, found in each["services"].items() if name in prefixes}}
        for each in endpoints["partitions"]
    ]
    return {**endpoints, "partitions": partitions}


def _write(path: Path, description: Description) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(description, separators=(",", ":")))
