"""Pascal VOC (http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/devkit_doc.html): Annotations/*.xml with the
things on each picture of JPEGImages, ImageSets/Main/*.txt with the splits, SegmentationClass/*.png with
classes by pixel.

Pixels are counted from 1, and a box's last ones belong to it. Colours of masks are those of labelmap.txt where there is
one, as CVAT writes it, and else VOC's own twenty classes.
"""

from __future__ import annotations

import functools
import posixpath
from collections.abc import Callable, Iterator, Mapping
from xml.etree import ElementTree as ET

from trueup.dataset.importing.files import beside, each_of, kinds_only, split_named, text_of, whole
from trueup.dataset.sources import Item, Labelled, Reading
from trueup.errors import ManifestError, NotFoundError
from trueup.labels.masks import BACKGROUND, mask_of_colours, mask_of_indices
from trueup.labels.reading import written
from trueup.labels.values import Box, Boxes, Classes, Mask
from trueup.model import Kind, Split

_CLASSES = (
    *("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow"),
    *("diningtable", "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor"),
)
# What lies on a thing's edge belongs to no class.
_VOID = 255
_BACKGROUNDS = ("background", "__background__")


def read(reading: Reading) -> Iterator[Item]:
    """Raises InputError for a project that asks for other labels, NotFoundError."""
    kinds_only(reading, (*_LABELS, "mask"), "Pascal VOC")
    folder, ending = ("SegmentationClass", ".png") if reading.schema.kind == "mask" else ("Annotations", ".xml")
    names = [reading.file] if reading.file else [each for each in reading.source.names() if _is(each, folder, ending)]
    if not names:
        raise NotFoundError(f"{reading.source.place} holds no {folder}/*{ending}: name the folder above {folder}")
    homes = {posixpath.dirname(posixpath.dirname(each)) for each in names}
    trees = {home: _Tree(reading, home) for home in homes}
    make = _mask_item if reading.schema.kind == "mask" else _item
    for name in names:
        tree = trees[posixpath.dirname(posixpath.dirname(name))]
        yield from each_of([(name, name)], functools.partial(make, reading, tree))


def _is(name: str, folder: str, ending: str) -> bool:
    return name.endswith(ending) and f"/{name}".rpartition("/")[0].endswith(f"/{folder}")


class _Tree:
    """What lies beside the annotations: names of pictures and splits by their stem, and colours of classes."""

    def __init__(self, reading: Reading, home: str) -> None:
        self._source = reading.source
        self._home = home
        self.pictures = {_stem(each): each for each in reading.source.names(self._path("JPEGImages/"))}
        self.splits = dict(self._splits())
        self.colours = self._colours()

    def _path(self, name: str) -> str:
        return posixpath.join(self._home, name)

    def _splits(self) -> Iterator[tuple[str, Split]]:
        """Of the lists that are called as a split; trainval and one list for each class are none."""
        for name in self._source.names(self._path("ImageSets/")):
            split = split_named(_stem(name))
            if split and name.endswith(".txt"):
                for line in text_of(self._source, name).split("\n"):
                    if line.strip():
                        yield line.split()[0], split

    def _colours(self) -> dict[str, str]:
        """Lines of name:red,green,blue:parts:actions."""
        try:
            lines = text_of(self._source, self._path("labelmap.txt")).split("\n")
        except NotFoundError:
            return {}
        rows = [each.split(":") for each in lines if each.strip() and not each.startswith("#")]
        return {row[0]: _colour(row[1] if len(row) > 1 else "") for row in rows}


def _stem(name: str) -> str:
    return posixpath.splitext(posixpath.basename(name))[0]


def _colour(text: str) -> str:
    try:
        red, green, blue = (int(each) for each in text.split(","))
    except ValueError:
        raise ManifestError(f"labelmap.txt has the colour {text!r}: use red,green,blue") from None
    return f"#{red:02x}{green:02x}{blue:02x}"


def _item(reading: Reading, tree: _Tree, where: str, name: str) -> Item:
    root = _parsed(whole(reading.source, name))
    stated = (root.findtext("filename") or "").strip()
    picture = tree.pictures.get(_stem(name)) or tree.pictures.get(_stem(stated))
    return Labelled(
        where=where,
        label=_LABELS[reading.schema.kind](root),
        ref=beside(reading, "", picture) if picture else beside(reading, name, stated),
        split=tree.splits.get(_stem(name)),
    )


def _parsed(data: bytes) -> ET.Element:
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise ManifestError("the annotation declares entities or a document type: take that out")
    try:
        return ET.fromstring(data)  # noqa: S314 - without declarations there are no entities to expand
    except (ET.ParseError, ValueError, LookupError) as error:
        raise ManifestError(f"the annotation is no XML: {error}") from error


def _names(root: ET.Element) -> list[str]:
    return [_name(each) for each in root.iter("object")]


def _name(thing: ET.Element) -> str:
    name = (thing.findtext("name") or "").strip()
    if not name:
        raise ManifestError("an object has no name")
    return name


def _class(root: ET.Element) -> str:
    names = sorted(set(_names(root)))
    if len(names) != 1:
        raise ManifestError(f"the picture has {len(names)} classes ({', '.join(names)}): import into kind multilabel")
    return names[0]


def _classes(root: ET.Element) -> str:
    return written(Classes(classes=tuple(dict.fromkeys(_names(root)))))


def _boxes(root: ET.Element) -> str:
    width, height = (_whole(root, f"size/{side}") for side in ("width", "height"))
    return written(Boxes(width=width, height=height, boxes=tuple(_box(each) for each in root.iter("object"))))


def _box(thing: ET.Element) -> Box:
    left, top, right, bottom = (_number(thing, f"bndbox/{side}") for side in ("xmin", "ymin", "xmax", "ymax"))
    # Some tools count from 0 nevertheless; then a box at the edge begins there.
    return Box(label=_name(thing), left=max(0.0, left - 1), top=max(0.0, top - 1), right=right, bottom=bottom)


def _number(element: ET.Element, path: str) -> float:
    text = (element.findtext(path) or "").strip()
    try:
        return float(text)
    except ValueError:
        raise ManifestError(f"{element.tag}/{path} is {text!r}, no number") from None


def _whole(element: ET.Element, path: str) -> int | None:
    """None where it is not told, as some tools write 0."""
    if not (element.findtext(path) or "").strip():
        return None
    number = _number(element, path)
    return int(number) if 0 < number < 1_000_000 else None


_LABELS: Mapping[Kind, Callable[[ET.Element], str]] = {
    "classification": _class,
    "multilabel": _classes,
    "boxes": _boxes,
}


def _mask_item(reading: Reading, tree: _Tree, where: str, name: str) -> Item:
    picture = tree.pictures.get(_stem(name))
    if picture is None:
        raise NotFoundError(f"JPEGImages holds no picture {_stem(name)}.*")
    data = whole(reading.source, name)
    return Labelled(
        where=where,
        label=written(_mask_of(data, tree.colours)),
        ref=beside(reading, "", picture),
        split=tree.splits.get(_stem(name)),
    )


def _mask_of(data: bytes, colours: Mapping[str, str]) -> Mask:
    if colours:
        named = {BACKGROUND if each in _BACKGROUNDS else each: colour for each, colour in colours.items()}
        return mask_of_colours(data, named)
    names = {0: BACKGROUND, _VOID: BACKGROUND, **dict(enumerate(_CLASSES, start=1))}
    return mask_of_indices(data, names, {number: _devkit_colour(number) for number in names})


def _devkit_colour(number: int) -> str:
    """VOCcolormap.m: the bits of the number in turn, highest first, for red, green and blue."""
    channels = [0, 0, 0]
    for place in range(7, -1, -1):
        for channel in range(3):
            channels[channel] |= (number & 1) << place
            number >>= 1
    red, green, blue = channels
    return f"#{red:02x}{green:02x}{blue:02x}"
