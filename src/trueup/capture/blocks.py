"""Many lines at once: a block of whole records becomes columns.

Lines that differ in their fields alone are read by trueup.capture.layout, others at the speed of the JSON parser.

What is not plain (a line that cannot be read, an event of which one side is missing, an event that comes again,
content types that change, several instances in a request) goes line by line through trueup.capture.records, which
says what is wrong. Both ways find the same in a block, but for one thing: here the base64 of an input is not decoded,
because nobody needs the input of a capture that is not asked about.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.capture.decoders import DECODERS, decode
from trueup.capture.decoders.columns import Table, table_of
from trueup.capture.layout import Grid, Layout, learn
from trueup.capture.records import WHOLE_LINES, Account, Item, Side, WholeLine, read_line, sound_type, type_of
from trueup.capture.repeats import Ids, texts
from trueup.errors import DecodeError
from trueup.model import AnswerPath, Capture, Payload, Prediction, Quarantined, Record

_NEWLINE = ord("\n")
# How many blocks in a row may turn out not to be of the layout of their first line before no more is tried.
_PATIENCE = 3
# What an answer is without its numbers: all that a decoder is recognised by, as long as they are probabilities.
_WITHOUT_NUMBERS = str.maketrans("", "", "0123456789.,+-eE ")


class Rows(msgspec.Struct, frozen=True):
    """The captures of a block, a line each, and what the model answered, a row each. `ends` is where each line ends
    in `data`: int64[n]."""

    first_line: int
    offset: int
    data: bytes
    event_ids: Ids
    attributes: Sequence[Sequence[str]]
    ends: NDArray[np.int64]
    table: Table
    decoder: str

    def __len__(self) -> int:
        return len(self.ends)

    def places(self, which: Sequence[int]) -> list[Place]:
        """The lines of some captures, and what was said of them."""
        indices = np.array(which, dtype=np.int64)
        begins = np.where(indices > 0, self.ends[indices - 1] + 1, 0).tolist()
        bounds = zip(which, begins, self.ends[indices].tolist(), self.table.predictions(indices), strict=True)
        return [
            Place(
                line=self.first_line + index,
                offset=self.offset + begin,
                raw=self.data[begin:end].removesuffix(b"\r"),
                said=said,
            )
            for index, begin, end, said in bounds
        ]


class Place(Record, frozen=True, gc=False):
    """A line that may be asked about, kept as it is until then, and what its answer says."""

    line: int
    offset: int
    raw: bytes
    said: Prediction

    def read(self) -> Capture | Quarantined:
        return read_line(self.line, self.offset, self.raw)


class _Way(msgspec.Struct, frozen=True):
    """A layout that was learned, who reads its answers, and the attributes that all its lines have."""

    layout: Layout
    decoder: str
    attributes: Sequence[str]


class _Lines(msgspec.Struct, frozen=True):
    """What the lines of a block are besides their answers, as in Rows."""

    event_ids: Ids
    attributes: Sequence[Sequence[str]]
    ends: NDArray[np.int64]


class Reader:
    """Reads one file, block by block. A block ends with a line's end, but for the last one. `classes` and `decoder`
    are as for trueup.capture.decoders.decode."""

    def __init__(self, classes: tuple[str, ...], decoder: str | AnswerPath | None = None) -> None:
        self._classes = classes
        self._decoder = decoder
        self._recognised: dict[tuple[str, str], str] = {}
        self._account = Account()
        self._way: _Way | None = None
        self._patience = _PATIENCE
        self._line = 0
        self._offset = 0

    def rows(self, block: bytes) -> Rows | None:
        """The block as columns, or None when it has to be read by `items`."""
        found = self._laid_out(block) or self._parsed(block)
        if found is None or not (self._alone(found.event_ids) and self._account.events.add_new(found.event_ids)):
            return None
        self._line += len(found)
        self._offset += len(block)
        return found

    def items(self, block: bytes) -> Iterator[Item]:
        """What each line of the block is, and halves that waited long enough."""
        for offset, raw in _cut(block, self._offset):
            self._line += 1
            yield from self._account.line(self._line, offset, raw)
        self._offset += len(block)

    def rest(self) -> Iterator[Capture]:
        """The halves of events that still wait at the end of the file."""
        yield from self._account.rest()

    def _alone(self, ids: Ids) -> bool:
        """Whether no half of these events waits."""
        waiting = self._account.halves
        return not waiting or waiting.keys().isdisjoint(texts(ids))

    def _laid_out(self, block: bytes) -> Rows | None:
        """By the layout of the lines before, or else of the first line."""
        grid = self._way.layout.read(block) if self._way else None
        if grid is None and self._patience:
            self._way, grid = self._learned(block)
            self._patience = _PATIENCE if grid else self._patience - 1
        table = table_of(grid.values, self._classes) if grid else None
        if self._way is None or grid is None or table is None:
            return None
        return self._rows(
            block, _Lines(grid.event_ids, [self._way.attributes] * len(grid.ends), grid.ends), table, self._way.decoder
        )

    def _learned(self, block: bytes) -> tuple[_Way | None, Grid | None]:
        """What can be read like the first line, and the block if all of it is."""
        line = block.partition(b"\n")[0]
        first = _whole(line)
        side = first[0].captureData.endpointOutput if len(first) == 1 else None
        if side is None or not sound_type(type_of(side)) or not _sound_inputs(first):
            return None, None
        decoders: set[str] = set()
        for layout in learn(line, lambda text: self._said(text, type_of(side), decoders), self._classes):
            grid = layout.read(block)
            if grid is not None and len(decoders) == 1:
                return _Way(layout, min(decoders), first[0].eventMetadata.customAttributes or ()), grid
        return None, None

    def _said(self, text: str, content_type: str, decoders: set[str]) -> Prediction | None:
        """What one answer says alone, by a decoder that can read many, which is noted."""
        try:
            payload = Payload(data=text.encode(), content_type=content_type)
            found, name = decode(payload, self._classes, self._decoder)
        except (DecodeError, UnicodeEncodeError):
            return None
        decoders.add(name)
        return found[0] if len(found) == 1 and hasattr(DECODERS.get(name), "decode_many") else None

    def _parsed(self, block: bytes) -> Rows | None:
        lines, ends = _whole(block), _ends(block)
        # Blank lines count, and only the slow way counts them.
        if not lines or len(lines) != len(ends) or not _sound_inputs(lines):
            return None
        found = self._table([each.captureData.endpointOutput for each in lines])
        if found is None:
            return None
        ids = [each.eventMetadata.eventId for each in lines]
        return self._rows(
            block, _Lines(ids, [each.eventMetadata.customAttributes or () for each in lines], ends), *found
        )

    def _rows(self, block: bytes, lines: _Lines, table: Table, decoder: str) -> Rows:
        return Rows(
            first_line=self._line + 1,
            offset=self._offset,
            data=block,
            event_ids=lines.event_ids,
            attributes=lines.attributes,
            ends=lines.ends,
            table=table,
            decoder=decoder,
        )

    def _table(self, sides: Sequence[Side]) -> tuple[Table, str] | None:
        """What all of them say, by the decoder of the first; None if it has no way to read many at once."""
        texts = _texts(sides)
        if texts is None:
            return None
        kind = (type_of(sides[0]), texts[0].translate(_WITHOUT_NUMBERS))
        if kind in self._recognised:
            name = self._recognised[kind]
            table = _many(name, texts, self._classes)
            return (table, name) if table else None
        return self._recognise(kind, texts)

    def _recognise(self, kind: tuple[str, str], texts: Sequence[str]) -> tuple[Table, str] | None:
        """An answer of a kind that was not seen before is read both ways, which must find the same."""
        try:
            alone, name = decode(Payload(data=texts[0].encode(), content_type=kind[0]), self._classes, self._decoder)
        except (DecodeError, UnicodeEncodeError):
            return None
        table = _many(name, texts, self._classes) if len(alone) == 1 else None
        if table is None or not table.begins_with(alone[0]):
            return None
        self._recognised[kind] = name
        return table, name


def _many(name: str, texts: Sequence[str], classes: tuple[str, ...]) -> Table | None:
    many = getattr(DECODERS.get(name), "decode_many", None)
    found: Table | None = many(texts, classes) if many else None
    # An answer that is no single one by itself may look like several among the others.
    return found if found is not None and len(found.probabilities) == len(texts) else None


def _whole(block: bytes) -> list[WholeLine]:
    """The records of a block if each line is one, with both sides."""
    try:
        return WHOLE_LINES.decode_lines(block)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []


def _sound_inputs(lines: Sequence[WholeLine]) -> bool:
    """Whether all inputs are of a type that can be one."""
    types = {each.captureData.endpointInput.observedContentType for each in lines}
    return all(not each or sound_type(each) for each in types)


def _ends(block: bytes) -> NDArray[np.int64]:
    """Where the lines end, the last one perhaps without a newline. To split the block takes several times as long."""
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == _NEWLINE)
    return ends if block.endswith(b"\n") else np.append(ends, len(block))


def _texts(sides: Sequence[Side]) -> list[str] | None:
    """The answers as text, if they are of one encoding and type."""
    types = {each.observedContentType for each in sides}
    if len(types) > 1 or len({each.encoding for each in sides}) > 1 or not sound_type(type_of(sides[0])):
        return None
    texts = [each.data for each in sides]
    if sides[0].encoding != "BASE64":
        return texts
    try:
        return [base64.b64decode(each, validate=True).decode() for each in texts]
    except ValueError:
        return None


def _cut(block: bytes, offset: int) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes of each line, without its end."""
    lines = block.split(b"\n")
    if not lines[-1]:
        lines.pop()
    for raw in lines:
        yield offset, raw.removesuffix(b"\r")
        offset += len(raw) + 1
