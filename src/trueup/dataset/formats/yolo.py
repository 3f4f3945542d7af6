"""YOLO, as Ultralytics lays it out: `data.yaml`, `images/<split>` and, for each picture, a text in `labels/<split>`.

A line is a class and numbers from 0 to 1: a box's centre, width and height, or the corners of a polygon.
https://docs.ultralytics.com/datasets/detect/ and /segment/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from trueup.dataset.exporting import Cut, ExportedFile, ExportRequest, lose_group, value_of
from trueup.dataset.images import picture_name, picture_size
from trueup.labels.values import Boxes, Polygons
from trueup.model import Kind

KINDS: tuple[Kind, ...] = ("boxes", "polygons")
HOLDS_NONE = False
FILE = ""
READERS = "Ultralytics and other YOLO trainers, supervision"
CUT = Cut(why="its files are one or two for each picture, more than a report can name")
# What trainers call the split.
_FOLDERS: Mapping[str, str] = {"train": "train", "validation": "val", "test": "test"}
_VALUES: Mapping[Kind, type[Any]] = {"boxes": Boxes, "polygons": Polygons}


def files(request: ExportRequest) -> Iterator[ExportedFile]:
    yield ExportedFile("data.yaml", iter((_document(request).encode(),)))
    for split in request.splits:
        yield from _of_split(request, split, _FOLDERS[split])


def _of_split(request: ExportRequest, split: str, folder: str) -> Iterator[ExportedFile]:
    """A picture without anything on it has an empty text."""
    for sample, payload in request.loaded(request.of(split)):
        lose_group(request, sample)
        value = value_of(sample, request, _VALUES[request.schema.kind])
        width, height = picture_size(value, sample, payload)
        lines = "".join(f"{each}\n" for each in _lines(value, width, height, request.schema.names))
        yield ExportedFile(f"images/{folder}/{picture_name(sample, payload)}", iter((payload.data,)))
        yield ExportedFile(f"labels/{folder}/{sample.sample_id}.txt", iter((lines.encode(),)))


def _lines(value: Boxes | Polygons, width: int, height: int, names: tuple[str, ...]) -> Iterator[str]:
    if isinstance(value, Boxes):
        for box in value.boxes:
            centre = [(box.left + box.right) / 2 / width, (box.top + box.bottom) / 2 / height]
            sides = [(box.right - box.left) / width, (box.bottom - box.top) / height]
            yield _line(names.index(box.label), [*centre, *sides])
        return
    for polygon in value.polygons:
        yield _line(names.index(polygon.label), [part for x, y in polygon.points for part in (x / width, y / height)])


def _line(place: int, numbers: list[float]) -> str:
    """Nine decimals tell hundredths of a pixel apart in any picture."""
    return " ".join([str(place), *(f"{each:.9f}".rstrip("0").rstrip(".") for each in numbers)])


def _document(request: ExportRequest) -> str:
    """YAML, in which JSON's strings are strings too. Without `path`, folders are looked for beside this file. Trainers
    always ask for train and val; test is named where it is there."""
    named = [each for each in _FOLDERS if each in request.splits or each != "test"]
    lines = [f"# {request.title}, version {request.version.version_id}"]
    lines += [f"{_FOLDERS[each]}: images/{_FOLDERS[each]}" for each in named]
    lines += ["names:"]
    lines += [f"  {place}: {msgspec.json.encode(name).decode()}" for place, name in enumerate(request.schema.names)]
    return "\n".join(lines) + "\n"
