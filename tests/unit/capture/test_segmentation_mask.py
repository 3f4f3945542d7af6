"""Masks of the built-in semantic segmentation, written by Pillow and by hand."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from trueup.capture.decoders import decode
from trueup.capture.decoders.segmentation_mask import MOST_PIXELS, mask
from trueup.errors import DecodeError
from trueup.model import Payload

CLASSES = ("road", "car", "tree")


def png(pixels: np.ndarray, mode: str = "L") -> bytes:
    image = Image.fromarray(pixels.astype(np.uint8))
    if mode == "P":
        image.putpalette([each for index in range(256) for each in (index, 255 - index, 7)])
    target = io.BytesIO()
    image.save(target, "PNG")
    return target.getvalue()


def by_hand(pixels: np.ndarray, kind: int) -> bytes:
    """A PNG of which each row has the same filter."""
    height, width = pixels.shape
    padded = np.zeros((height + 1, width + 1), dtype=np.int64)
    padded[1:, 1:] = pixels
    left, up, corner = padded[1:, :-1], padded[:-1, 1:], padded[:-1, :-1]
    base = left + up - corner
    near = np.abs(np.stack([base - left, base - up, base - corner])).argmin(axis=0)
    guess = {0: 0 * left, 1: left, 2: up, 3: (left + up) // 2, 4: np.choose(near, [left, up, corner])}[kind]
    lines = np.hstack([np.full((height, 1), kind), (pixels - guess) % 256]).astype(np.uint8)
    return chunks(
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(lines.tobytes()))
    )


def chunks(*found: tuple[bytes, bytes]) -> bytes:
    parts = [
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in (*found, (b"IEND", b""))
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def random_mask(height: int = 23, width: int = 37, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).choice([0, 1, 2, 7, 255], size=(height, width), p=[0.1, 0.4, 0.3, 0.15, 0.05])


def test_a_mask_tells_its_classes_those_of_most_pixels_first() -> None:
    payload = Payload(data=png(random_mask()), content_type="image/png")
    ((found,), name) = decode(payload, CLASSES)
    assert name == "segmentation_mask"
    assert (found.classes, found.probabilities, found.kind) == (("car", "tree", "7", "road", "255"), (), "mask")
    assert found.label == "car"


@pytest.mark.parametrize("mode", ["L", "P"])
def test_what_pillow_writes_is_read(mode: str) -> None:
    smooth = np.add.outer(np.arange(40), np.arange(60)) // 9
    for pixels in (random_mask(), smooth, np.zeros((1, 1))):
        assert np.array_equal(mask(png(pixels, mode)), pixels)


@pytest.mark.parametrize("kind", range(5))
def test_each_filter_is_undone(kind: int) -> None:
    pixels = random_mask(seed=kind)
    assert np.array_equal(mask(by_hand(pixels, kind)), pixels)


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_several_pixels_in_a_byte(depth: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 2**depth, size=(5, 13))
    per_byte = 8 // depth
    padded = np.zeros((5, -(-13 // per_byte) * per_byte), dtype=np.int64)
    padded[:, :13] = pixels
    weights = 2 ** np.arange(8 - depth, -1, -depth)
    packed = (padded.reshape(5, -1, per_byte) * weights).sum(axis=2)
    lines = np.hstack([np.zeros((5, 1)), packed]).astype(np.uint8).tobytes()
    header = struct.pack(">IIBBBBB", 13, 5, depth, 0, 0, 0, 0)
    assert np.array_equal(mask(chunks((b"IHDR", header), (b"IDAT", zlib.compress(lines)))), pixels)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (png(random_mask())[:-40], "cut off|too few"),
        (chunks(), "without a header"),
        (png(np.zeros((2, 2, 3))), "no PNG of indices"),
        (chunks((b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 1))), "not interlaced"),
        (chunks((b"IHDR", struct.pack(">IIBBBBB", MOST_PIXELS, 2, 8, 0, 0, 0, 0))), "at most"),
        (chunks((b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 0, 0, 0, 0)), (b"IDAT", b"no zlib")), "cannot be inflated"),
        (
            chunks((b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)), (b"IDAT", zlib.compress(b"\x09\x00"))),
            "filter 9",
        ),
    ],
)
def test_what_is_no_mask_is_told(data: bytes, says: str) -> None:
    with pytest.raises(DecodeError, match=says):
        mask(data)


@settings(max_examples=60)
@given(st.data())
def test_a_mask_gone_wrong_is_read_or_refused(data: st.DataObject) -> None:
    whole = bytearray(png(random_mask()))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(8, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        (found,), _ = decode(Payload(data=bytes(whole), content_type="image/png"), CLASSES)
    except DecodeError:
        return
    assert found.kind == "mask"
