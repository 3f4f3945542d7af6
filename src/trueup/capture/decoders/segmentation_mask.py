"""The built-in semantic segmentation's answer: a PNG as large as the image, whose pixels are indices of classes.

docs.aws.amazon.com/sagemaker/latest/dg/semantic-segmentation.html. A mask says nothing of doubt: of its classes, that
of most pixels comes first, and none has a probability. PNG as in the W3C's specification, third edition: grey or
palette of up to eight bits, not interlaced.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from trueup.capture.decoders.family import class_at
from trueup.errors import DecodeError
from trueup.model import Payload, Prediction

MOST_PIXELS = 4_000_000
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _PALETTE = 0, 3
_LEFT, _UP, _AVERAGE, _PAETH = 1, 2, 3, 4


def recognises(payload: Payload) -> bool:
    return payload.data.startswith(_SIGNATURE)


def decode(payload: Payload, classes: tuple[str, ...]) -> list[Prediction]:
    """One prediction: the classes in the mask, that of most pixels first. Raises DecodeError."""
    pixels = np.bincount(mask(payload.data).ravel(), minlength=256)
    order = [int(each) for each in np.argsort(-pixels, kind="stable") if pixels[each]]
    names = tuple(class_at(each, classes) for each in order)
    return [Prediction(classes=names, probabilities=(), partial=True, kind="mask")]


def mask(data: bytes) -> NDArray[np.uint8]:
    """The indices: uint8[height, width]. Raises DecodeError for what is no such PNG, and beyond MOST_PIXELS."""
    header, packed = b"", b""
    for kind, body in _chunks(data):
        if kind == b"IHDR":
            header = body
        elif kind == b"IDAT":
            packed += body
    if len(header) != 13:
        raise DecodeError("the mask is a PNG without a header")
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    if colour not in (_GREY, _PALETTE) or depth > 8 or interlaced:
        raise DecodeError("the mask is no PNG of indices: grey or palette, up to eight bits, not interlaced")
    if not 0 < width * height <= MOST_PIXELS or depth not in (1, 2, 4, 8):
        raise DecodeError(
            f"the mask has {width:,} x {height:,} pixels of {depth} bits: at most {MOST_PIXELS:,} are read"
        )
    length = (width * depth + 7) // 8
    rows = _unfiltered(_inflated(packed, height * (length + 1)), height, length)
    return _unpacked(rows, depth)[:, :width]


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = len(_SIGNATURE)
    while place + 12 <= len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        if place + 12 + length > len(data):
            raise DecodeError("the mask is a PNG that was cut off")
        yield data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        place += 12 + length


def _inflated(packed: bytes, size: int) -> NDArray[np.uint8]:
    """Exactly so many bytes, whatever the stream claims to hold."""
    try:
        found = zlib.decompressobj().decompress(packed, size)
    except zlib.error as error:
        raise DecodeError(f"the mask is a PNG whose pixels cannot be inflated: {error}") from error
    if len(found) < size:
        raise DecodeError("the mask is a PNG with too few pixels")
    return np.frombuffer(found, dtype=np.uint8)


def _unfiltered(raw: NDArray[np.uint8], height: int, length: int) -> NDArray[np.uint8]:
    lines = raw.reshape(height, length + 1)
    rows = np.zeros((height + 1, length), dtype=np.uint8)
    for number, (kind, line) in enumerate(zip(lines[:, 0].tolist(), lines[:, 1:], strict=True), start=1):
        rows[number] = _row(kind, line, rows[number - 1])
    return rows[1:]


def _row(kind: int, line: NDArray[np.uint8], above: NDArray[np.uint8]) -> NDArray[np.uint8]:
    if kind == 0:
        return line
    if kind == _LEFT:
        return np.cumsum(line, dtype=np.uint8)
    if kind == _UP:
        return line + above
    if kind not in (_AVERAGE, _PAETH):
        raise DecodeError(f"the mask is a PNG with a row of filter {kind}, which there is not")
    return _from_both(kind, line.tolist(), above.tolist())


def _from_both(kind: int, line: list[int], above: list[int]) -> NDArray[np.uint8]:
    """Each pixel needs the one before it, so these two go pixel by pixel."""
    found, left, corner = [], 0, 0
    for value, up in zip(line, above, strict=True):
        guess = (left + up) // 2 if kind == _AVERAGE else _paeth(left, up, corner)
        left, corner = (value + guess) & 255, up
        found.append(left)
    return np.array(found, dtype=np.uint8)


def _paeth(left: int, up: int, corner: int) -> int:
    base = left + up - corner
    to_left, to_up, to_corner = abs(base - left), abs(base - up), abs(base - corner)
    if to_left <= to_up and to_left <= to_corner:
        return left
    return up if to_up <= to_corner else corner


def _unpacked(rows: NDArray[np.uint8], depth: int) -> NDArray[np.uint8]:
    """Pixels of less than eight bits stand several in a byte, the first in the highest bits."""
    if depth == 8:
        return rows
    shifts = np.arange(8 - depth, -1, -depth, dtype=np.uint8)
    values = (rows[:, :, None] >> shifts) & np.uint8((1 << depth) - 1)
    return np.asarray(values.reshape(len(rows), -1), dtype=np.uint8)
