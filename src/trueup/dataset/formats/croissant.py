"""MLCommons Croissant 1.1: `croissant.json`, which says what is in the JSON Lines and the pictures beside it.

https://docs.mlcommons.org/croissant/docs/croissant-spec.html : files with their SHA-256, and record sets whose fields
say which column they come from and of which type they are.
"""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

import msgspec

from trueup.dataset.exporting import EVERY_KIND, Cut, ExportedFile, ExportRequest, label_of, text_of
from trueup.dataset.images import picture_files
from trueup.model import LabelledSample

KINDS = EVERY_KIND
HOLDS_NONE = True
FILE = ""
READERS = "mlcroissant, Kaggle, Dataset Search, OpenML"
CUT = Cut(why="its document names one file of all samples")
_LINES = "samples.jsonl"
_INPUTS = "inputs"
_CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_COLUMNS: Mapping[str, tuple[str, str]] = {
    "sample_id": ("sc:Text", "SHA-256 of the input"),
    "split": ("sc:Text", "what the sample is for"),
    "label": ("sc:Text", "a class's name, or JSON of the label's kind"),
    "group": ("sc:Text", "what keeps related samples in one split"),
    "content_type": ("sc:Text", "the input's media type"),
    "payload_uri": ("sc:URL", "where the input is kept"),
    "weight": ("sc:Float", "how much the sample counts in training"),
    "posterior": ("sc:Float", "how sure the label is"),
    "agreement": ("sc:Float", "how far annotators agreed"),
}
_SPLITS = {"train": "cr:TrainingSplit", "validation": "cr:ValidationSplit", "test": "cr:TestSplit"}
_OBJECTS = {"image": "sc:ImageObject", "audio": "sc:AudioObject"}


def files(request: ExportRequest) -> Iterator[ExportedFile]:
    """The description comes last: it names hashes and types of what was written."""
    digest = hashlib.sha256()
    yield ExportedFile(_LINES, _hashed(_lines(request), digest))
    suffixes: set[str] = set()
    if request.schema.media in _OBJECTS:
        for each in picture_files(request, request.samples(), _INPUTS):
            suffixes.add(PurePosixPath(each.path).suffix)
            yield each
    document = _document(request, digest.hexdigest(), sorted(suffixes))
    yield ExportedFile("croissant.json", iter((msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n",)))


def _hashed(chunks: Iterator[bytes], digest: Any) -> Iterator[bytes]:
    for each in chunks:
        digest.update(each)
        yield each


def _lines(request: ExportRequest) -> Iterator[bytes]:
    if request.schema.media in _OBJECTS:
        for each in request.samples():
            yield msgspec.json.encode(_line(request, each)) + b"\n"
        return
    for each, payload in request.loaded(request.samples()):
        yield msgspec.json.encode({**_line(request, each), "input": text_of(each, payload)}) + b"\n"


def _line(request: ExportRequest, sample: LabelledSample) -> dict[str, Any]:
    line = {name: getattr(sample, name) for name in _COLUMNS}
    return {**line, "label": label_of(sample, request.schema)}


# ---------------------------------------------------------------- the description


def _document(request: ExportRequest, sha256: str, suffixes: list[str]) -> dict[str, Any]:
    version = request.version
    sets = [_splits(request), _samples(request)]
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": request.project,
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "description": f"Version {version.number} ({version.version_id}) of the labels of {request.project}: "
        f"{request.schema.kind}, schema {version.schema_version or 'unknown'}.",
        "url": request.root or f"urn:sha256:{version.version_id}",
        "version": f"{version.number}.0.0",
        "datePublished": f"{version.created_at:%Y-%m-%d}",
        "distribution": [_lines_file(sha256), *_input_files(suffixes)],
        "recordSet": [*sets, *([_inputs(request)] if suffixes else [])],
    }


def _lines_file(sha256: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": _LINES,
        "name": _LINES,
        "contentUrl": _LINES,
        "encodingFormat": "application/jsonlines",
        "sha256": sha256,
    }


def _input_files(suffixes: list[str]) -> list[dict[str, Any]]:
    kinds = [mimetypes.guess_type(f"x{each}")[0] or "application/octet-stream" for each in suffixes]
    if not kinds:
        return []
    told = kinds[0] if len(kinds) == 1 else kinds
    return [
        {"@type": "cr:FileSet", "@id": "files", "name": "files", "encodingFormat": told, "includes": f"{_INPUTS}/*"}
    ]


def _splits(request: ExportRequest) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [_field("splits", "name", "sc:Text"), _field("splits", "url", "sc:URL")],
        "data": [{"splits/name": each, "splits/url": _SPLITS[each]} for each in request.splits],
    }


def _samples(request: ExportRequest) -> dict[str, Any]:
    columns = dict(_COLUMNS)
    if request.schema.media not in _OBJECTS:
        columns["input"] = ("sc:Text", "the input itself")
    fields = [
        {**_field("samples", name, kind, told), "source": _column(name)} for name, (kind, told) in columns.items()
    ]
    fields[list(columns).index("split")]["references"] = {"field": {"@id": "splits/name"}}
    return {
        "@type": "cr:RecordSet",
        "@id": "samples",
        "name": "samples",
        "description": "One record per labelled sample.",
        "key": {"@id": "samples/sample_id"},
        "field": fields,
    }


def _inputs(request: ExportRequest) -> dict[str, Any]:
    """A record set of its own: readers join a set of files with a table by no means the same way."""
    name = {
        "fileSet": {"@id": "files"},
        "extract": {"fileProperty": "filename"},
        "transform": {"regex": "^([0-9a-f]{64})"},
    }
    content = {"fileSet": {"@id": "files"}, "extract": {"fileProperty": "content"}}
    kind = _OBJECTS[request.schema.media]
    return {
        "@type": "cr:RecordSet",
        "@id": _INPUTS,
        "name": _INPUTS,
        "description": "The input of each sample, by its id.",
        "key": {"@id": f"{_INPUTS}/sample_id"},
        "field": [
            {**_field(_INPUTS, "sample_id", "sc:Text"), "source": name},
            {**_field(_INPUTS, "input", kind), "source": content},
        ],
    }


def _field(where: str, name: str, kind: str, told: str = "") -> dict[str, Any]:
    field = {"@type": "cr:Field", "@id": f"{where}/{name}", "name": name, "dataType": kind}
    return {**field, "description": told} if told else field


def _column(name: str) -> dict[str, Any]:
    return {"fileObject": {"@id": _LINES}, "extract": {"column": name}}
