"""Paint as Label Studio keeps it: the picture's bytes red, green, blue and alpha in turn, packed as runs of bits.

The packing is that of https://github.com/thi-ng/umbrella (packages/rle-pack); Label Studio's own reader of it is
label_studio_sdk/converter/brush.py (`decode_rle`), which makes a character of each bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

_CHANNELS = 4
_WORD = 8
# A stroke's edge is smoothed: a pixel counts where at least half of it was painted over.
_HALF = 128


def covered(rle: Sequence[int], width: int, height: int) -> NDArray[np.bool_]:
    """Which pixels are painted over, row by row: bool[height * width]. Raises ValueError for what is no such packing,
    or is one of a picture of another size."""
    bits = _Bits(bytes(rle))
    total = bits.read(32)
    if total != width * height * _CHANNELS:
        raise ValueError(f"it has {total:,} bytes, but {width} x {height} pixels have {width * height * _CHANNELS:,}")
    if bits.read(5) + 1 != _WORD:
        raise ValueError("its words are not bytes")
    sizes = [bits.read(4) + 1 for _ in range(4)]
    values: list[NDArray[np.uint8]] = []
    lengths: list[NDArray[np.int64]] = []
    place = 0
    while place < total:
        repeated = bits.read(1)
        length = bits.read(sizes[bits.read(2)]) + 1
        words = bits.words(1 if repeated else length)
        values.append(words)
        lengths.append(np.full(len(words), length if repeated else 1))
        place += length
    if place != total:
        raise ValueError("its last run is longer than the picture")
    ends = np.cumsum(np.concatenate(lengths))
    # Of the bytes from one run's end to the next one's, every fourth is an alpha.
    pixels = np.diff(ends // _CHANNELS, prepend=0)
    return np.repeat(np.concatenate(values) >= _HALF, pixels)


def runs_of(painted: Iterable[tuple[int, NDArray[np.bool_]]], pixels: int, most: int) -> tuple[tuple[int, int], ...]:
    """Runs (class, length) of layers (class, bool[pixels]); a later one lies on top, and 0 is nothing. Raises
    ValueError for more than `most` of them."""
    image = np.zeros(pixels, dtype=np.uint16)
    for which, where in painted:
        image[where] = which
    starts = np.flatnonzero(np.diff(image, prepend=np.uint16(image[0] ^ 1)))
    if len(starts) > most:
        raise ValueError(f"it has {len(starts):,} runs; at most {most:,} are kept: paint with less detail")
    lengths = np.diff(starts, append=pixels)
    return tuple(zip(image[starts].tolist(), lengths.tolist(), strict=True))


class _Bits:
    """Reads whole numbers of some bits each, the highest bit first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def read(self, size: int) -> int:
        start, self._at = self._at, self._at + size
        self._enough()
        last = (self._at + 7) // 8
        number = int.from_bytes(self._data[start // 8 : last], "big")
        return number >> (last * 8 - self._at) & ((1 << size) - 1)

    def words(self, count: int) -> NDArray[np.uint8]:
        start, self._at = self._at, self._at + count * _WORD
        self._enough()
        part = np.frombuffer(self._data[start // 8 : (self._at + 7) // 8], dtype=np.uint8)
        return np.packbits(np.unpackbits(part)[start % 8 : start % 8 + count * _WORD])

    def _enough(self) -> None:
        if self._at > len(self._data) * 8:
            raise ValueError("it ends too early")
