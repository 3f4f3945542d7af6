"""A segment as a file: what it begins with, what its header says, and where its blocks lie (docs/segments.md)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import msgspec
import numpy as np

from trueup.dataset.segments.columns import Column
from trueup.dataset.segments.encodings import Block, ColumnHead, Stored, write
from trueup.dataset.segments.frames import COLUMNS, FLOATS, GONE, WAS, WHOLE, Frame
from trueup.dataset.segments.keys import HEAD, TAIL, Keys, Rows
from trueup.errors import ManifestError
from trueup.model import Record, Segment

MAGIC = b"trueup\0\1"
_ALIGNED = 8
PREAMBLE = len(MAGIC) + 4
_KINDS: dict[str, type[Any]] = {**dict.fromkeys(FLOATS, np.float64), **dict.fromkeys(WHOLE, np.int64)}
_NAMES = frozenset((*COLUMNS, *WAS, *GONE))

# Reads `length` bytes from a place in a segment.
Ranges = Callable[[int, int], Block]


class Header(Record, frozen=True, kw_only=True, omit_defaults=True):
    """`rows` lines with the columns `columns`, and `removed` removals with the columns `gone`. Ids are `hex` (64
    digits) or `text`, whose bytes behind the eighth are padded to `tail`."""

    rows: int
    removed: int = 0
    ids: str = "hex"
    tail: int = TAIL
    columns: tuple[ColumnHead, ...] = ()
    gone: tuple[ColumnHead, ...] = ()


@dataclass(frozen=True)
class Written:
    """A segment that is to be stored."""

    segment: Segment
    data: bytes


def written(lines: Frame, gone: Frame) -> Written:
    """The segment of some lines and removals, each in order, which have no id in common."""
    columns = [write(name, each) for name, each in lines.columns.items()]
    taken = [write(name, each) for name, each in gone.columns.items()] if len(gone) else []
    keys = [lines.keys, gone.keys]
    filled = [each for each in keys if len(each)] or keys[:1]
    tail = max(each.tails.dtype.itemsize for each in filled)
    header = Header(
        rows=len(lines),
        removed=len(gone),
        ids="text" if filled[0].text else "hex",
        tail=tail,
        columns=tuple(head for head, _ in columns),
        gone=tuple(head for head, _ in taken),
    )
    heads = [each.heads.astype("<u8").tobytes() for each in keys]
    tails = [each.tails.astype(f"S{tail}").tobytes() for each in keys]
    data = b"".join([_preamble(header), *heads, *tails, *(block for _, block in [*columns, *taken])])
    first, last = ("", "") if filled[0].text else _ends(keys)
    return Written(
        Segment(
            sha256=hashlib.sha256(data).hexdigest(),
            samples=len(lines) + len(gone),
            bytes=len(data),
            removed=len(gone),
            first=first,
            last=last,
        ),
        data,
    )


def _ends(keys: Sequence[Keys]) -> tuple[str, str]:
    found = [end for each in keys if len(each) for end in each.take(np.array([0, -1])).ids()]
    return min(found, default=""), max(found, default="")


def _preamble(header: Header) -> bytes:
    text = msgspec.json.encode(header)
    text += b" " * (-(PREAMBLE + len(text)) % _ALIGNED)
    return MAGIC + len(text).to_bytes(4, "little") + text


class Table:
    """A segment that is open: its keys at once, its columns as they are asked for."""

    def __init__(self, header: Header, start: int, fetch: Ranges) -> None:
        self._header = header
        self._start = start
        self._fetch = fetch

    @classmethod
    def of(cls, data: Block) -> Table:
        """A segment that is in memory. Raises ManifestError when it is none."""
        view = memoryview(data)
        table = cls.of_ranges(lambda start, length: view[start : start + length], PREAMBLE)
        if table.size != len(view):
            raise ManifestError(f"a segment has {len(view)} bytes, where its header says {table.size}")
        return table

    @classmethod
    def of_ranges(cls, fetch: Ranges, beginning: int) -> Table:
        """A segment of which ranges are read as they are needed, `beginning` bytes at first."""
        begun = bytes(fetch(0, max(beginning, PREAMBLE)))
        if begun[: len(MAGIC)] != MAGIC:
            raise ManifestError("not a segment of a dataset, or one of a newer trueup")
        length = int.from_bytes(begun[len(MAGIC) : PREAMBLE], "little")
        text = begun[PREAMBLE : PREAMBLE + length]
        if len(text) < length:
            text += bytes(fetch(PREAMBLE + len(text), length - len(text)))
        try:
            header = msgspec.json.decode(text, type=Header)
        except msgspec.MsgspecError as error:
            raise ManifestError(f"the header of a segment: {error}") from error
        return cls(header, PREAMBLE + length, fetch)

    @property
    def text(self) -> bool:
        return self._header.ids == "text"

    @property
    def rows(self) -> int:
        return self._header.rows

    @property
    def removed(self) -> int:
        return self._header.removed

    @cached_property
    def size(self) -> int:
        return self._blocks_start + sum(each.bytes for each in (*self._header.columns, *self._header.gone))

    @cached_property
    def keys(self) -> Keys:
        """Of its lines."""
        return self._keys(0, self.rows)

    @cached_property
    def gone_keys(self) -> Keys:
        """Of its removals."""
        return self._keys(self.rows, self.removed)

    def take(self, rows: Rows, names: Iterable[str] = COLUMNS) -> Frame:
        """Some of its lines. Raises ManifestError."""
        return Frame(self.keys.take(rows), {name: self._column(self._lines, name).take(rows) for name in names})

    def take_gone(self, rows: Rows = slice(None), names: Iterable[str] = GONE) -> Frame:
        """Some of its removals. Raises ManifestError."""
        return Frame(self.gone_keys.take(rows), {name: self._column(self._gone, name).take(rows) for name in names})

    def ends(self) -> tuple[str, str]:
        """The first and the last id that it says something of."""
        return _ends([self.keys, self.gone_keys])

    def column(self, name: str) -> Column:
        return self._column(self._lines, name).take(slice(None))

    @property
    def knows_before(self) -> bool:
        """Whether it tells which labels and splits its samples had before."""
        known = [self._lines] * bool(self.rows) + [self._gone] * bool(self.removed)
        return all(name in each for each in known for name in WAS)

    def _column(self, among: dict[str, Stored], name: str) -> Stored:
        try:
            return among[name]
        except KeyError:
            raise ManifestError(f"a segment has no column {name}", field=name) from None

    @property
    def _blocks_start(self) -> int:
        return self._start + (self.rows + self.removed) * (HEAD + self._header.tail)

    @cached_property
    def _lines(self) -> dict[str, Stored]:
        return dict(self._stored(self._header.columns, self._blocks_start, self.rows))

    @cached_property
    def _gone(self) -> dict[str, Stored]:
        before = sum(each.bytes for each in self._header.columns)
        return dict(self._stored(self._header.gone, self._blocks_start + before, self.removed))

    def _stored(self, heads: Iterable[ColumnHead], start: int, rows: int) -> Iterator[tuple[str, Stored]]:
        for each in heads:
            if each.name in _NAMES:
                yield each.name, Stored(each, rows, partial(self._block, start), _KINDS.get(each.name))
            start += each.bytes

    def _block(self, start: int, offset: int, length: int) -> Block:
        return self._fetch(start + offset, length)

    def _keys(self, before: int, number: int) -> Keys:
        tail, rows = self._header.tail, self.rows + self.removed
        heads = self._fetch(self._start + before * HEAD, number * HEAD)
        tails = self._fetch(self._start + rows * HEAD + before * tail, number * tail)
        if not number:
            return Keys(np.empty(0, np.uint64), np.empty(0, f"S{tail}"), self.text)
        return Keys(np.frombuffer(heads, "<u8"), np.frombuffer(tails, f"S{tail}"), self.text)
