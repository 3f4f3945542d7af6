"""Masks out of pictures whose colours are classes, as Ground Truth's semantic segmentation writes them.

"Image Semantic Segmentation" and "crowd-semantic-segmentation", Amazon SageMaker Developer Guide: a PNG as large as the
image, and which colour is which class. What no class has is transparent, or of the background's colour.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from trueup.errors import InputError, LabelError
from trueup.labels.png import GREY, GREY_ALPHA, PALETTE, RGBA, Png, read_png
from trueup.labels.values import Mask

# Of four bytes each, a few times over: what a function of 512 MB can hold beside all else.
MOST_PIXELS = 12_000_000
# Ground Truth's name and colour of what no class has.
BACKGROUND, WHITE = "BACKGROUND", 0xFFFFFF
_HEX = re.compile(r"#?([0-9a-fA-F]{6})")
_NOTHING = -1


def mask_of_colours(data: bytes, colours: Mapping[str, str]) -> Mask:
    """What a PNG says whose colours are these of classes (name → "#1f77b4"). Raises LabelError: no PNG that can be
    read, or a colour that is no class's."""
    return _mask(_picture(data), list(colours), [_number(each) for each in colours.values()])


def mask_of_indices(data: bytes, names: Mapping[int, str], colours: Mapping[int, str]) -> Mask:
    """The same where classes have numbers too: a PNG that is grey, or whose palette has other colours, holds these."""
    png = _picture(data)
    keys = sorted(names)
    classes, values = [names[each] for each in keys], [_number(colours.get(each, "")) for each in keys]
    if png.colour == GREY or (png.colour == PALETTE and not set(np.unique(_colours(png)).tolist()) <= set(values)):
        return _mask(png, classes, keys, by_index=True)
    return _mask(png, classes, values)


def _picture(data: bytes) -> Png:
    try:
        return read_png(data, MOST_PIXELS)
    except InputError as error:
        raise LabelError(str(error), field="label") from error


def _mask(png: Png, classes: list[str], values: list[int], *, by_index: bool = False) -> Mask:
    pixels = png.samples[:, :, 0].astype(np.int32) if by_index else _colours(png)
    named = [(value, name) for value, name in zip(values, classes, strict=True) if name != BACKGROUND]
    known = {value for value, _ in named}
    nothing = {value for value, name in zip(values, classes, strict=True) if name == BACKGROUND} | {_NOTHING}
    nothing |= set() if by_index else {WHITE} - known
    present = set(np.unique(pixels).tolist())
    strange = sorted(present - known - nothing)
    if strange:
        told = ", ".join(str(each) if by_index else f"#{each:06x}" for each in strange[:3])
        raise LabelError(f"the mask has pixels of {told}, which is no class's", field="label")
    there = [(value, name) for value, name in named if value in present]
    places = np.zeros(pixels.shape, dtype=np.int16)
    for place, (value, _) in enumerate(there, start=1):
        places[pixels == value] = place
    height, width = pixels.shape
    return Mask(width=width, height=height, classes=tuple(name for _, name in there), runs=_runs(places.ravel()))


def _colours(png: Png) -> NDArray[np.int32]:
    """Each pixel as 0xRRGGBB, or _NOTHING where it is transparent."""
    samples = png.samples
    if png.colour == PALETTE:
        return _of_palette(png)
    if png.colour in (GREY, GREY_ALPHA):
        found = samples[:, :, 0].astype(np.int32) * 0x010101
    else:
        found = _packed(samples[:, :, :3])
    if png.colour in (GREY_ALPHA, RGBA):
        found[samples[:, :, -1] == 0] = _NOTHING
    return found


def _of_palette(png: Png) -> NDArray[np.int32]:
    colours = np.full(256, _NOTHING, dtype=np.int32)
    colours[: len(png.palette)] = _packed(png.palette[:256])
    clear = np.flatnonzero(png.opacity[:256] == 0)
    colours[clear] = _NOTHING
    return colours[png.samples[:, :, 0]]


def _packed(colours: NDArray[np.uint8]) -> NDArray[np.int32]:
    parts = colours.astype(np.int32)
    return np.asarray((parts[..., 0] << 16) | (parts[..., 1] << 8) | parts[..., 2], dtype=np.int32)


def _number(colour: str) -> int:
    found = _HEX.fullmatch(colour.strip())
    if found is None:
        raise LabelError(f"{colour!r} is no colour: use #rrggbb", field="label")
    return int(found[1], 16)


def _runs(places: NDArray[np.int16]) -> tuple[tuple[int, int], ...]:
    starts = np.concatenate([[0], np.flatnonzero(np.diff(places)) + 1])
    lengths = np.diff(np.concatenate([starts, [len(places)]]))
    return tuple(zip(places[starts].tolist(), lengths.tolist(), strict=True))


# ---------------------------------------------------------------- and back

MOST_CLASSES = 255


def indices_of(mask: Mask, names: Sequence[str]) -> NDArray[np.uint8]:
    """Which of the classes (1 is the first of `names`, 0 nothing) each pixel has: uint8[height, width]. Raises
    LabelError beyond 255 classes."""
    if len(names) > MOST_CLASSES:
        raise LabelError(
            f"a picture of classes holds up to {MOST_CLASSES} of them, and the label schema has {len(names)}",
            field="label",
        )
    place = np.array([0, *(names.index(each) + 1 for each in mask.classes or ())], dtype=np.uint8)
    which, lengths = np.array(mask.runs, dtype=np.int64).reshape(-1, 2).T
    return np.repeat(place[which], lengths).reshape(mask.height, mask.width)


def colours(count: int) -> list[tuple[int, int, int]]:
    """Pascal VOC's colours of the classes 0 (nothing, black) to `count`: a class's bits spread over the highest bits of
    red, green and blue in turn (VOClabelcolormap of the VOC devkit)."""
    return [_colour(each) for each in range(count + 1)]


def _colour(number: int) -> tuple[int, int, int]:
    red, green, blue = (
        sum((number >> 3 * step + channel & 1) << 7 - step for step in range(8)) for channel in range(3)
    )
    return red, green, blue
