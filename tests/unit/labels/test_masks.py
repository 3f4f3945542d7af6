"""Pictures whose colours are classes, written by Pillow in every mode that it has for them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from trueup.errors import InputError, LabelError
from trueup.labels.masks import MOST_PIXELS, mask_of_colours, mask_of_indices
from trueup.labels.png import read_png
from trueup.labels.values import Mask

COLOURS = {"cat": "#1f77b4", "dog": "#ff7f0e", "fox": "#2ca02c"}
RGB = np.array([[255, 255, 255], [0x1F, 0x77, 0xB4], [0xFF, 0x7F, 0x0E], [0x2C, 0xA0, 0x2C]], dtype=np.uint8)
NAMES = {0: "BACKGROUND", 1: "cat", 2: "dog", 3: "fox"}
HEX = {0: "#ffffff", **dict(enumerate(COLOURS.values(), start=1))}


def places(height: int = 24, width: int = 31, classes: int = 3) -> np.ndarray:
    down, across = np.mgrid[0:height, 0:width]
    found = np.zeros((height, width), dtype=np.uint8)
    for number in range(1, classes + 1):
        found[(down - 8 * number + 3) ** 2 + (across - 9 * number) ** 2 < 30] = number
    return found


def written(image: Image.Image) -> bytes:
    target = io.BytesIO()
    image.save(target, "PNG")
    return target.getvalue()


def indexed(pixels: np.ndarray, colours: np.ndarray) -> bytes:
    image = Image.fromarray(pixels, "L")
    image.putpalette(colours.ravel().tolist())
    return written(image)


def clear(pixels: np.ndarray) -> bytes:
    alpha = np.where(pixels > 0, 255, 0).astype(np.uint8)
    colours = np.where(pixels[..., None] > 0, RGB[pixels], 0).astype(np.uint8)
    return written(Image.fromarray(np.dstack([colours, alpha])))


def pixels_of(mask: Mask) -> np.ndarray:
    """In NAMES' numbers."""
    named = [0, *(next(key for key, name in NAMES.items() if name == each) for each in mask.classes or ())]
    flat = [named[which] for which, length in mask.runs for _ in range(length)]
    return np.array(flat).reshape(mask.height, mask.width)


@pytest.mark.parametrize(
    "data",
    [clear(places()), written(Image.fromarray(RGB[places()])), indexed(places(), RGB)],
    ids=["transparent", "colours", "palette"],
)
def test_colours_are_classes(data: bytes) -> None:
    found = mask_of_colours(data, COLOURS)
    assert found.classes == ("cat", "dog", "fox")
    assert np.array_equal(pixels_of(found), places())


@pytest.mark.parametrize(
    "data",
    [
        written(Image.fromarray(places())),
        indexed(places(), RGB),
        indexed(places(), np.array([[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]])),
        indexed(3 - places(), RGB[::-1]),
        clear(places()),
    ],
    ids=["grey", "palette of theirs", "another palette", "palette in another order", "transparent"],
)
def test_numbers_or_colours_are_classes(data: bytes) -> None:
    assert np.array_equal(pixels_of(mask_of_indices(data, NAMES, HEX)), places())


def test_a_class_may_be_white_and_the_background_may_not_be() -> None:
    data = written(Image.fromarray(RGB[places(classes=1)]))
    assert mask_of_colours(data, {"snow": "#FFFFFF", "cat": "#1F77B4"}).classes == ("snow", "cat")
    names, colours = {0: "BACKGROUND", 1: "sky"}, {0: "#1f77b4", 1: "#ffffff"}
    assert mask_of_indices(data, names, colours).classes == ("sky",)


def test_a_mask_may_hold_nothing() -> None:
    found = mask_of_colours(clear(places(classes=0)), COLOURS)
    assert (found.classes, found.runs) == ((), ((0, 24 * 31),))


@pytest.mark.parametrize(
    ("data", "colours", "says"),
    [
        (b"GIF89a", COLOURS, "no PNG"),
        (clear(places())[:-40], COLOURS, "cut off|too few"),
        (clear(places()), {"cat": "#1f77b4"}, "pixels of #2ca02c, #ff7f0e, which is no class's"),
        (clear(places()), {"cat": "blue"}, "'blue' is no colour"),
        (written(Image.new("1", (4000, MOST_PIXELS // 4000 + 1))), COLOURS, "at most"),
        (written(Image.fromarray(np.zeros((2, 2), dtype=np.uint16))), COLOURS, "of 16 bits"),
    ],
)
def test_what_is_no_mask_is_told(data: bytes, colours: dict[str, str], says: str) -> None:
    with pytest.raises(LabelError, match=says):
        mask_of_colours(data, colours)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (23, 37)])
def test_what_pillow_writes_is_read(mode: str, shape: tuple[int, int]) -> None:
    """Smooth pictures with noise: Pillow then uses every filter."""
    channels = len(Image.new(mode, (1, 1)).getbands())
    rng = np.random.default_rng(sum(shape))
    smooth = np.add.outer(np.arange(shape[0]), np.arange(shape[1])) * 3
    drawn = ((smooth[..., None] + rng.integers(0, 5, (*shape, channels))) % 256).astype(np.uint8)
    image = Image.fromarray(drawn.squeeze(axis=2) if channels == 1 else drawn, mode)
    assert np.array_equal(read_png(written(image), 10_000).samples, drawn)


@settings(max_examples=60)
@given(st.data())
def test_a_picture_gone_wrong_is_read_or_refused(data: st.DataObject) -> None:
    whole = bytearray(clear(places()))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(8, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert read_png(bytes(whole), 100_000).samples.ndim == 3
    except InputError:
        return
