"""Many lines at once: a block of whole records becomes columns, at the speed of the JSON parser.

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
from trueup.capture.decoders.columns import Table
from trueup.capture.records import WHOLE_LINES, Account, Item, Side, WholeLine, read_line, sound_type, type_of
from trueup.errors import DecodeError
from trueup.model import AnswerPath, Capture, Payload, Quarantined, Record

_NEWLINE = ord("\n")
# What an answer is without its numbers: all that a decoder is recognised by, as long as they are probabilities.
_WITHOUT_NUMBERS = str.maketrans("", "", "0123456789.,+-eE ")


class Rows(msgspec.Struct, frozen=True):
    """The captures of a block, a line each, and what the model answered, a row each. `ends` is where each line ends
    in `data`: int64[n]."""

    first_line: int
    offset: int
    data: bytes
    lines: Sequence[WholeLine]
    ends: NDArray[np.int64]
    table: Table
    decoder: str

    def __len__(self) -> int:
        return len(self.lines)

    def ids(self) -> list[tuple[str, str | None]]:
        """Event id and inference id of each."""
        return [(each.eventMetadata.eventId, each.eventMetadata.inferenceId) for each in self.lines]

    def place(self, index: int) -> Place:
        """The line of a capture."""
        start = int(self.ends[index - 1]) + 1 if index else 0
        raw = self.data[start : int(self.ends[index])].removesuffix(b"\r")
        return Place(self.first_line + index, self.offset + start, raw, self.decoder)


class Place(Record, frozen=True):
    """A line that may be asked about, kept as it is until then; `decoder` is who read its answer."""

    line: int
    offset: int
    raw: bytes
    decoder: str

    def read(self) -> Capture | Quarantined:
        return read_line(self.line, self.offset, self.raw)


class Reader:
    """Reads one file, block by block. A block ends with a line's end, but for the last one. `classes` and `decoder`
    are as for trueup.capture.decoders.decode."""

    def __init__(self, classes: tuple[str, ...], decoder: str | AnswerPath | None = None) -> None:
        self._classes = classes
        self._decoder = decoder
        self._recognised: dict[tuple[str, str], str] = {}
        self._account = Account()
        self._line = 0
        self._offset = 0

    def rows(self, block: bytes) -> Rows | None:
        """The block as columns, or None when it has to be read by `items`."""
        lines, ends = _whole(block), _ends(block)
        # Blank lines count, and only the slow way counts them.
        if not lines or len(lines) != len(ends):
            return None
        found = self._table([each.captureData.endpointOutput for each in lines])
        ids = [each.eventMetadata.eventId for each in lines]
        if found is None or not (self._alone(ids) and self._account.events.add_new(ids)):
            return None
        rows = Rows(
            first_line=self._line + 1,
            offset=self._offset,
            data=block,
            lines=lines,
            ends=ends,
            table=found[0],
            decoder=found[1],
        )
        self._line += len(lines)
        self._offset += len(block)
        return rows

    def items(self, block: bytes) -> Iterator[Item]:
        """What each line of the block is, and halves that waited long enough."""
        for offset, raw in _cut(block, self._offset):
            self._line += 1
            yield from self._account.line(self._line, offset, raw)
        self._offset += len(block)

    def rest(self) -> Iterator[Capture]:
        """The halves of events that still wait at the end of the file."""
        yield from self._account.rest()

    def _alone(self, ids: Sequence[str]) -> bool:
        """Whether no half of these events waits."""
        return not self._account.halves or self._account.halves.keys().isdisjoint(ids)

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
