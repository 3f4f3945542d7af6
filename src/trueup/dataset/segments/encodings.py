"""How a column lies in a segment: codes into a list of values, numbers of the least width, bytes, or pages of text.

See docs/segments.md. A stored column gives some of its rows without the others being decoded.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from trueup.dataset.segments.columns import Coded, Codes, Column, Hexes, Numbers, Text, is_repeated, repeated
from trueup.dataset.segments.keys import Rows
from trueup.errors import ManifestError
from trueup.model import Record

# Of more values than this a list costs a reader more than it saves.
_MOST_VALUES = 65_536
_MOST_LEVELS = 256
_LOOK = 1_024
PAGE_ROWS = 4_096
_LEVEL = 6
_NOTHING = 0

Block = bytes | bytearray | memoryview
Fetch = Callable[[int, int], Block]


class ColumnHead(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What a segment's header says of a column whose block is `bytes` long.

    `codes`: `bits` for each row, a place in `values` (or, of numbers, in `levels`, their bits). `numbers`: `width`
    bytes for each row, to be added to `base`. `hex`: `width` bytes for each row, then, with `missing`, a bit for each
    row. `text`: lengths plus one of `width` bytes for each row, then compressed pages, whose sizes are in `pages`.
    """

    name: str
    kind: Literal["codes", "numbers", "hex", "text"]
    bytes: int = 0
    bits: int = 0
    width: int = 0
    base: int = 0
    values: tuple[Text, ...] = ()
    levels: tuple[int, ...] = ()
    missing: bool = False
    pages: tuple[int, ...] = ()


@dataclass(frozen=True)
class Stored:
    """A column of `rows` rows as it lies in a segment. `fetch` reads `length` bytes from a place in its block."""

    head: ColumnHead
    rows: int
    fetch: Fetch
    kind: type[Any] | None = None

    def take(self, rows: Rows) -> Column:
        """Raises ManifestError."""
        return _TAKEN[self.head.kind](self, rows)

    @cached_property
    def block(self) -> Block:
        return self.fetch(0, self.head.bytes)

    @cached_property
    def pages(self) -> _Pages:
        return _Pages(self)

    @cached_property
    def values(self) -> list[Text]:
        return list(self.head.values)


# ---------------------------------------------------------------- to bytes


def write(name: str, column: Column) -> tuple[ColumnHead, bytes]:
    """The same bytes for the same values, however they came together."""
    if isinstance(column, Coded):
        return _write_texts(name, column)
    return _write_numbers(name, column) if isinstance(column, Numbers) else _write_hexes(name, column)


def _write_texts(name: str, column: Coded) -> tuple[ColumnHead, bytes]:
    used = np.bincount(column.codes, minlength=len(column.values))
    values = sorted(
        {column.values[each] for each in np.flatnonzero(used).tolist()}, key=lambda each: (each is not None, each or "")
    )
    few = len(values) <= min(_MOST_VALUES, max(16, len(column) // 4))
    if not few:
        return _write_pages(name, column)
    places = {each: place for place, each in enumerate(values)}
    moved = np.array([places.get(each, 0) for each in column.values], np.uint32)
    bits = _bits(len(values))
    data = _packed(moved[column.codes], bits)
    return ColumnHead(name=name, kind="codes", bytes=len(data), bits=bits, values=tuple(values)), data


def _write_pages(name: str, column: Coded) -> tuple[ColumnHead, bytes]:
    texts = [None if each is None else each.encode() for each in column.tolist()]
    lengths = np.array([_NOTHING if each is None else len(each) + 1 for each in texts], np.uint64)
    width = _width(int(lengths.max(initial=0)))
    starts = range(0, len(texts), PAGE_ROWS)
    pages = [zlib.compress(b"".join(each or b"" for each in texts[at : at + PAGE_ROWS]), _LEVEL) for at in starts]
    data = b"".join([_narrow(lengths, width), *pages])
    sizes = tuple(map(len, pages))
    return ColumnHead(name=name, kind="text", bytes=len(data), width=width, pages=sizes), data


def _write_numbers(name: str, column: Numbers) -> tuple[ColumnHead, bytes]:
    whole: NDArray[np.uint64] = np.ascontiguousarray(column.array).view(np.uint64)
    levels = _levels(whole)
    if levels is not None:
        bits = _bits(len(levels))
        data = _packed(np.searchsorted(levels, whole).astype(np.uint32), bits)
        listed = tuple(levels.tolist())
        return ColumnHead(name=name, kind="codes", bytes=len(data), bits=bits, levels=listed), data
    base = int(whole.min())
    moved = whole - np.uint64(base)
    width = _width(int(moved.max()))
    data = _narrow(moved, width)
    return ColumnHead(name=name, kind="numbers", bytes=len(data), width=width, base=base), data


def _levels(whole: NDArray[np.uint64]) -> NDArray[np.uint64] | None:
    """The distinct ones, where they are few."""
    few = min(_MOST_LEVELS, max(1, len(whole) // 4))
    if len(np.unique(whole[:_LOOK])) > few:
        return None
    levels = np.unique(whole)
    return levels if len(levels) <= few else None


def _write_hexes(name: str, column: Hexes) -> tuple[ColumnHead, bytes]:
    missing = bool(column.missing.any())
    flags = np.packbits(column.missing, bitorder="little").tobytes() if missing else b""
    width = column.array.dtype.itemsize
    data = np.ascontiguousarray(column.array).tobytes() + flags
    return ColumnHead(name=name, kind="hex", bytes=len(data), width=width, missing=missing), data


def _bits(values: int) -> int:
    """The least number of bits that such a place needs, of those that are packed."""
    return next(each for each in (0, 1, 2, 4, 8, 16, 32) if values <= 1 << each)


def _packed(codes: NDArray[np.uint32], bits: int) -> bytes:
    if bits >= 8:
        return codes.astype(f"<u{bits // 8}").tobytes()
    if bits == 0:
        return b""
    each_byte = 8 // bits
    padded = np.zeros(-(-len(codes) // each_byte) * each_byte, np.uint8)
    padded[: len(codes)] = codes
    table = padded.reshape(-1, each_byte)
    found = table[:, 0].copy()
    for place in range(1, each_byte):
        found |= table[:, place] << (place * bits)
    return found.tobytes()


def _width(largest: int) -> int:
    return max(1, -(-largest.bit_length() // 8))


def _narrow(numbers: NDArray[np.uint64], width: int) -> bytes:
    table = numbers.astype("<u8").view(np.uint8).reshape(-1, 8)
    return np.ascontiguousarray(table[:, :width]).tobytes()


# ---------------------------------------------------------------- and back


def _codes(stored: Stored, rows: Rows) -> Column:
    head = stored.head
    size = len(head.levels) if stored.kind else len(head.values)
    codes = _unpacked(stored, rows)
    if len(codes) and int(codes.max()) >= size:
        raise ManifestError(f"column {head.name} has a code without a value", field=head.name)
    if stored.kind is None:
        return Coded(codes, stored.values)
    levels = np.array(head.levels, np.uint64).view(stored.kind)
    return Numbers(repeated(levels[0], len(codes)) if is_repeated(codes) else levels[codes])


def _unpacked(stored: Stored, rows: Rows) -> Codes:
    bits = stored.head.bits
    if bits == 0:
        return repeated(np.uint8(0), _number(rows, stored.rows))
    if bits >= 8:
        found: Codes = np.frombuffer(stored.block, f"<u{bits // 8}")[rows]
        return found
    packed = np.frombuffer(stored.block, np.uint8)
    return _spread(packed, rows, bits, stored.rows) if isinstance(rows, slice) else _picked(packed, rows, bits)


def _spread(packed: NDArray[np.uint8], rows: slice, bits: int, number: int) -> Codes:
    start, stop, _ = rows.indices(number)
    each_byte = 8 // bits
    first = start // each_byte
    part = packed[first : -(-stop // each_byte)]
    table = np.empty((len(part), each_byte), np.uint8)
    for place in range(each_byte):
        table[:, place] = (part >> (place * bits)) & ((1 << bits) - 1)
    return table.ravel()[start - first * each_byte : max(start, stop) - first * each_byte]


def _picked(packed: NDArray[np.uint8], rows: NDArray[np.int64], bits: int) -> Codes:
    each_byte = 8 // bits
    shifts = ((rows % each_byte) * bits).astype(np.uint8)
    return (packed[rows // each_byte] >> shifts) & np.uint8((1 << bits) - 1)


def _number(rows: Rows, number: int) -> int:
    return len(range(*rows.indices(number))) if isinstance(rows, slice) else len(rows)


def _numbers(stored: Stored, rows: Rows) -> Column:
    whole = _wide(stored.block, stored.head.width, rows)
    whole += np.uint64(stored.head.base)
    return Numbers(whole.view(stored.kind or np.int64))


def _wide(block: Block, width: int, rows: Rows) -> NDArray[np.uint64]:
    if width in (1, 2, 4, 8):
        return np.frombuffer(block, f"<u{width}")[rows].astype(np.uint64)
    table = np.frombuffer(block, np.uint8).reshape(-1, width)[rows]
    whole = np.zeros((len(table), 8), np.uint8)
    whole[:, :width] = table
    return whole.view("<u8").ravel()


def _hexes(stored: Stored, rows: Rows) -> Column:
    width = stored.head.width
    array = np.frombuffer(stored.block, f"S{width}", stored.rows)[rows]
    if not stored.head.missing:
        return Hexes(array, repeated(np.bool_(False), len(array)))
    flags = np.frombuffer(stored.block, np.uint8, offset=stored.rows * width)
    bits: Any = np.unpackbits(flags, count=stored.rows, bitorder="little")
    return Hexes(array, bits.view(np.bool_)[rows])


class _Pages:
    """Pages of text, of which the newest stays decompressed."""

    def __init__(self, stored: Stored) -> None:
        head = stored.head
        self._stored = stored
        self._lengths = _wide(stored.fetch(0, stored.rows * head.width), head.width, slice(None)).astype(np.int64)
        self._places = np.concatenate([[stored.rows * head.width], head.pages]).cumsum().tolist()
        self._at = -1
        self._texts: list[Text] = []

    def pick(self, rows: Sequence[int]) -> list[Text]:
        return [self._page(row // PAGE_ROWS)[row % PAGE_ROWS] for row in rows]

    def _page(self, number: int) -> list[Text]:
        if number != self._at:
            self._texts, self._at = self._read(number), number
        return self._texts

    def _read(self, number: int) -> list[Text]:
        start, stop = self._places[number : number + 2]
        try:
            raw = zlib.decompress(self._stored.fetch(start, stop - start))
        except zlib.error as error:
            raise ManifestError(f"column {self._stored.head.name} has a broken page: {error}") from error
        lengths = self._lengths[number * PAGE_ROWS : (number + 1) * PAGE_ROWS]
        ends = np.maximum(lengths - 1, 0).cumsum().tolist()
        if (ends[-1] if ends else 0) != len(raw):
            raise ManifestError(f"column {self._stored.head.name} has a page of another length than its texts")
        return [
            None if length == _NOTHING else raw[start:end].decode()
            for length, start, end in zip(lengths.tolist(), [0, *ends], ends, strict=False)
        ]


def _texts(stored: Stored, rows: Rows) -> Column:
    positions = range(*rows.indices(stored.rows)) if isinstance(rows, slice) else rows.tolist()
    texts = stored.pages.pick(positions)
    return Coded(np.arange(len(texts), dtype=np.uint32), texts)


_TAKEN: dict[str, Callable[[Stored, Rows], Column]] = {
    "codes": _codes,
    "numbers": _numbers,
    "hex": _hexes,
    "text": _texts,
}
