"""COCO: `annotations/instances_<split>.json` beside a folder of pictures for each split.

https://cocodataset.org/#format-data : categories begin at 1, a box is left, top, width and height, a mask is runs down
the columns that begin with what is not covered. A label's mask makes one annotation for each class that is there.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.dataset.exporting import Cut, ExportedFile, ExportRequest, value_of
from trueup.dataset.images import picture_files, picture_name, picture_size
from trueup.labels.masks import indices_of
from trueup.labels.reading import area
from trueup.labels.values import Boxes, Mask, Polygons
from trueup.model import Kind, LabelledSample

KINDS: tuple[Kind, ...] = ("boxes", "polygons", "mask")
HOLDS_NONE = False
FILE = ""
READERS = "pycocotools, detectron2, supervision"
CUT = Cut(why="one document tells of all pictures of a split")
_VALUES: Mapping[Kind, type[Any]] = {"boxes": Boxes, "polygons": Polygons, "mask": Mask}
Shape = dict[str, Any]


def files(request: ExportRequest) -> Iterator[ExportedFile]:
    for split in request.splits:
        yield ExportedFile(f"annotations/instances_{split}.json", _document(request, split))
    for split in request.splits:
        yield from picture_files(request, request.of(split), split)


def _document(request: ExportRequest, split: str) -> Iterator[bytes]:
    """Written front to back: the samples are gone through twice."""
    version = request.version
    info = {
        "description": request.title,
        "version": version.version_id,
        "date_created": f"{version.created_at:%Y-%m-%d}",
    }
    categories = [{"id": place, "name": name} for place, name in enumerate(request.schema.names, start=1)]
    yield b'{"info":' + msgspec.json.encode(info)
    yield b',"licenses":[],"categories":' + msgspec.json.encode(categories)
    yield b',"images":['
    yield from _listed(_images(request, split))
    yield b'],"annotations":['
    yield from _listed(_annotations(request, split))
    yield b"]}\n"


def _listed(things: Iterator[Any]) -> Iterator[bytes]:
    for number, each in enumerate(things):
        yield (b",\n" if number else b"\n") + msgspec.json.encode(each)


def _images(request: ExportRequest, split: str) -> Iterator[dict[str, Any]]:
    for number, (sample, payload) in enumerate(request.loaded(request.of(split)), start=1):
        value = _value(request, sample)
        width, height = picture_size(value, sample, payload)
        yield {
            "id": number,
            "file_name": picture_name(sample, payload),
            "width": width,
            "height": height,
            "coco_url": sample.payload_uri,
            "trueup-group": sample.group,
        }


def _annotations(request: ExportRequest, split: str) -> Iterator[dict[str, Any]]:
    ids = itertools.count(1)
    for number, sample in enumerate(request.of(split), start=1):
        value = _value(request, sample)
        for label, shape in _SHAPES[type(value)](value):
            category = request.schema.names.index(label) + 1
            yield {"id": next(ids), "image_id": number, "category_id": category, **shape, "iscrowd": 0}


def _value(request: ExportRequest, sample: LabelledSample) -> Any:
    return value_of(sample, request, _VALUES[request.schema.kind])


def _of_boxes(value: Boxes) -> Iterator[tuple[str, Shape]]:
    for each in value.boxes:
        width, height = round(each.right - each.left, 2), round(each.bottom - each.top, 2)
        yield (
            each.label,
            {"bbox": [each.left, each.top, width, height], "area": round(width * height, 4), "segmentation": []},
        )


def _of_polygons(value: Polygons) -> Iterator[tuple[str, Shape]]:
    for each in value.polygons:
        across, down = zip(*each.points, strict=True)
        left, top = min(across), min(down)
        yield (
            each.label,
            {
                "bbox": [left, top, round(max(across) - left, 2), round(max(down) - top, 2)],
                "area": round(area(each.points), 4),
                "segmentation": [[part for point in each.points for part in point]],
            },
        )


def _of_mask(value: Mask) -> Iterator[tuple[str, Shape]]:
    there = value.classes or ()
    places = indices_of(value, there)
    for place, label in enumerate(there, start=1):
        covered = places == place
        rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
        left, top = int(columns[0]), int(rows[0])
        yield (
            label,
            {
                "bbox": [left, top, int(columns[-1]) - left + 1, int(rows[-1]) - top + 1],
                "area": int(covered.sum()),
                "segmentation": {"size": [value.height, value.width], "counts": _counts(covered)},
            },
        )


def _counts(covered: NDArray[np.bool_]) -> list[int]:
    flat = covered.ravel(order="F")
    starts = np.concatenate([[0], np.flatnonzero(np.diff(flat)) + 1, [flat.size]])
    lengths: list[int] = np.diff(starts).tolist()
    return [0, *lengths] if flat[0] else lengths


_SHAPES: Mapping[type[Any], Callable[[Any], Iterator[tuple[str, Shape]]]] = {
    Boxes: _of_boxes,
    Polygons: _of_polygons,
    Mask: _of_mask,
}
