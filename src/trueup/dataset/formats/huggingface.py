"""A folder in the layout of the Hugging Face Hub: Parquet files per split with the inputs in them, and a card.

Columns have the types that `datasets` decodes by itself (Image, Audio, ClassLabel): they stand in each file's schema
under the key "huggingface", as `Dataset.push_to_hub` writes it. https://huggingface.co/docs/hub/datasets-manual-configuration
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from trueup.dataset.arrow import Row, parquet, pyarrow
from trueup.dataset.exporting import (
    EVERY_KIND,
    Cut,
    ExportedFile,
    ExportRequest,
    Peekable,
    label_of,
    naming,
    text_of,
    value_of,
)
from trueup.dataset.images import mask_png, picture_name
from trueup.labels.showing import pair_of, rated_of
from trueup.labels.values import Box, Boxes, Classes, Polygon, Polygons, Preference, Rating, Spans, Text
from trueup.model import Kind, LabelledSample, Payload

KINDS = EVERY_KIND
HOLDS_NONE = False
FILE = ""
READERS = "`datasets.load_dataset`, the Hub's viewer"
CUT = Cut(why="it is written by pyarrow, which is in no function's package")
# Row groups are decoded whole.
_GROUP_ROWS, _GROUP_BYTES = 1000, 32_000_000
_TASKS: dict[tuple[Kind, str], str] = {
    ("classification", "image"): "image-classification",
    ("classification", "text"): "text-classification",
    ("classification", "audio"): "audio-classification",
    ("classification", "tabular"): "tabular-classification",
    ("multilabel", "image"): "image-classification",
    ("multilabel", "text"): "text-classification",
    ("boxes", "image"): "object-detection",
    ("polygons", "image"): "image-segmentation",
    ("mask", "image"): "image-segmentation",
    ("spans", "text"): "token-classification",
}
Columns = dict[str, Any]
Sample = tuple[LabelledSample, Payload]


def files(request: ExportRequest) -> Iterator[ExportedFile]:
    schema = _schema(request)
    for split in request.splits:
        rows = Peekable(_rows(request, split))
        number = 0
        while rows or number == 0:
            yield ExportedFile(
                f"data/{split}-{number:05d}.parquet", parquet(schema, _groups(rows, request.shard_bytes))
            )
            number += 1
    yield ExportedFile("README.md", iter((_card(request).encode(),)))


def _rows(request: ExportRequest, split: str) -> Iterator[tuple[int, Row]]:
    """Each with its size in bytes."""
    label = _LABELS[request.schema.kind]
    for sample, payload in request.loaded(request.of(split)):
        said = label(request, sample)
        row = {**_input(request, sample, payload), **said, **{name: getattr(sample, name) for name in _OURS}}
        yield len(payload.data), row


def _groups(rows: Peekable[tuple[int, Row]], most: int) -> Iterator[list[Row]]:
    """Row groups of one file."""
    written = 0
    while rows and written < most:
        group: list[Row] = []
        held = 0
        while rows and len(group) < _GROUP_ROWS and held < min(_GROUP_BYTES, most):
            size, row = next(rows)
            group.append(row)
            held += size
        written += held
        yield group


# ---------------------------------------------------------------- columns

_STRING = {"dtype": "string", "_type": "Value"}
_FLOAT = {"dtype": "float64", "_type": "Value"}
_INT = {"dtype": "int64", "_type": "Value"}
_OURS: Mapping[str, Any] = {
    "sample_id": _STRING,
    "group": _STRING,
    "content_type": _STRING,
    "weight": _FLOAT,
    "posterior": _FLOAT,
}


def _list(feature: Any) -> Any:
    return {"feature": feature, "_type": "List"}


def _schema(request: ExportRequest) -> Any:
    """The Arrow schema of features in the notation of `datasets`."""
    arrow = pyarrow()
    schema = request.schema
    features = {**_input_features(request), **_FEATURES[schema.kind](list(schema.names)), **_OURS}
    types = [(name, _arrow_type(arrow, each)) for name, each in features.items()]
    told = {"huggingface": msgspec.json.encode({"info": {"features": features}})}
    return arrow.schema(types, metadata=told)


def _arrow_type(arrow: Any, feature: Any) -> Any:
    kind = feature.get("_type")
    if kind in ("Image", "Audio"):
        return arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    if kind == "ClassLabel":
        return arrow.int64()
    if kind == "List":
        return arrow.list_(_arrow_type(arrow, feature["feature"]))
    if kind == "Value":
        return {"string": arrow.string(), "float64": arrow.float64(), "int64": arrow.int64()}[feature["dtype"]]
    return arrow.struct([(name, _arrow_type(arrow, each)) for name, each in feature.items()])


def _input_features(request: ExportRequest) -> Columns:
    media, kind = request.schema.media, request.schema.kind
    if kind == "preference":
        return {"prompt": _STRING}
    if media in ("image", "audio"):
        return {media: {"_type": media.capitalize()}}
    return {"prompt": _STRING, "text": _STRING} if kind == "rating" else {"text": _STRING}


def _input(request: ExportRequest, sample: LabelledSample, payload: Payload) -> Row:
    media, kind = request.schema.media, request.schema.kind
    if kind == "preference":
        return _chosen(request, sample, payload)
    if media in ("image", "audio"):
        return {media: {"bytes": payload.data, "path": picture_name(sample, payload)}}
    text = text_of(sample, payload)
    if kind == "rating":
        found = rated_of(text)
        return {"prompt": found.prompt, "text": found.answer}
    return {"text": text}


def _chosen(request: ExportRequest, sample: LabelledSample, payload: Payload) -> Row:
    """The better answer first; of a tie, the first as they were shown."""
    with naming(sample):
        pair = pair_of(payload.data)
    swapped = _value(request, sample, Preference).preferred == "second"
    chosen, rejected = (pair.second, pair.first) if swapped else (pair.first, pair.second)
    return {"prompt": pair.prompt, "chosen": chosen, "rejected": rejected}


def _class(names: list[str]) -> Any:
    return {"names": names, "_type": "ClassLabel"}


_FEATURES: Mapping[Kind, Callable[[list[str]], Columns]] = {
    "classification": lambda names: {"label": _class(names)},
    "multilabel": lambda names: {"labels": _list(_class(names))},
    "boxes": lambda names: {
        "width": _INT,
        "height": _INT,
        "objects": {"bbox": _list(_list(_FLOAT)), "category": _list(_class(names))},
    },
    "polygons": lambda names: {
        "width": _INT,
        "height": _INT,
        "objects": {"segmentation": _list(_list(_FLOAT)), "category": _list(_class(names))},
    },
    "mask": lambda names: {"label": {"_type": "Image"}},  # noqa: ARG005
    "spans": lambda names: {
        "spans": _list({"label": _class(names), "start": _INT, "end": _INT}),
        "relations": _list({"label": _STRING, "from": _INT, "to": _INT}),
    },
    "text": lambda names: {"target": _STRING},  # noqa: ARG005
    "rating": lambda names: {"rating": _INT, "critique": _STRING},  # noqa: ARG005
    "preference": lambda names: {  # noqa: ARG005
        "chosen": _STRING,
        "rejected": _STRING,
        "preferred": _STRING,
        "critique": _STRING,
    },
}


# ---------------------------------------------------------------- labels


def _value(request: ExportRequest, sample: LabelledSample, kind: type[Any]) -> Any:
    return value_of(sample, request, kind)


def _places(request: ExportRequest, labels: Sequence[str]) -> list[int]:
    return [request.schema.names.index(each) for each in labels]


def _of_boxes(request: ExportRequest, sample: LabelledSample) -> Row:
    value: Boxes = _value(request, sample, Boxes)
    corners = [_corners(each) for each in value.boxes]
    return _objects(request, value, {"bbox": corners}, [each.label for each in value.boxes])


def _corners(box: Box) -> list[float]:
    """As COCO does: left, top, width, height."""
    return [box.left, box.top, round(box.right - box.left, 2), round(box.bottom - box.top, 2)]


def _of_polygons(request: ExportRequest, sample: LabelledSample) -> Row:
    value: Polygons = _value(request, sample, Polygons)
    outlines = [_outline(each) for each in value.polygons]
    return _objects(request, value, {"segmentation": outlines}, [each.label for each in value.polygons])


def _outline(polygon: Polygon) -> list[float]:
    return [part for point in polygon.points for part in point]


def _objects(request: ExportRequest, value: Any, shapes: Row, labels: Sequence[str]) -> Row:
    found = {**shapes, "category": _places(request, labels)}
    return {"width": value.width, "height": value.height, "objects": found}


def _of_mask(request: ExportRequest, sample: LabelledSample) -> Row:
    return {"label": {"bytes": mask_png(request, sample), "path": f"{sample.sample_id}.png"}}


def _of_spans(request: ExportRequest, sample: LabelledSample) -> Row:
    value: Spans = _value(request, sample, Spans)
    spans = [
        {"label": request.schema.names.index(each.label), "start": each.start, "end": each.end} for each in value.spans
    ]
    return {"spans": spans, "relations": msgspec.to_builtins(value.relations)}


def _of_classes(request: ExportRequest, sample: LabelledSample) -> Row:
    value: Classes = _value(request, sample, Classes)
    return {"labels": _places(request, value.classes)}


def _of_text(request: ExportRequest, sample: LabelledSample) -> Row:
    value: Text = _value(request, sample, Text)
    return {"target": value.text}


def _of_rating(request: ExportRequest, sample: LabelledSample) -> Row:
    value: Rating = _value(request, sample, Rating)
    return {"rating": value.rating, "critique": value.critique}


def _of_preference(request: ExportRequest, sample: LabelledSample) -> Row:
    value: Preference = _value(request, sample, Preference)
    return {"preferred": value.preferred, "critique": value.critique}


def _of_class(request: ExportRequest, sample: LabelledSample) -> Row:
    return {"label": request.schema.names.index(label_of(sample, request.schema))}


_LABELS: Mapping[Kind, Callable[[ExportRequest, LabelledSample], Row]] = {
    "classification": _of_class,
    "multilabel": _of_classes,
    "boxes": _of_boxes,
    "polygons": _of_polygons,
    "mask": _of_mask,
    "spans": _of_spans,
    "text": _of_text,
    "rating": _of_rating,
    "preference": _of_preference,
}


# ---------------------------------------------------------------- card


def _card(request: ExportRequest) -> str:
    """Its head is YAML, in which JSON's strings are strings too."""
    version, schema = request.version, request.schema
    head = ["---", f"pretty_name: {_quoted(request.title)}"]
    task = _TASKS.get((schema.kind, schema.media))
    head += ["task_categories:", f"- {task}"] if task else []
    head += ["configs:", "- config_name: default", "  data_files:"]
    for split in request.splits:
        head += [f"  - split: {split}", f"    path: data/{split}-*.parquet"]
    counts = [f"| {split} | {version.split_counts.get(split, 0)} |" for split in request.splits]
    return "\n".join(
        [
            *head,
            "---",
            "",
            f"# {request.title}",
            "",
            f"Version `{version.version_id}` of the dataset of {request.project}, kind {schema.kind}.",
            "",
            "| split | samples |",
            "|---|---|",
            *counts,
            "",
            "```python",
            "from datasets import load_dataset",
            "",
            'load_dataset("path/to/this/folder")',
            "```",
            "",
        ]
    )


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
