"""COCO's object annotations (https://cocodataset.org/#format-data): one JSON document of images, categories and
annotations, whose segmentation is polygons, or runs of pixels where a crowd was marked as one.

The document is read into memory, the pictures are not. Of an image that no annotation names it is said that nothing is
on it, as COCO does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.dataset.importing.files import (
    beside,
    chosen,
    converted,
    decoded,
    each_of,
    group_named,
    kinds_only,
    of_files,
    split_in,
    whole,
)
from trueup.dataset.sources import Item, Labelled, LeftOut, Problem, Reading
from trueup.errors import ManifestError
from trueup.labels.painting import filled, mask_of_layers, uncounted
from trueup.labels.reading import written
from trueup.labels.values import Box, Boxes, Classes, Polygon, Polygons
from trueup.model import Kind

_NOTHING = msgspec.Raw(b"null")


class _Image(msgspec.Struct, frozen=True):
    id: int | str
    file_name: str
    width: int | None = None
    height: int | None = None


class _Category(msgspec.Struct, frozen=True):
    id: int | str
    name: str


class _Belongs(msgspec.Struct, frozen=True):
    image_id: int | str
    iscrowd: int = 0


class _Annotation(msgspec.Struct, frozen=True):
    category_id: int | str
    id: int | str | None = None
    bbox: tuple[float, float, float, float] | None = None
    segmentation: msgspec.Raw = _NOTHING
    iscrowd: int = 0


class _Runs(msgspec.Struct, frozen=True):
    counts: str | tuple[int, ...]
    size: tuple[int, int]


class _Document(msgspec.Struct, frozen=True):
    images: list[msgspec.Raw]
    annotations: list[msgspec.Raw]
    categories: list[_Category]


@dataclass(frozen=True)
class _Thing:
    """An annotation with the name of its class."""

    name: str
    found: _Annotation


_Things = Sequence[_Thing]


def read(reading: Reading) -> Iterator[Item]:
    """Raises InputError for a project that asks for other labels, NotFoundError."""
    kinds_only(reading, tuple(_LABELS), "COCO")
    names = chosen(reading, (".json",), "COCO document")
    instances = [each for each in names if each.rpartition("/")[2].startswith("instances")]
    return of_files(instances or names, lambda name: _items(reading, name))


def _items(reading: Reading, name: str) -> Iterator[Item]:
    document = decoded(whole(reading.source, name), _Document, "is no COCO document of objects")
    classes = {each.id: each.name for each in document.categories}
    by_image: dict[int | str, list[msgspec.Raw]] = {}
    for place, raw in enumerate(document.annotations):
        try:
            by_image.setdefault(decoded(raw, _Belongs, "is no annotation").image_id, []).append(raw)
        except ManifestError as error:
            yield Problem(where=f"{name}:annotations[{place}]", what=str(error))
    folder = _folder(reading, name, document.images)
    for place, raw in enumerate(document.images):
        yield from _image(reading, name, folder, f"{name}:images[{place}]", raw, by_image, classes)
    for image, lost in by_image.items():
        yield Problem(where=name, what=f"{len(lost)} annotations name image {image!r}, which is not there")


def _image(
    reading: Reading,
    name: str,
    folder: str,
    where: str,
    raw: msgspec.Raw,
    by_image: dict[int | str, list[msgspec.Raw]],
    classes: Mapping[int | str, str],
) -> Iterator[Item]:
    try:
        image = decoded(raw, _Image, "is no image")
    except ManifestError as error:
        yield Problem(where=where, what=str(error))
        return
    raws = by_image.pop(image.id, [])
    crowds = [] if reading.schema.kind == "mask" else [each for each in raws if _is_crowd(each)]
    if crowds:
        raws = [each for each in raws if not _is_crowd(each)]
        yield from (LeftOut(where=where, why="a crowd marked as one (iscrowd)") for _ in crowds)

    def made(_: str, found: _Image) -> Item:
        things = [_thing(each, classes) for each in raws]
        if reading.schema.kind == "classification" and not things:
            return LeftOut(where=where, why="an image without annotations")
        return Labelled(
            where=where,
            label=_LABELS[reading.schema.kind](found, things),
            ref=f"{folder}{found.file_name}" if folder else beside(reading, name, found.file_name),
            group=group_named(decoded(raw, dict[str, Any], "is no image"), reading.group, "trueup-group"),
            split=split_in(name),
        )

    yield from each_of([(where, image)], made)


def _folder(reading: Reading, name: str, images: Sequence[msgspec.Raw]) -> str:
    """Where the pictures are, ending in a slash: a document does not say. It is the folder that holds the first one, of
    several such the one that is called as the document's split."""
    try:
        first = decoded(images[0], _Image, "is no image").file_name if images else ""
    except ManifestError:
        return ""
    ends = f"/{first}"
    folders = [each[: -len(first)] for each in reading.files.names() if f"/{each}".endswith(ends)] if first else []
    split = split_in(name)
    return next((each for each in folders if split_in(each) == split), folders[0] if folders else "")


def _is_crowd(raw: msgspec.Raw) -> bool:
    return bool(msgspec.json.decode(raw, type=_Belongs).iscrowd)


def _thing(raw: msgspec.Raw, classes: Mapping[int | str, str]) -> _Thing:
    found = decoded(raw, _Annotation, "an annotation cannot be read")
    if found.category_id not in classes:
        raise ManifestError(f"annotation {found.id} has category {found.category_id}, which is not there")
    return _Thing(name=classes[found.category_id], found=found)


def _class(image: _Image, things: _Things) -> str:  # noqa: ARG001
    names = sorted({each.name for each in things})
    if len(names) != 1:
        raise ManifestError(f"the image has {len(names)} classes ({', '.join(names)}): import into kind multilabel")
    return names[0]


def _classes(image: _Image, things: _Things) -> str:  # noqa: ARG001
    return written(Classes(classes=tuple(dict.fromkeys(each.name for each in things))))


def _boxes(image: _Image, things: _Things) -> str:
    return written(Boxes(width=image.width, height=image.height, boxes=tuple(map(_box, things))))


def _box(thing: _Thing) -> Box:
    if thing.found.bbox is None:
        raise ManifestError(f"annotation {thing.found.id} has no bbox")
    left, top, width, height = thing.found.bbox
    return Box(label=thing.name, left=left, top=top, right=left + width, bottom=top + height)


def _polygons(image: _Image, things: _Things) -> str:
    """A thing of several parts is a polygon for each."""
    polygons = [Polygon(label=each.name, points=ring) for each in things for ring in _rings(each.found)]
    return written(Polygons(width=image.width, height=image.height, polygons=tuple(polygons)))


def _rings(found: _Annotation) -> list[tuple[tuple[float, float], ...]]:
    value = decoded(found.segmentation, Any, "segmentation cannot be read")
    if not value or isinstance(value, dict):
        what = "pixels" if value else "no segmentation"
        raise ManifestError(f"annotation {found.id} has {what}, where polygons are asked for")
    return [_ring(each, found.id) for each in converted(value, list[list[float]], "segmentation")]


def _ring(numbers: Sequence[float], which: object) -> tuple[tuple[float, float], ...]:
    if len(numbers) < 6 or len(numbers) % 2:
        raise ManifestError(f"annotation {which} has an outline of {len(numbers)} numbers: x, y of 3 corners or more")
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


def _mask(image: _Image, things: _Things) -> str:
    """Later annotations lie on top, a crowd below all others."""
    if image.width is None or image.height is None:
        raise ManifestError("the image has no width and height, which a mask needs")
    width, height = image.width, image.height
    ordered = sorted(things, key=lambda each: not each.found.iscrowd)
    layers = [(each.name, _pixels(each.found, width, height)) for each in ordered]
    return written(mask_of_layers(layers, width, height))


def _pixels(found: _Annotation, width: int, height: int) -> NDArray[np.bool_]:
    value = decoded(found.segmentation, Any, "segmentation cannot be read")
    if not isinstance(value, dict):
        return filled(_rings(found), width, height)
    runs = converted(value, _Runs, "segmentation")
    if runs.size != (height, width):
        raise ManifestError(f"annotation {found.id} has runs of size {list(runs.size)}, not {[height, width]}")
    return uncounted(runs.counts, width, height)


_LABELS: Mapping[Kind, Callable[[_Image, _Things], str]] = {
    "classification": _class,
    "multilabel": _classes,
    "boxes": _boxes,
    "polygons": _polygons,
    "mask": _mask,
}
