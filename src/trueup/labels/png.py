"""PNG as in the W3C's specification, third edition: not interlaced, of up to eight bits a channel."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.errors import InputError

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
_CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
_LEFT, _UP, _AVERAGE, _PAETH = 1, 2, 3, 4


class Png(msgspec.Struct, frozen=True):
    """`samples` is uint8[height, width, channels] as stored: values, or indices of the `palette` (uint8[n, 3]).
    `opacity` is that of the palette's first colours (uint8[m]), the others being opaque."""

    colour: int
    samples: NDArray[np.uint8]
    palette: NDArray[np.uint8]
    opacity: NDArray[np.uint8]


def read_png(data: bytes, most_pixels: int) -> Png:
    """Raises InputError for what is no such PNG, and beyond `most_pixels`, before anything large is made."""
    if not data.startswith(SIGNATURE):
        raise InputError("the mask is no PNG")
    parts: dict[bytes, bytes] = {}
    for kind, body in _chunks(data):
        parts[kind] = parts.get(kind, b"") + body if kind == b"IDAT" else body
    header = parts.get(b"IHDR", b"")
    if len(header) != 13:
        raise InputError("the mask is a PNG without a header")
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    if interlaced:
        raise InputError("the mask is an interlaced PNG: write it not interlaced")
    if not 0 < width * height <= most_pixels or not _allowed(colour, depth):
        raise InputError(
            f"the mask has {width:,} x {height:,} pixels of {depth} bits and colour type {colour}: at most "
            f"{most_pixels:,} of up to 8 bits are read"
        )
    channels = _CHANNELS[colour]
    length = (width * channels * depth + 7) // 8
    rows = _unfiltered(_inflated(parts.get(b"IDAT", b""), height * (length + 1)), height, length, channels)
    samples = rows if depth == 8 else _unpacked(rows, depth)[:, :width]
    colours = np.frombuffer(parts.get(b"PLTE", b""), dtype=np.uint8)
    return Png(
        colour=colour,
        samples=samples.reshape(height, width, channels),
        palette=colours[: len(colours) // 3 * 3].reshape(-1, 3),
        opacity=np.frombuffer(parts.get(b"tRNS", b"") if colour == PALETTE else b"", dtype=np.uint8),
    )


def _allowed(colour: int, depth: int) -> bool:
    return colour in _CHANNELS and (depth == 8 or (depth in (1, 2, 4) and colour in (GREY, PALETTE)))


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = len(SIGNATURE)
    while place + 12 <= len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        if place + 12 + length > len(data):
            raise InputError("the mask is a PNG that was cut off")
        yield data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        place += 12 + length


def _inflated(packed: bytes, size: int) -> NDArray[np.uint8]:
    """Exactly so many bytes, whatever the stream claims to hold."""
    try:
        found = zlib.decompressobj().decompress(packed, size)
    except zlib.error as error:
        raise InputError(f"the mask is a PNG whose pixels cannot be inflated: {error}") from error
    if len(found) < size:
        raise InputError("the mask is a PNG with too few pixels")
    return np.frombuffer(found, dtype=np.uint8)


def _unfiltered(raw: NDArray[np.uint8], height: int, length: int, step: int) -> NDArray[np.uint8]:
    lines = raw.reshape(height, length + 1)
    kinds = lines[:, 0]
    if kinds.max() > _PAETH:
        raise InputError(f"the mask is a PNG with a row of filter {kinds.max()}, which there is not")
    if kinds.max() > _UP:
        return _by_diagonals(lines[:, 1:].reshape(height, length // step, step), kinds).reshape(height, length)
    rows = np.zeros((height + 1, length), dtype=np.uint8)
    for number, (kind, line) in enumerate(zip(kinds.tolist(), lines[:, 1:], strict=True), start=1):
        rows[number] = _row(kind, line, rows[number - 1], step)
    return rows[1:]


def _row(kind: int, line: NDArray[np.uint8], above: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    if kind == _LEFT:
        return np.cumsum(line.reshape(-1, step), axis=0, dtype=np.uint8).reshape(-1)
    return line + above if kind == _UP else line


def _by_diagonals(given: NDArray[np.uint8], kinds: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Two of the filters need the pixels to the left, above and between, so that those of one diagonal, from lower left
    to upper right, are known at once when the diagonals before it are."""
    height, width, step = given.shape
    flat = np.zeros(((height + 1) * (width + 1), step), dtype=np.uint8)
    flat.reshape(height + 1, width + 1, step)[1:, 1:] = given
    for diagonal in range(height + width - 1):
        first, last = max(0, diagonal - width + 1), min(height - 1, diagonal)
        start = (first + 1) * (width + 1) + diagonal - first + 1
        stop = start + (last - first) * width + 1
        left, up, corner = (
            flat[start - back : stop - back : width].astype(np.int16) for back in (1, width + 1, width + 2)
        )
        guess = _guess(kinds[first : last + 1], left, up, corner)
        flat[start:stop:width] += guess.astype(np.uint8)
    return flat.reshape(height + 1, width + 1, step)[1:, 1:]


def _guess(
    kinds: NDArray[np.uint8], left: NDArray[np.int16], up: NDArray[np.int16], corner: NDArray[np.int16]
) -> NDArray[np.int16]:
    to_left, to_up, to_corner = np.abs(up - corner), np.abs(left - corner), np.abs(left + up - 2 * corner)
    paeth = np.where((to_left <= to_up) & (to_left <= to_corner), left, np.where(to_up <= to_corner, up, corner))
    guesses = [np.zeros_like(left), left, up, (left + up) // 2, paeth]
    return np.asarray(np.choose(kinds[:, None], guesses), dtype=np.int16)


def _unpacked(rows: NDArray[np.uint8], depth: int) -> NDArray[np.uint8]:
    """Pixels of less than eight bits stand several in a byte, the first in the highest bits."""
    shifts = np.arange(8 - depth, -1, -depth, dtype=np.uint8)
    values = (rows[:, :, None] >> shifts) & np.uint8((1 << depth) - 1)
    return np.asarray(values.reshape(len(rows), -1), dtype=np.uint8)


def written_png(places: NDArray[np.uint8], palette: Sequence[tuple[int, int, int]]) -> bytes:
    """The PNG of indices (uint8[height, width]) into up to 256 colours."""
    height, width = places.shape
    lines = np.zeros((height, width + 1), dtype=np.uint8)
    lines[:, 1:] = places
    header = struct.pack(">IIBBBBB", width, height, 8, PALETTE, 0, 0, 0)
    colours = bytes(part for colour in palette for part in colour)
    parts = ((b"IHDR", header), (b"PLTE", colours), (b"IDAT", zlib.compress(lines.tobytes(), 6)), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(kind, body) for kind, body in parts)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
