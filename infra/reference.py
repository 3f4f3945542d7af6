"""Prints docs/configuration.md: python -m infra.reference > docs/configuration.md

With --check nothing is printed, and the exit status says whether the page is what would be printed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from infra.config import Document
from infra.keys import CONTEXT_KEYS, DEPLOYMENT_KEYS, MAX_PROJECTS, PROJECT_KEYS
from infra.packaging import ROOT
from trueup.keys import Key
from trueup.settings import Project, Record, record_of

_LINE = 100
PAGE = ROOT / "docs" / "configuration.md"
_INTRO = """\
# Configuration

Everything that a deployment is told stands in one JSON object: under `trueup` in the `context` of `cdk.json`, or in a
file of its own that `-c trueup:config=FILE` names. What is wrong in it ends `npx cdk synth` with a sentence that names
the key; nothing is deployed then.

The least that a deployment needs:

{minimal}

With all keys; the second project answers in a form of its own, and is labelled in Ground Truth:

{full}

In the tables below, a key without a default is needed.
"""
_HOW_MANY = f"""\
## How many projects

{MAX_PROJECTS} in a deployment. More go into another stage: stages live beside each other in an account, each deployed
from a file of its own.

The number comes from AWS Lambda, which gives a function's environment 4,096 bytes. The fullest is that of
`model_promote`, where each project adds the names of its two rollback alarms: up to 240 bytes, when stage and project
have the longest names, beside 948 that are always there. The room for one project more is left to variables to come.
Other limits are farther away: the queue URLs in other functions' environments (179 bytes a project), the 500 resources
of a template, the 2,048 characters of an EventBridge pattern, the 10,240 of a role's policies. The parameter that tells
the command line where everything is can grow beyond 4 KB and then becomes an advanced one ($0.05 a month).
`tests/infra/test_limits.py` synthesizes {MAX_PROJECTS} projects with the longest names and measures all of these.
"""
_SECTIONS = {
    "": "A project",
    "sources": "Captures that no endpoint writes: `sources`",
    "feedback": "Users' corrections and real outcomes: `feedback`",
    "label_schema": "What annotators may answer: `label_schema`",
    "selection": "Which predictions deserve a person: `selection`",
    "annotation": "Who answers beside people: `annotation`",
    "gold": "Tasks whose answer is known: `gold`",
    "consensus": "How answers become a label: `consensus`",
    "commit": "When labels become a version: `commit`",
    "dataset": "Which versions keep their content: `dataset`",
    "triggers": "When a version is worth a training: `triggers`",
    "gate": "What a candidate must show: `gate`",
    "training": "How it is trained and takes over: `training`",
    "ground_truth": "Labelling in Ground Truth: `ground_truth`",
    "label_studio": "Labelling in Label Studio: `label_studio`",
    "lineage": "Whom lineage is told: `lineage`",
}
# Shown in an example of their own.
_SECOND = ("ground_truth", "selection.answer")
_SPANS = ("label_schema.relations", "label_schema.renamed", "label_schema.split", "label_schema.removed")
_THIRD = (*_SPANS, "label_studio")
# The two ways in which a split by time is said.
_DATES = ("commit.splits.test_from", "commit.splits.validation_from")
_DAYS = ("commit.splits.test_days", "commit.splits.validation_days")
_BY_TIME = {"commit.splits.method": "time"}
_WORDS = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "object", type(None): "null"}


def documentation() -> str:
    """The page."""
    parts = [
        _INTRO.format(minimal=_code(minimal_example()), full=_code(full_example())),
        "## The deployment: `trueup`\n",
        _table(DEPLOYMENT_KEYS, Document),
        _HOW_MANY,
    ]
    for prefix, title in _SECTIONS.items():
        keys = {
            path: key for path, key in PROJECT_KEYS.items() if (path.partition(".")[0] if "." in path else "") == prefix
        }
        parts += [f"## {title}\n", _table(keys, Project)]
    parts += ["## Context keys: `npx cdk deploy -c KEY=VALUE`\n", _context_table()]
    return "\n".join(parts)


def minimal_example() -> dict[str, Any]:
    schema = {"media": "text", "classes": [{"name": "billing"}, {"name": "sales"}]}
    return {"projects": [{"name": "tickets", "endpoint_name": "tickets", "label_schema": schema}]}


def full_example() -> dict[str, Any]:
    """The examples of the table, put together: one project with all keys but those that exclude others, and two with
    these."""
    inner = {path: key.example for path, key in PROJECT_KEYS.items() if "[]" not in path}
    first = _nested(
        {path: each for path, each in inner.items() if not path.startswith((*_SECOND, *_THIRD, *_DATES, *_DAYS))}
    )
    second = {
        "name": "pets",
        "endpoint_name": "pets",
        "label_schema": {"media": "image", "classes": [{"name": "cat"}, {"name": "dog"}]},
        "backend": "ground_truth",
        **_nested({path: each for path, each in inner.items() if path.startswith((*_SECOND, *_DATES))} | _BY_TIME),
    }
    third = {
        "name": "names",
        "endpoint_name": "names",
        "label_schema": {
            "kind": "spans",
            "media": "text",
            "classes": [{"name": "person"}, {"name": "company"}, {"name": "city"}, {"name": "country"}],
            "relations": inner["label_schema.relations"],
            "renamed": inner["label_schema.renamed"],
            "split": inner["label_schema.split"],
            "removed": inner["label_schema.removed"],
        },
        "triggers": {"action": "notify"},
        "backend": "label_studio",
        **_nested({path: each for path, each in inner.items() if path.startswith(("label_studio", *_DAYS))} | _BY_TIME),
    }
    return {**{path: key.example for path, key in DEPLOYMENT_KEYS.items()}, "projects": [first, second, third]}


def fields_of(record: type[Record], prefix: str = "") -> Iterator[tuple[str, msgspec.structs.FieldInfo]]:
    """The keys of a record and of the records in it, as the table writes them, records themselves left out."""
    for field in msgspec.structs.fields(record):
        inner, path = record_of(field.type), f"{prefix}{field.name}"
        if inner is None or _is_list(field.type):
            yield path, field
        if inner is not None:
            yield from fields_of(inner, f"{path}[]." if _is_list(field.type) else f"{path}.")


def _section(prefix: str) -> dict[str, Key]:
    """The keys of a project below a prefix; those that are below none for the empty one."""
    return {path: key for path, key in PROJECT_KEYS.items() if path.rpartition(".")[0].partition(".")[0] == prefix}


def _table(keys: Mapping[str, Key], record: type[Record]) -> str:
    fields = dict(fields_of(record))
    rows = [
        (f"`{path}`", key.meaning, _kind(fields[path].type, key), _default(fields[path]), f"`{_json(key.example)}`")
        for path, key in keys.items()
    ]
    return _rows(("key", "meaning", "holds", "default", "example"), rows)


def _context_table() -> str:
    rows = []
    for path, key in CONTEXT_KEYS.items():
        holds = key.allowed.says if key.allowed else ""
        rows.append((f"`{path}`", key.meaning, holds, f"`-c {path}={key.example}`" if key.example else ""))
    return _rows(("key", "meaning", "holds", "example"), rows)


def _rows(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(each.replace('|', chr(92) + '|') for each in line)} |\n" for line in lines)


def _kind(kind: Any, key: Key) -> str:
    """What the record takes, and which of it the table allows."""
    words = _words(kind)
    return words if key.allowed is None else f"{words}: {key.allowed.says}"


def _words(kind: Any) -> str:
    origin = get_origin(kind)
    if origin is Literal:
        return " or ".join(f"`{each}`" for each in get_args(kind))
    if origin in (Union, UnionType):
        return " or ".join(_words(each) for each in get_args(kind))
    if _is_list(kind):
        return "list"
    return _WORDS.get(kind, "object")


def _is_list(kind: Any) -> bool:
    return get_origin(kind) is tuple


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required or (field.name == "projects"):
        return ""
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    return f"`{_json(value)}`"


def _nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    whole: dict[str, Any] = {}
    for path, value in flat.items():
        *parents, name = path.split(".")
        place = whole
        for each in parents:
            place = place.setdefault(each, {})
        place[name] = value
    return whole


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _code(value: Any) -> str:
    return f"```json\n{_laid_out(value)}\n```"


def _laid_out(value: Any, indent: int = 0) -> str:
    """JSON in which what fits into a line stands in one."""
    whole, margin = _json(value), " " * indent
    if not isinstance(value, (dict, list)) or (indent and len(whole) + indent < _LINE):
        return whole
    if isinstance(value, dict):
        lines = [f"{_json(key)}: {_laid_out(each, indent + 2)}" for key, each in value.items()]
        return "{\n" + ",\n".join(f"{margin}  {line}" for line in lines) + f"\n{margin}}}"
    lines = [_laid_out(each, indent + 2) for each in value]
    return "[\n" + ",\n".join(f"{margin}  {line}" for line in lines) + f"\n{margin}]"


def main() -> None:
    page = documentation()
    if sys.argv[1:] != ["--check"]:
        sys.stdout.write(page)
    elif not PAGE.is_file() or PAGE.read_text() != page:
        sys.exit("docs/configuration.md is not what the code says: python -m infra.reference > docs/configuration.md")


if __name__ == "__main__":
    main()
