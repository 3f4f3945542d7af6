"""YOLO's data sets (https://docs.ultralytics.com/datasets/detect/): data.yaml names classes and where the pictures of
each split are; beside images/… stands labels/… with a text file for each picture, a line for each thing.

A line is the class's number with the middle, width and height of a box, or with the corners of an outline, all as
shares of the picture's sides. A picture without a file has nothing on it.
"""

from __future__ import annotations

import contextlib
import functools
import posixpath
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from trueup.dataset.importing.files import beside, each_of, kinds_only, numbered, opened, split_named, text_of
from trueup.dataset.importing.yaml import read_yaml
from trueup.dataset.pictures import size_in
from trueup.dataset.sources import Item, Labelled, Reading
from trueup.errors import InputError, ManifestError, NotFoundError
from trueup.labels.painting import filled, mask_of_layers
from trueup.labels.reading import written
from trueup.labels.values import Box, Boxes, Classes, Polygon, Polygons
from trueup.model import Kind, Split

PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".gif")
_SPLITS = ("train", "val", "test")
# A thing: its class and its numbers, as they stand in the line.
Thing = tuple[str, tuple[float, ...]]


def read(reading: Reading) -> Iterator[Item]:
    """Raises InputError for a project that asks for other labels or a data.yaml that cannot be read, NotFoundError."""
    kinds_only(reading, tuple(_LABELS), "YOLO")
    name = _configuration(reading)
    found = read_yaml(text_of(reading.source, name), name)
    names = _names(found, name)
    for split, picture in _pictures(reading, name, found):
        make = functools.partial(_item, reading, split, names)
        yield from each_of([(picture, picture)], make)


def _configuration(reading: Reading) -> str:
    if reading.file is not None:
        return reading.file
    found = [each for each in reading.source.names() if each.endswith((".yaml", ".yml"))]
    told = [each for each in found if posixpath.basename(each) in ("data.yaml", "data.yml", "dataset.yaml")]
    if len(told or found) != 1:
        raise NotFoundError(
            f"{reading.source.place} holds {len(found)} YAML files ({', '.join(found[:5]) or 'none'}): "
            "name the one that lists the classes"
        )
    return (told or found)[0]


def _names(found: Mapping[str, Any], name: str) -> Mapping[int, str]:
    told = found.get("names")
    if isinstance(told, list):
        return {place: str(each) for place, each in enumerate(told)}
    if isinstance(told, dict) and all(isinstance(each, int) for each in told):
        return {place: str(each) for place, each in told.items()}
    raise InputError(f"{name} has no names: a list of classes, or their names by number", field=f"{name}: names")


def _pictures(reading: Reading, name: str, found: Mapping[str, Any]) -> Iterator[tuple[Split | None, str]]:
    """(split, name of a picture). A picture that several splits list belongs to the first."""
    seen: set[str] = set()
    for key in _SPLITS:
        places = found.get(key) or []
        for place in places if isinstance(places, list) else [places]:
            for picture in _below(reading, name, found.get("path"), str(place)):
                if picture not in seen:
                    seen.add(picture)
                    yield split_named(key), picture
    if not seen:
        raise NotFoundError(
            f"{name} leads to no pictures: train, val or test name a folder, or a .txt with a picture a line, "
            "relative to path or to the file itself"
        )


def _below(reading: Reading, name: str, path: object, place: str) -> Iterator[str]:
    """Of folders the pictures in them, of a .txt those that it lists. What leads out of the place is looked for in it:
    `path` and `../train/images` are often those of another machine."""
    home = posixpath.dirname(name)
    for root in dict.fromkeys((posixpath.join(home, str(path or "")), home)):
        inside = posixpath.normpath(posixpath.join(root, place)).removeprefix("../").strip("/")
        if place.endswith(".txt"):
            listed = _listed(reading, inside)
        else:
            listed = list(reading.source.names("" if inside == "." else f"{inside}/"))
        pictures = [each for each in listed if each.lower().endswith(PICTURES)]
        if pictures:
            yield from pictures
            return


def _listed(reading: Reading, name: str) -> list[str]:
    try:
        lines = text_of(reading.source, name).split("\n")
    except NotFoundError:
        return []
    home = posixpath.dirname(name)
    return [posixpath.normpath(posixpath.join(home, each.strip())) for each in lines if each.strip()]


def _item(reading: Reading, split: Split | None, names: Mapping[int, str], where: str, picture: str) -> Item:
    things = list(_things(reading, _label_file(picture), names))
    size = (0, 0) if reading.schema.kind in ("classification", "multilabel") else _size(reading, picture)
    return Labelled(
        where=where,
        label=_LABELS[reading.schema.kind](things, *size),
        ref=beside(reading, "", picture),
        split=split,
    )


def _size(reading: Reading, picture: str) -> tuple[int, int]:
    with opened(reading.source, picture) as stream:
        found = size_in(stream)
    if found is None:
        raise InputError(f"{picture} is no picture whose size can be read: use PNG, JPEG, GIF, BMP or WebP")
    return found


def _label_file(picture: str) -> str:
    """The last folder called images becomes labels."""
    head, folder, tail = f"/{picture}".rpartition("/images/")
    return posixpath.splitext(f"{head}/labels/{tail}" if folder else picture)[0].lstrip("/") + ".txt"


def _things(reading: Reading, name: str, names: Mapping[int, str]) -> Iterator[Thing]:
    with contextlib.suppress(NotFoundError):
        for number, raw in numbered(reading.source, name):
            yield _thing(raw, f"{name}:{number}", names)


def _thing(raw: bytes, where: str, names: Mapping[int, str]) -> Thing:
    try:
        which, *numbers = map(float, raw.split())
    except ValueError as error:
        raise ManifestError(f"{where} is no line of numbers: {raw.decode(errors='replace').strip()[:80]!r}") from error
    if which not in names:
        raise ManifestError(f"{where} has class {which:g}, which data.yaml does not name")
    if len(numbers) != 4 and (len(numbers) < 6 or len(numbers) % 2):
        raise ManifestError(f"{where} has {len(numbers)} numbers: 4 of a box, or 2 for each corner of an outline")
    if not all(-0.01 <= each <= 1.01 for each in numbers):
        raise ManifestError(f"{where} has numbers outside 0 to 1: they are shares of the picture's sides")
    return names[int(which)], tuple(numbers)


def _class(things: Sequence[Thing], width: int, height: int) -> str:  # noqa: ARG001
    found = sorted({name for name, _ in things})
    if len(found) != 1:
        raise ManifestError(f"the picture has {len(found)} classes ({', '.join(found)}): import into kind multilabel")
    return found[0]


def _classes(things: Sequence[Thing], width: int, height: int) -> str:  # noqa: ARG001
    return written(Classes(classes=tuple(dict.fromkeys(name for name, _ in things))))


def _boxes(things: Sequence[Thing], width: int, height: int) -> str:
    """An outline's box is the one around it, as YOLO itself makes it."""
    boxes = [
        Box(label=name, left=left * width, top=top * height, right=right * width, bottom=bottom * height)
        for name, numbers in things
        for left, top, right, bottom in [_sides(numbers)]
    ]
    return written(Boxes(width=width, height=height, boxes=tuple(boxes)))


def _sides(numbers: tuple[float, ...]) -> tuple[float, float, float, float]:
    if len(numbers) == 4:
        x, y, across, down = numbers
        return x - across / 2, y - down / 2, x + across / 2, y + down / 2
    return min(numbers[::2]), min(numbers[1::2]), max(numbers[::2]), max(numbers[1::2])


def _ring(numbers: tuple[float, ...], width: int, height: int) -> tuple[tuple[float, float], ...]:
    if len(numbers) == 4:
        raise ManifestError("the picture has boxes, where outlines are asked for")
    return tuple((x * width, y * height) for x, y in zip(numbers[::2], numbers[1::2], strict=True))


def _polygons(things: Sequence[Thing], width: int, height: int) -> str:
    polygons = [Polygon(label=name, points=_ring(numbers, width, height)) for name, numbers in things]
    return written(Polygons(width=width, height=height, polygons=tuple(polygons)))


def _mask(things: Sequence[Thing], width: int, height: int) -> str:
    layers = [(name, filled([_ring(numbers, width, height)], width, height)) for name, numbers in things]
    return written(mask_of_layers(layers, width, height))


_LABELS: Mapping[Kind, Callable[[Sequence[Thing], int, int], str]] = {
    "classification": _class,
    "multilabel": _classes,
    "boxes": _boxes,
    "polygons": _polygons,
    "mask": _mask,
}
