"""Pascal VOC: `Annotations/*.xml`, `JPEGImages`, `ImageSets`, and for masks `SegmentationClass/*.png`.

"The PASCAL Visual Object Classes Challenge 2012 Development Kit", 3.2 and 3.3: pixels are counted from 1, and a box's
edges are the first and the last of them that belong to it. So edges are whole numbers, rounded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from xml.sax.saxutils import escape

from trueup.dataset.exporting import Cut, ExportedFile, ExportRequest, lose_group, value_of
from trueup.dataset.images import mask_png, picture_name, picture_size
from trueup.labels.masks import colours
from trueup.labels.values import Box, Boxes, Mask
from trueup.model import Kind, LabelledSample

KINDS: tuple[Kind, ...] = ("boxes", "mask")
HOLDS_NONE = False
FILE = ""
READERS = "detectron2, MMSegmentation, torchvision, supervision"
CUT = Cut(why="one list names all pictures of a split")
_SETS: Mapping[str, str] = {"train": "train", "validation": "val", "test": "test"}
_VALUES: Mapping[Kind, type[Any]] = {"boxes": Boxes, "mask": Mask}


def files(request: ExportRequest) -> Iterator[ExportedFile]:
    yield ExportedFile("labelmap.txt", iter((_colours(request.schema.names).encode(),)))
    for split in request.splits:
        for kind in ("Main", "Segmentation") if request.schema.kind == "mask" else ("Main",):
            names = (f"{each.sample_id}\n".encode() for each in request.of(split))
            yield ExportedFile(f"ImageSets/{kind}/{_SETS[split]}.txt", names)
    for sample, payload in request.loaded(request.samples()):
        lose_group(request, sample)
        value = value_of(sample, request, _VALUES[request.schema.kind])
        name = picture_name(sample, payload)
        yield ExportedFile(f"JPEGImages/{name}", iter((payload.data,)))
        document = _document(request, value, name, *picture_size(value, sample, payload))
        yield ExportedFile(f"Annotations/{sample.sample_id}.xml", iter((document.encode(),)))
        yield from _segmentation(request, sample, value)


def _segmentation(request: ExportRequest, sample: LabelledSample, value: Any) -> Iterator[ExportedFile]:
    if isinstance(value, Mask):
        yield ExportedFile(f"SegmentationClass/{sample.sample_id}.png", iter((mask_png(request, sample),)))


def _document(request: ExportRequest, value: Boxes | Mask, name: str, width: int, height: int) -> str:
    segmented = isinstance(value, Mask)
    lines = [
        "<annotation>",
        "  <folder>JPEGImages</folder>",
        f"  <filename>{name}</filename>",
        f"  <source><database>{escape(request.title)}</database></source>",
        f"  <size><width>{width}</width><height>{height}</height><depth>3</depth></size>",
        f"  <segmented>{int(segmented)}</segmented>",
    ]
    if isinstance(value, Boxes):
        lines += [_object(each, width, height) for each in value.boxes]
    return "\n".join([*lines, "</annotation>", ""])


def _object(box: Box, width: int, height: int) -> str:
    left, right = _edges(box.left, box.right, width)
    top, bottom = _edges(box.top, box.bottom, height)
    return (
        f"  <object><name>{escape(box.label)}</name><pose>Unspecified</pose><truncated>0</truncated>"
        f"<difficult>0</difficult><bndbox><xmin>{left}</xmin><ymin>{top}</ymin><xmax>{right}</xmax>"
        f"<ymax>{bottom}</ymax></bndbox></object>"
    )


def _edges(low: float, high: float, most: int) -> tuple[int, int]:
    """The first and the last pixel, counted from 1; one at least."""
    first = min(round(low), most - 1) + 1
    return first, max(round(high), first)


def _colours(names: tuple[str, ...]) -> str:
    """Which colour of `SegmentationClass` is which class, as CVAT and Datumaro write it."""
    told = zip(("background", *names), colours(len(names)), strict=True)
    lines = (f"{name}:{red},{green},{blue}::" for name, (red, green, blue) in told)
    return "\n".join(["# label:color_rgb:parts:actions", *lines, ""])
