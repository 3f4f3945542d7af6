"""Lines that differ in nothing but a few fields, read by where these lie: no line is parsed as JSON.

An endpoint writes the same line again and again: the input, the event's id and time and the numbers of the answer
change, every other byte stays. `learn` takes that apart for one line, which was parsed. Another line that has the same
bytes in the same places, and in its fields nothing that ends a string or could not stand in one, is the same record
with other values. A block is held against that as a whole, in a dozen passes of numpy; if a single byte is not as it
should be, the block is none of this layout, and is parsed.

Why it is exact, though the fields are looked for with anchors that may stand elsewhere too: an anchor only says where a
part of the line may begin. Each part is then compared byte by byte, and as many quotes as the parts hold are all that
the block has.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

from trueup.capture.decoders import columns
from trueup.model import Prediction

_QUOTE, _BRACE, _BACKSLASH, _NEWLINE, _COMMA = b'"{\\\n,'
_PRINTABLE = 32
# What a backslash may stand before, as long as nothing else has to be known about what follows.
_ESCAPED = np.isin(np.arange(256), np.frombuffer(b'"/bfnrt', np.uint8))
# Names within an answer, which is text of its own within the line, or its numbers.
_NUMBERS = re.compile(rb'\\"[^"\\]*\\"|(?P<numbers>-?[0-9](?:[0-9.eE+, -]*[0-9])?)')
# Between the rows of numbers: no probability.
_BETWEEN = b",-9,"
_NO_CHANCE = -9.0
_FLOATS = msgspec.json.Decoder(list[float])
_TIMES = msgspec.json.Decoder(list[datetime])
_WORD = 8
Places = NDArray[np.int64]
Bytes = NDArray[np.uint8]
_NOWHERE = np.empty(0, np.int64)


@dataclass(frozen=True)
class Grid:
    """What the lines of a block say: event ids, where each line ends, and the numbers of each answer, float64[n, k]."""

    event_ids: Sequence[bytes]
    ends: Places
    values: NDArray[np.float64]


@dataclass(frozen=True)
class _Part:
    """Bytes that are the same in every line, but for the holes, which are always as wide. `anchor` is the number of
    the brace or backslash of a line by which the part is found, and how far after the part's beginning that stands."""

    text: Bytes
    holes: tuple[slice, ...]
    by: int = 0
    anchor: int = 0
    ahead: int = 0

    def taken(self, block: bytes, begins: Places) -> Bytes | None:
        """The part in each line, uint8[n, width], if it is the same in all of them."""
        width = len(self.text)
        windows = np.ndarray((len(block) - width + 1,), f"V{width}", buffer=block, strides=(1,))
        found = windows[begins].view(np.uint8).reshape(-1, width)
        same = found == self.text
        for hole in self.holes:
            same[:, hole] = True
        return found if same.all() else None


@dataclass(frozen=True)
class Layout:
    """How the lines of a file are made. Between two `parts` lies a field of any width, of which number `values` holds
    the probabilities, `width` of them, and the `numbers` one number each that nobody reads. Event id and time are
    holes: which part's, and where in it."""

    parts: tuple[_Part, ...]
    event_id: tuple[int, slice]
    time: tuple[int, slice]
    quotes: int
    anchors: tuple[int, int]
    values: int
    width: int
    numbers: tuple[int, ...]

    def read(self, block: bytes) -> Grid | None:
        """The block, whose last line may lack its end; None if it is not of this layout."""
        text = np.frombuffer(block, np.uint8)
        found = _Found.of(block, text)
        begins = self._begins(text, found) if found else None
        if found is None or begins is None or found.quotes != self.quotes * len(begins[0]):
            return None
        if found.backslashes is not None and any((text[each - 1] == _BACKSLASH).any() for each in begins[1:]):
            return None
        taken = [part.taken(block, each) for part, each in zip(self.parts, begins, strict=True)]
        rows = [each for each in taken if each is not None]
        if len(rows) < len(taken) or not self._sound(rows):
            return None
        fields = [(begin + len(part.text), end) for part, (begin, end) in zip(self.parts, pairwise(begins), strict=False)]
        values = self._values(block, fields)
        if values is None:
            return None
        part, hole = self.event_id
        return Grid(event_ids=_texts(rows[part][:, hole]), ends=begins[-1] + len(self.parts[-1].text), values=values)

    def _begins(self, text: Bytes, found: _Found) -> list[Places] | None:
        """Where each part begins in each line, in order and without overlap; None where that cannot be."""
        braces, backslashes = (_by_line(places, each) for places, each in zip(found.anchors(), self.anchors, strict=True))
        if braces is None or backslashes is None or len(backslashes) not in (0, len(braces)):
            return None
        starts = braces[:, 0]
        ends = np.append(starts[1:] - 1, len(text) - (text[-1] == _NEWLINE))
        first, *between, last = self.parts
        anchors = (braces, backslashes)
        begins = [starts, *(anchors[each.by][:, each.anchor] - each.ahead for each in between), ends - len(last.text)]
        apart = all(
            (begin + len(part.text) < end).all()
            for part, (begin, end) in zip(self.parts, pairwise(begins), strict=False)
        )
        line_ends = found.controls == len(ends) - (text[-1] != _NEWLINE) and (text[ends[:-1]] == _NEWLINE).all()
        return begins if apart and line_ends and starts[0] == 0 else None

    def _sound(self, rows: Sequence[Bytes]) -> bool:
        """Whether nothing in the holes ends a string, and the times are some."""
        holes = [row[:, hole] for row, part in zip(rows, self.parts, strict=True) for hole in part.holes]
        if any(((each == _QUOTE) | (each == _BACKSLASH)).any() for each in holes):
            return False
        part, hole = self.time
        listed = rows[part][:, hole.start - 1 : hole.stop + 2].copy()
        listed[:, -1] = _COMMA
        try:
            _TIMES.decode(b"[" + listed.tobytes()[:-1] + b"]")
        except msgspec.MsgspecError:
            return False
        return True

    def _values(self, block: bytes, fields: Sequence[tuple[Places, Places]]) -> NDArray[np.float64] | None:
        for each in self.numbers:
            rows = _cut(block, *fields[each])
            if _floats(b",".join(rows), len(rows)) is None:
                return None
        rows = _cut(block, *fields[self.values])
        if self.width == 1:
            alone = _floats(b",".join(rows), len(rows))
            return None if alone is None else alone.reshape(-1, 1)
        # So many numbers in all, and the one that stands between rows where it should: then each row has its own.
        flat = _floats(_BETWEEN.join(rows) + _BETWEEN[:-1], len(rows) * (self.width + 1))
        if flat is None:
            return None
        table = flat.reshape(len(rows), -1)
        return table[:, :-1] if (table[:, -1] == _NO_CHANCE).all() else None


@dataclass(frozen=True)
class _Found:
    """What of a block's bytes the layouts go by: where objects begin, where backslashes are (None where there are
    none), how many quotes are no part of a text, and how many bytes are no printable ASCII."""

    braces: Places
    backslashes: Places | None
    quotes: int
    controls: int

    def anchors(self) -> tuple[Places, Places]:
        return self.braces, _NOWHERE if self.backslashes is None else self.backslashes

    @classmethod
    def of(cls, block: bytes, text: Bytes) -> _Found | None:
        """None of a block that ends in the middle, or whose escapes need to be understood."""
        if block[-1] in (_BRACE, _BACKSLASH):
            return None
        quotes = int(np.count_nonzero(text == _QUOTE))
        backslashes = None
        if b"\\" in block:
            backslashes = _sparse(text == _BACKSLASH)
            escaped = text[backslashes + 1]
            if not _ESCAPED[escaped].all():
                return None
            quotes -= int(np.count_nonzero(escaped == _QUOTE))
        braces = _sparse(text == _BRACE)
        return cls(
            braces=braces[text[braces + 1] == _QUOTE],
            backslashes=backslashes,
            quotes=quotes,
            controls=int(np.count_nonzero(text.view(np.int8) < _PRINTABLE)),
        )


def _sparse(mask: NDArray[np.bool_]) -> Places:
    """Where a mask is true, in half the time of numpy's own way if that is seldom: by words of eight first."""
    whole = len(mask) // _WORD * _WORD
    words = mask[:whole].view(np.uint64)
    hit = np.flatnonzero(words != 0)
    inside = np.flatnonzero(words[hit].view(np.bool_))
    places = (hit[inside // _WORD] * _WORD) + inside % _WORD
    return np.append(places, np.flatnonzero(mask[whole:]) + whole) if whole < len(mask) else places


def _by_line(places: Places, each: int) -> Places | None:
    """int64[n, each]; None if that many of them cannot be in every line."""
    if not each:
        return _NOWHERE.reshape(0, 0)
    if not len(places) or len(places) % each:
        return None
    return places.reshape(-1, each)


def _cut(block: bytes, begins: Places, ends: Places) -> list[bytes]:
    return [block[begin:end] for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)]


def _floats(listed: bytes, count: int) -> NDArray[np.float64] | None:
    """The numbers of a list in JSON, if they are that many."""
    try:
        found = _FLOATS.decode(b"[" + listed + b"]")
    except msgspec.MsgspecError:
        return None
    # A third faster than numpy's own ways from a list to an array.
    return np.frombuffer(struct.pack(f"{count}d", *found)) if len(found) == count else None


def _texts(rows: Bytes) -> list[bytes]:
    """A text each, none of which holds a zero byte."""
    listed: list[bytes] = np.ascontiguousarray(rows).view(f"S{rows.shape[1]}").ravel().tolist()
    return listed


# ---------------------------------------------------------------- learning


class _RawSide(msgspec.Struct):
    data: msgspec.Raw
    encoding: str


class _RawSides(msgspec.Struct):
    endpointInput: _RawSide  # noqa: N815 - the wire's name
    endpointOutput: _RawSide  # noqa: N815


class _RawMetadata(msgspec.Struct):
    eventId: msgspec.Raw  # noqa: N815
    inferenceTime: msgspec.Raw  # noqa: N815
    inferenceId: msgspec.Raw = msgspec.Raw()  # noqa: N815


class _RawLine(msgspec.Struct):
    captureData: _RawSides  # noqa: N815
    eventMetadata: _RawMetadata  # noqa: N815


_RAW_LINES = msgspec.json.Decoder(_RawLine)


def learn(line: bytes, says: Callable[[str], Prediction | None], classes: tuple[str, ...]) -> Layout | None:
    """The layout of a line that is a whole record, without its end. `says` is the one prediction of an answer's text:
    it is asked about some of our own making, to learn which numbers are the probabilities. None for a line that
    has to be understood to be read: where an answer is base64, say, or a text has escapes of characters in it."""
    text = np.frombuffer(line, np.uint8)
    record, found = _RAW_LINES.decode(line), _Found.of(line, text)
    answer = record.captureData.endpointOutput
    if found is None or found.controls or answer.encoding == "BASE64" or not line.startswith(b'{"'):
        return None
    said = _inside(line, answer.data)
    runs = [slice(*each.span("numbers")) for each in _NUMBERS.finditer(line, said.start, said.stop) if each["numbers"]]
    values = _values_of(line, said, runs, says, classes)
    if values is None:
        return None
    given = _inside(line, record.captureData.endpointInput.data)
    return _laid_out(line, found, record.eventMetadata, sorted([given, *runs], key=_start), given, runs[values])


def _laid_out(
    line: bytes, found: _Found, metadata: _RawMetadata, free: list[slice], given: slice, values: slice
) -> Layout | None:
    event_id, time = _inside(line, metadata.eventId), _inside(line, metadata.inferenceTime)
    fixed = [event_id, time]
    if metadata.inferenceId:
        fixed.append(_inside(line, metadata.inferenceId))
    edges = [0, *(edge for each in free for edge in (each.start, each.stop)), len(line)]
    spans = [slice(*each) for each in zip(edges[::2], edges[1::2], strict=True)]
    parts = [_part(line, each, fixed, found) for each in spans]
    whole = [each for each in parts if each is not None]
    if len(whole) < len(parts):
        return None
    backslashes = 0 if found.backslashes is None else len(found.backslashes)
    return Layout(
        parts=tuple(whole),
        event_id=_hole(event_id, spans),
        time=_hole(time, spans),
        quotes=found.quotes,
        anchors=(len(found.braces), backslashes if any(each.by for each in whole) else 0),
        values=free.index(values),
        width=line[values].count(b",") + 1,
        numbers=tuple(index for index, each in enumerate(free) if each not in (given, values)),
    )


def _part(line: bytes, span: slice, fixed: Sequence[slice], found: _Found) -> _Part | None:
    """None where nothing in the part tells where it begins."""
    inside = [each for each in fixed if span.start <= each.start < span.stop]
    holes = tuple(slice(each.start - span.start, each.stop - span.start) for each in inside)
    part = _Part(np.frombuffer(line[span], np.uint8), holes)
    if span.start == 0 or span.stop == len(line):
        return part
    for by, places in enumerate(found.anchors()):
        for index, place in enumerate(places.tolist()):
            if span.start <= place < span.stop:
                return replace(part, by=by, anchor=index, ahead=place - span.start)
    return None


def _hole(field: slice, spans: Sequence[slice]) -> tuple[int, slice]:
    """Which of the parts a field is in, and where."""
    part = next(index for index, each in enumerate(spans) if each.start <= field.start < each.stop)
    start = spans[part].start
    return part, slice(field.start - start, field.stop - start)


def _values_of(
    line: bytes, said: slice, runs: Sequence[slice], says: Callable[[str], Prediction | None], classes: tuple[str, ...]
) -> int | None:
    """Which numbers of an answer are its probabilities: if others stand there, it says others. The rest must be one
    number each, and what they are must not matter."""
    answer = line[said]
    now = says(_told(answer))

    def changed(run: slice, numbers: Sequence[float]) -> Prediction | None:
        text = ", ".join(map(repr, numbers)).encode()
        return says(_told(line[said.start : run.start] + text + line[run.stop : said.stop]))

    values = []
    for index, run in enumerate(runs):
        numbers = _several(line[run].count(b",") + 1)
        table = columns.table([numbers], classes)
        other = changed(run, numbers)
        if table is not None and other is not None and table.begins_with(other):
            values.append(index)
        elif len(numbers) > 1 or now is None or changed(run, [0]) != now or changed(run, [1]) != now:
            return None
    return values[0] if len(values) == 1 else None


def _several(count: int) -> list[float]:
    """A distribution over as many classes, no two of them alike."""
    return [2 * (index + 1) / (count * (count + 1)) for index in range(count)] if count > 1 else [0.25]


def _told(raw: bytes) -> str:
    told: str = msgspec.json.decode(b'"' + raw + b'"')
    return told


def _inside(line: bytes, raw: msgspec.Raw) -> slice:
    """Where in the line the text is that was kept raw, which is a view of the line: without its quotes."""
    start = _address(raw) - _address(line)
    return slice(start + 1, start + len(memoryview(raw)) - 1)


def _address(data: bytes | msgspec.Raw) -> int:
    address: int = np.frombuffer(data, np.uint8).__array_interface__["data"][0]
    return address


def _start(each: slice) -> int:
    return int(each.start)
